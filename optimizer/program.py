"""The constraints of a search space as a mixed-integer program, which `scipy.optimize.milp` solves.

It knows whether any condition is permitted, finds one that was not seen yet, and says which
constraints contradict each other. Continuous parameters are in shares of their ranges and rows are
scaled, so that the solver's tolerance means the same in any unit.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.conditions import Value
from protocols.constraints import BaseConstraint, CardinalityConstraint, ForbiddenCombination
from protocols.parameters import Parameter
from protocols.search_space import SearchSpace

_SECONDS = 10.0
_INFEASIBLE = 2
_LEAST_USED = 1e-4  # share of its range that a continuous parameter has at least if it is used

Values = dict[str, Value]
Weights = dict[int, float]


class _Affine(NamedTuple):
    """Column -> weight, and a constant."""

    weights: Weights
    constant: float = 0.0


class Program:
    """The permitted conditions of a search space that have some decided values.

    A level is a column of 0 or 1, and a range is a column of 0..1, its share; a parameter that is
    not active has 0 in all of them.
    """

    def __init__(
        self, space: SearchSpace, rules: Sequence[BaseConstraint], decided: Mapping[str, Value]
    ) -> None:
        """Of these of the space's constraints."""
        self._space, self._decided = space, decided
        self.columns: list[tuple[Parameter | None, Value | None]] = []
        self._integral: list[int] = []
        self._upper: list[float] = []
        self._rows: list[tuple[Weights, float, float]] = []
        self._place: dict[tuple[str, Value | None], int] = {}
        self._active: dict[str, _Affine] = {}
        self._used: dict[str, int] = {}
        for parameter in space.parameters:
            self._add_parameter(parameter)
        for rule in rules:
            self._add_rule(rule)

    def _column(self, parameter: Parameter | None, value: Value | None, integral: bool) -> int:
        self.columns.append((parameter, value))
        self._integral.append(int(integral))
        self._upper.append(1.0)
        return len(self.columns) - 1

    def _add_parameter(self, parameter: Parameter) -> None:
        active = self._activity(parameter)
        self._active[parameter.name] = active
        levels = parameter.choices
        given = self._decided.get(parameter.name)
        value = None if given is None else parameter.snap(given)
        own: Weights = {}
        for level in (None,) if levels is None else levels:
            column = self._column(parameter, level, levels is not None)
            self._place[parameter.name, level] = column
            own[column] = 1.0
            if levels is not None and value is not None and level != value:
                self._upper[column] = 0.0
        if levels is None and value is not None:
            low, high = bounds_of(parameter)
            share = (float(value) - low) / (high - low)
            self._rows.append((own, share, share))
        minus = {column: -weight for column, weight in active.weights.items()}
        lowest = -np.inf if levels is None else active.constant
        self._rows.append((own | minus, lowest, active.constant))

    def _activity(self, parameter: Parameter) -> _Affine:
        """Whether a parameter is active: 1 or 0."""
        chosen = [
            {self._place[name, value]: 1.0 for value in values}
            for name, values in parameter.when.items()
        ]
        if not chosen:
            return _Affine({}, 1.0)
        if len(chosen) == 1:
            return _Affine(chosen[0])
        both = self._column(None, None, integral=True)
        every: Weights = {both: 1.0}
        for one in chosen:
            self._rows.append(({both: 1.0} | dict.fromkeys(one, -1.0), -np.inf, 0.0))
            every |= dict.fromkeys(one, -1.0)
        self._rows.append((every, 1.0 - len(chosen), np.inf))
        return _Affine({both: 1.0})

    def _amount(self, name: str) -> _Affine:
        parameter, active = self._space.by_name[name], self._active[name]
        if parameter.choices is not None:
            return _Affine({self._place[name, v]: parameter.amount(v) for v in parameter.choices})
        low, high = bounds_of(parameter)
        weights = {column: low * weight for column, weight in active.weights.items()}
        return _Affine(weights | {self._place[name, None]: high - low}, low * active.constant)

    def _add_rule(self, rule: BaseConstraint) -> None:
        for total in rule.sums:
            weights: Weights = {}
            constant = 0.0
            for name, factor in total.terms.items():
                amount = self._amount(name)
                for column, weight in amount.weights.items():
                    weights[column] = weights.get(column, 0.0) + factor * weight
                constant += factor * amount.constant
            self._rows.append((weights, total.low - constant, total.high - constant))
        if isinstance(rule, CardinalityConstraint):
            self._add_cardinality(rule)
        elif isinstance(rule, ForbiddenCombination):
            self._add_forbidden(rule)

    def _add_cardinality(self, rule: CardinalityConstraint) -> None:
        weights: Weights = {}
        always = 0
        for name in rule.parameters:
            parameter = self._space.by_name[name]
            low, high = (0.0, 0.0) if parameter.choices is not None else bounds_of(parameter)
            if parameter.choices is not None:
                levels = [v for v in parameter.choices if parameter.amount(v) != 0]
                weights |= {self._place[name, level]: 1.0 for level in levels}
            elif low > 0 or high < 0:
                active = self._active[name]
                weights |= active.weights
                always += int(active.constant)
            else:
                weights[self._use(name, low, high)] = 1.0
        least, most = rule.limits
        self._rows.append((weights, least - always, most - always))

    def _use(self, name: str, low: float, high: float) -> int:
        """The column of whether a continuous parameter, whose range has 0, is used."""
        if name not in self._used:
            used = self._used[name] = self._column(None, None, integral=True)
            share, zero = self._place[name, None], -low / (high - low)
            # Not used: the share is that of 0. Used: above it, or anywhere where 0 is in between.
            self._rows.append(({share: 1.0, used: zero - 1.0}, -np.inf, zero))
            least = _LEAST_USED if zero == 0.0 else -zero
            self._rows.append(({share: 1.0, used: -least}, zero, np.inf))
        return self._used[name]

    def _add_forbidden(self, rule: ForbiddenCombination) -> None:
        # A single value of a range can always be avoided by a hair, unless it is decided.
        ranges = [name for name in rule.when if self._space.by_name[name].choices is None]
        if all(self._decided.get(name) in rule.when[name] for name in ranges):
            together = {
                self._place[name, value]: 1.0
                for name, values in rule.when.items()
                if name not in ranges
                for value in values
            }
            self._rows.append((together, -np.inf, len(rule.when) - len(ranges) - 1.0))

    def forbid(self, values: Mapping[str, Value]) -> None:
        """Find no condition with these levels any more."""
        levels = {
            self._place[name, value]: 1.0
            for name, value in values.items()
            if self._space.by_name[name].choices is not None
        }
        self._rows.append((levels, -np.inf, len(levels) - 1.0))

    def solution(self, rng: np.random.Generator | None = None) -> Values | None:
        """Permitted values, of least random cost; None where nothing is permitted.

        Raises:
            ValueError: the solver does not know after ten seconds.
        """
        # Imported only here: it takes a second, which whoever only looks at a campaign saves.
        from scipy.optimize import Bounds, LinearConstraint, milp

        number = len(self.columns)
        cost = np.zeros(number) if rng is None else rng.standard_normal(number)
        matrix = np.zeros((len(self._rows), number))
        ends = np.array([(low, high) for _, low, high in self._rows])
        for index, (row, _, _) in enumerate(self._rows):
            for column, weight in row.items():
                matrix[index, column] = weight
        sizes = np.abs(matrix).max(axis=1)
        sizes[sizes == 0] = 1.0
        found = milp(
            cost,
            integrality=np.array(self._integral),
            bounds=Bounds(0.0, self._upper),
            constraints=LinearConstraint(matrix / sizes[:, None], *(ends / sizes[:, None]).T),
            options={"time_limit": _SECONDS},
        )
        if found.x is None:
            if found.status == _INFEASIBLE:
                return None
            raise ValueError(
                f"whether any condition meets the constraints is not known: {found.message}"
            )
        return self._values(found.x)

    def _values(self, x: NDArray[np.float64]) -> Values:
        values: Values = {}
        for (parameter, level), share in zip(self.columns, x, strict=True):
            if parameter is None or not parameter.active(values):
                continue
            if level is not None:
                if share > 0.5:
                    values[parameter.name] = level
                continue
            low, high = bounds_of(parameter)
            unused = parameter.name in self._used and x[self._used[parameter.name]] < 0.5
            values[parameter.name] = 0.0 if unused else low + min(max(share, 0), 1) * (high - low)
        return values


