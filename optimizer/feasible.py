"""Conditions that meet every constraint, found whenever there are any.

A permitted share of the box that random points hit is sampled by rejection. Where it is small or
flat, `scipy.optimize.milp` finds permitted conditions for random costs, and the continuous values
of each are sampled from the polytope that is left (hit and run, by BoTorch).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from botorch.utils.sampling import get_polytope_samples
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from protocols import constraints
from protocols.conditions import Value
from protocols.constraints import Constraint
from protocols.parameters import NumericParameter, Parameter
from protocols.search_space import SearchSpace

_SOLUTIONS = 60
_POOL = 600
_BURN_IN, _THINNING = 200, 4
_SECONDS = 5.0
_INFEASIBLE = 2

Values = dict[str, Value]


class _Program(NamedTuple):
    """A mixed-integer program: a column a range, and a column a level.

    `columns` are (parameter, level); the level is None for a continuous one.
    """

    columns: list[tuple[Parameter, Value | None]]
    matrix: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    bounds: Bounds

    def solution(self, cost: NDArray[np.float64]) -> Values | None:
        """The permitted values of least cost; None where nothing is permitted.

        Raises:
            ValueError: the solver does not know after 5 seconds.
        """
        rules = [LinearConstraint(self.matrix, self.low, self.high)] if len(self.matrix) else []
        integral = np.array([level is not None for _, level in self.columns], dtype=int)
        found = milp(
            cost,
            integrality=integral,
            bounds=self.bounds,
            constraints=rules,
            options={"time_limit": _SECONDS},
        )
        if found.x is None:
            if found.status == _INFEASIBLE:
                return None
            raise ValueError(
                f"whether any condition meets the constraints is not known: {found.message}"
            )
        return {
            parameter.name: float(x) if level is None else level
            for (parameter, level), x in zip(self.columns, found.x, strict=True)
            if level is None or x > 0.5
        }


def permitted_values(
    space: SearchSpace, decided: Mapping[str, Value], rng: np.random.Generator
) -> list[Values]:
    """Up to 600 permitted conditions that have the decided values, as values by parameter name.

    Args:
        space: the parameters and the constraints between them.
        decided: values that are given, by parameter name.
        rng: decides them.

    Raises:
        ValueError: nothing is permitted; the message names the constraints that contradict each
            other.
    """
    program = _program(space, space.constraints, decided)
    continuous = [p for p in space.parameters if p.choices is None and p.name not in decided]
    if program.solution(np.zeros(len(program.columns))) is None:
        raise ValueError(_contradiction(space, decided))
    levels = len(program.columns) - sum(level is None for _, level in program.columns)
    number = _SOLUTIONS if levels else 1
    scale = np.array(
        [1.0 if level is not None else _range(parameter) for parameter, level in program.columns]
    )
    found: dict[tuple[Value, ...], Values] = {}
    for _ in range(number):
        values = program.solution(rng.standard_normal(len(scale)) / scale)
        assert values is not None
        found.setdefault(
            tuple(values[p.name] for p in space.parameters if p.choices is not None), values
        )
    if not continuous:
        return list(found.values())
    each = -(-_POOL // len(found))
    return [
        more
        for values in found.values()
        for more in _polytope(space, values, continuous, each, rng)
    ]


def _polytope(
    space: SearchSpace,
    values: Values,
    continuous: Sequence[Parameter],
    number: int,
    rng: np.random.Generator,
) -> list[Values]:
    """`number` conditions with the same levels: hit and run in what the constraints leave."""
    names = [parameter.name for parameter in continuous]
    bounds = torch.tensor([_bounds(parameter) for parameter in continuous], dtype=torch.float64).T
    below, equal = [], []
    for rule in space.constraints:
        if not isinstance(rule, constraints.LinearConstraint):
            continue
        free = [
            (names.index(name), weight)
            for name, weight in rule.terms.items()
            if name in names and weight
        ]
        if not free:
            continue
        rest = sum(
            weight * float(values[name]) for name, weight in rule.terms.items() if name not in names
        )
        indices, weights = (
            torch.tensor([i for i, _ in free]),
            torch.tensor([w for _, w in free], dtype=torch.float64),
        )
        if rule.at_least is not None and rule.at_least == rule.at_most:
            equal.append((indices, weights, rule.at_least - rest))
            continue
        if rule.at_least is not None:
            below.append((indices, weights, rule.at_least - rest))
        if rule.at_most is not None:
            below.append((indices, -weights, rest - rule.at_most))
    try:
        samples = get_polytope_samples(
            number,
            bounds,
            below or None,
            equal or None,
            seed=int(rng.integers(2**31)),
            n_burnin=_BURN_IN,
            n_thinning=_THINNING,
        )
    except (
        ValueError,
        RuntimeError,
    ):  # no interior: the constraints leave a single point, or a face
        return [values]
    return [values | dict(zip(names, row, strict=True)) for row in samples.tolist()]


def _program(
    space: SearchSpace, rules: Sequence[Constraint], decided: Mapping[str, Value]
) -> _Program:
    columns: list[tuple[Parameter, Value | None]] = []
    for parameter in space.parameters:
        columns += [(parameter, level) for level in parameter.choices or (None,)]
    place = {(parameter.name, level): index for index, (parameter, level) in enumerate(columns)}
    lowest = [0.0 if level is not None else _bounds(parameter)[0] for parameter, level in columns]
    highest = [1.0 if level is not None else _bounds(parameter)[1] for parameter, level in columns]
    for index, (parameter, level) in enumerate(columns):
        if parameter.name in decided:
            value = parameter.snap(decided[parameter.name])
            lowest[index] = highest[index] = (
                float(level == value) if level is not None else float(value or 0.0)
            )
    rows: list[tuple[dict[int, float], float, float]] = []
    for parameter in space.parameters:
        if parameter.choices is not None:
            rows.append(
                ({place[parameter.name, level]: 1.0 for level in parameter.choices}, 1.0, 1.0)
            )
    for rule in rules:
        if isinstance(rule, constraints.LinearConstraint):
            row: dict[int, float] = {}
            for name, weight in rule.terms.items():
                levels = space.by_name[name].choices or (None,)
                row |= {
                    place[name, level]: weight * float(1.0 if level is None else level)
                    for level in levels
                }
            low = -np.inf if rule.at_least is None else rule.at_least
            rows.append((row, low, np.inf if rule.at_most is None else rule.at_most))
        elif isinstance(rule, constraints.ForbiddenCombination):
            # A single value of a range can always be avoided by a hair, unless it is decided.
            ranges = [name for name in rule.when if space.by_name[name].choices is None]
            if all(decided.get(name) in rule.when[name] for name in ranges):
                together = [
                    place[name, v]
                    for name, vs in rule.when.items()
                    if name not in ranges
                    for v in vs
                ]
                rows.append(
                    (dict.fromkeys(together, 1.0), -np.inf, len(rule.when) - len(ranges) - 1.0)
                )
    matrix = np.zeros((len(rows), len(columns)))
    for index, (row, _, _) in enumerate(rows):
        for column, weight in row.items():
            matrix[index, column] = weight
    ends = np.array([(low, high) for _, low, high in rows]).reshape(-1, 2)
    return _Program(columns, matrix, ends[:, 0], ends[:, 1], Bounds(lowest, highest))


def _contradiction(space: SearchSpace, decided: Mapping[str, Value]) -> str:
    """Which constraints contradict each other: none of them can be left out of the list."""
    rules = list(space.constraints)
    for rule in tuple(rules):
        fewer = [other for other in rules if other is not rule]
        program = _program(space, fewer, decided)
        if program.solution(np.zeros(len(program.columns))) is None:
            rules = fewer
    values = ", ".join(f"{name}={value}" for name, value in decided.items()) or "any values"
    contradicting = " and ".join(str(rule) for rule in rules)
    return f"no condition meets {contradicting} in a well with {values}: loosen them"


def _bounds(parameter: Parameter) -> tuple[float, float]:
    low, high = parameter.extremes
    return float(low), float(high)


def _range(parameter: Parameter) -> float:
    assert isinstance(parameter, NumericParameter)
    low, high = _bounds(parameter)
    return high - low
