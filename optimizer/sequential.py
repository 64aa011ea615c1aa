"""Permitted conditions by giving parameters their values one after the other.

Each value is one that the sums still allow, by what is the least and the most that the parameters
after it can add; what meets a dead end is dropped. Of a share of a whole the rest is drawn as the
uniform distribution on a simplex has it, a beta distribution (Devroye 1986, chapter 5).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from optimizer.program import Values
from protocols.conditions import Value
from protocols.constraints import CardinalityConstraint, Sum
from protocols.parameters import Parameter
from protocols.search_space import SearchSpace

_ORDERS = 20  # orders in which parameters get their values
_TRIES = 3
_SLACK = 1e-9

Floats = NDArray[np.float64]


def sequential_values(
    space: SearchSpace, decided: Mapping[str, Value], number: int, rng: np.random.Generator
) -> list[Values]:
    """Up to `number` different permitted conditions with the decided values; none if it fails."""
    found: dict[tuple[Value | None, ...], Values] = {}
    each = -(-number // _ORDERS)
    for _ in range(_ORDERS * _TRIES):
        for values in _Draw(space, decided, each, rng).values():
            if space.permits(values):
                found.setdefault(tuple(values.get(name) for name in space.by_name), values)
        if len(found) >= number:
            break
    return list(found.values())[:number]


class _Draw:
    """`number` conditions that get their values in the same order, and are then checked."""

    def __init__(
        self,
        space: SearchSpace,
        decided: Mapping[str, Value],
        number: int,
        rng: np.random.Generator,
    ) -> None:
        self._space, self._decided, self._number, self._rng = space, decided, number, rng
        self._rules = [rule for constraint in space.constraints for rule in constraint.sums]
        self._low, self._high = (
            {name: np.full(number, end) for name, end in self._ends(which).items()}
            for which in (0, 1)
        )
        for constraint in space.constraints:
            if isinstance(constraint, CardinalityConstraint):
                self._leave_out(constraint)

    def _ends(self, which: int) -> dict[str, float]:
        """The least (0) or the most (1) that each parameter counts in sums."""
        ends = {}
        for parameter in self._space.parameters:
            if parameter.has_order:
                given = self._decided.get(parameter.name)
                value = parameter.extremes[which] if given is None else parameter.snap(given)
                assert value is not None
                ends[parameter.name] = parameter.amount(value)
        return ends

    def _leave_out(self, rule: CardinalityConstraint) -> None:
        """Some of the parameters, at random for each condition, are to be 0."""
        least, most = rule.limits
        possible = [n for n in rule.parameters if n not in self._decided and self._has_zero(n)]
        fixed = len(rule.parameters) - len(possible)
        most = min(max(most - fixed, 0), len(possible))
        used = self._rng.integers(min(max(least - fixed, 0), most), most + 1, self._number)
        # A few of the largest numbers are sums' only way out: half of the conditions use them.
        used[: self._number // 2] = most
        ranks = self._rng.random((self._number, len(possible))).argsort(axis=1).argsort(axis=1)
        for place, name in enumerate(possible):
            out = ranks[:, place] >= used
            self._low[name] = np.where(out, 0.0, self._low[name])
            self._high[name] = np.where(out, 0.0, self._high[name])

    def _has_zero(self, name: str) -> bool:
        parameter = self._space.by_name[name]
        if parameter.choices is None:
            return bool(self._low[name][0] <= 0 <= self._high[name][0])
        return any(parameter.amount(value) == 0 for value in parameter.choices)

    def values(self) -> list[Values]:
        """The conditions that met no dead end."""
        parents = {name for parameter in self._space.parameters for name in parameter.when}
        free = [p for p in self._space.parameters if p.name not in parents]
        order = [self._space.by_name[name] for name in self._space.by_name if name in parents]
        order += [free[index] for index in self._rng.permutation(len(free))]
        drawn: dict[str, list[Value | None]] = {}
        for parameter in order:
            active = self._active(parameter, drawn)
            for end in (self._low, self._high):
                if parameter.has_order:
                    end[parameter.name] = np.where(active, end[parameter.name], 0.0)
            values = self._values_of(parameter)
            drawn[parameter.name] = [
                value if there else None for value, there in zip(values, active, strict=True)
            ]
        return [
            {name: value for name in self._space.by_name if (value := drawn[name][i]) is not None}
            for i in range(self._number)
        ]

    def _active(
        self, parameter: Parameter, drawn: Mapping[str, list[Value | None]]
    ) -> NDArray[np.bool_]:
        found = np.ones(self._number, dtype=bool)
        for name, allowed in parameter.when.items():
            found &= np.array([value in allowed for value in drawn[name]], dtype=bool)
        return found

    def _values_of(self, parameter: Parameter) -> list[Value]:
        given = self._decided.get(parameter.name)
        if given is not None:
            value = parameter.snap(given)
            assert value is not None
            return [value] * self._number
        name, levels = parameter.name, parameter.choices
        if not parameter.has_order:
            assert levels is not None
            return [levels[i] for i in self._rng.integers(len(levels), size=self._number)]
        low, high, left = self._allowed(name)
        share = np.where(
            left > 0,
            self._rng.beta(1.0, np.maximum(left, 1)),
            self._rng.random(self._number),
        )
        wanted = low + share * np.maximum(high - low, 0.0)
        if levels is None:
            chosen = np.clip(wanted, self._low[name], self._high[name])
            found: list[Value] = chosen.tolist()
        else:
            amounts = np.array([parameter.amount(level) for level in levels])
            slack = _SLACK * (1e-300 + np.abs(amounts).max())
            outside = (amounts < low[:, None] - slack) | (amounts > high[:, None] + slack)
            distance = np.abs(amounts - wanted[:, None]) + np.where(outside, np.inf, 0.0)
            distance[outside.all(axis=1)] = 0.0  # a dead end: whatever it is, it is not permitted
            index = distance.argmin(axis=1)
            chosen = amounts[index]
            found = [levels[i] for i in index]
        self._low[name] = self._high[name] = chosen
        return found

    def _allowed(self, name: str) -> tuple[Floats, Floats, Floats]:
        """What a parameter may count at least and at most, and how many share what is left."""
        low, high = self._low[name].copy(), self._high[name].copy()
        sharing = np.zeros(self._number)
        for rule in self._rules:
            weight = rule.terms.get(name, 0.0)
            if not weight:
                continue
            least, most, others = self._rest(rule, name)
            ends = (rule.low - most) / weight, (rule.high - least) / weight
            low = np.maximum(low, np.minimum(*ends))
            high = np.minimum(high, np.maximum(*ends))
            sharing = np.maximum(sharing, others)
        return low, high, sharing

    def _rest(self, rule: Sum, name: str) -> tuple[Floats, Floats, Floats]:
        """The least and the most that the others add to a sum, and how many are still open."""
        least, most, others = (np.zeros(self._number) for _ in range(3))
        for other, weight in rule.terms.items():
            if other != name:
                ends = weight * self._low[other], weight * self._high[other]
                least, most = least + np.minimum(*ends), most + np.maximum(*ends)
                others = others + (self._high[other] > self._low[other])
        return least, most, others