def unseen_values(
    space: SearchSpace, decided: Mapping[str, Value], seen: Iterable[Mapping[str, Value]]
) -> Values | None:
    """Permitted values whose levels none of `seen` has; None where there are none.

    Raises:
        ValueError: the solver does not know after ten seconds.
    """
    program = Program(space, space.constraints, decided)
    for values in seen:
        if all(values.get(name) == value for name, value in decided.items()):
            program.forbid(values)
    while (found := program.solution()) is not None:
        if space.permits(found):
            return found
        program.forbid(found)  # permitted only to within the solver's tolerance
    return None


def contradiction(space: SearchSpace, decided: Mapping[str, Value]) -> str | None:
    """Why no condition is permitted in a well that decides these values; None where one is.

    It names constraints of which none can be left out.

    Raises:
        ValueError: the solver does not know after ten seconds.
    """
    rules = list(space.constraints)
    if Program(space, rules, decided).solution() is not None:
        return None
    for rule in tuple(rules):
        fewer = [other for other in rules if other is not rule]
        if Program(space, fewer, decided).solution() is None:
            rules = fewer
    values = ", ".join(f"{name}={value}" for name, value in decided.items())
    place = f" in a well with {values}" if values else ""
    contradicting = " and ".join(str(rule) for rule in rules)
    return f"no condition meets {contradicting}{place}: loosen them"


def bounds_of(parameter: Parameter) -> tuple[float, float]:
    """The lowest and the highest value of a parameter with a range."""
    low, high = parameter.extremes
    return float(low), float(high)
