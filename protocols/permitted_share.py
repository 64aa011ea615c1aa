"""How much of a search space its constraints leave, by sampling; for people who set them up."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from protocols.conditions import Value
from protocols.constraints import BaseConstraint, Sum
from protocols.parameters import Parameter
from protocols.search_space import SearchSpace

SAMPLES = 2_000
"""Conditions that are drawn: a share of a half is known to within 0.02 (two standard errors)."""


class PermittedShare(NamedTuple):
    """The share of conditions, 0 to 1, that all constraints permit together and each by itself.

    `by_rule` is in the order of the constraints; `exact` are the indices of those that leave a
    share of the space only because one of their parameters follows from the others.
    """

    share: float
    by_rule: tuple[float, ...]
    exact: frozenset[int]


def permitted_share(space: SearchSpace, seed: int = 0, samples: int = SAMPLES) -> PermittedShare:
    """The share of conditions that the constraints permit.

    Every level is as likely as the others, and every value of a range on its scale. Of a sum that
    is to be exactly something nearly no random condition of ranges fulfils it: there one parameter
    of it follows from the others, and the share is that of conditions in which it is in its range.

    Args:
        space: parameters and constraints; what wells decide varies like all others.
        seed: of the sample.
        samples: how many conditions are drawn.
    """
    if not space.constraints:
        return PermittedShare(1.0, (), frozenset())
    rng = np.random.default_rng(seed)
    following = _following(space)
    counts: Counter[int] = Counter()
    permitted = 0
    for _ in range(samples):
        values = _drawn(space, rng)
        inside = _complete(space, values, following)
        held = [
            inside.get(index, True) and _holds(space, rule, values)
            for index, rule in enumerate(space.constraints)
        ]
        counts.update(index for index, holds in enumerate(held) if holds)
        permitted += all(held)
    rules = range(len(space.constraints))
    by_rule = tuple(counts[index] / samples for index in rules)
    return PermittedShare(permitted / samples, by_rule, frozenset(following))


def _drawn(space: SearchSpace, rng: np.random.Generator) -> dict[str, Value]:
    """A condition of independent values, without what is not active."""
    values: dict[str, Value] = {}
    for parameter in space.parameters:
        if parameter.active(values):
            choices = parameter.choices
            entry = rng.random() if choices is None else float(rng.integers(len(choices)))
            values[parameter.name] = parameter.value_of(entry)
    return values


def _following(space: SearchSpace) -> dict[int, tuple[Sum, Parameter]]:
    """For the sums that are exactly something: the one parameter of each that follows.

    It has a range, is always active, and is in no sum before it, so that sums can be met in turn.
    """
    found: dict[int, tuple[Sum, Parameter]] = {}
    bound: set[str] = set()
    for index, rule in enumerate(space.constraints):
        exact = next((it for it in rule.sums if it.low == it.high), None)
        if exact is None:
            continue
        free = [
            space.by_name[name]
            for name, weight in exact.terms.items()
            if weight and name not in bound and name in space.by_name
        ]
        free = [parameter for parameter in free if parameter.choices is None and not parameter.when]
        if free:
            widest = max(free, key=lambda it: _width(it) * abs(exact.terms[it.name]))
            found[index] = exact, widest
        bound |= exact.terms.keys()
    return found


def _width(parameter: Parameter) -> float:
    low, high = parameter.extremes
    return float(high) - float(low)


def _complete(
    space: SearchSpace,
    values: dict[str, Value],
    following: Mapping[int, tuple[Sum, Parameter]],
) -> dict[int, bool]:
    """Set what follows from the rest; whether it came to lie in its range, by constraint."""
    inside = {}
    for index, (exact, parameter) in following.items():
        others = space.amounts({n: v for n, v in values.items() if n != parameter.name})
        value = (exact.low - exact.of(others)) / exact.terms[parameter.name]
        inside[index] = parameter.allows(value)
        values[parameter.name] = value
    return inside


def _holds(space: SearchSpace, rule: BaseConstraint, values: Mapping[str, Value]) -> bool:
    return rule.permits(space.amounts(values) if rule.summed else values)
