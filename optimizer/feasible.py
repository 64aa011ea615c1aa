"""Conditions that meet every constraint, found whenever there are any.

A permitted share of the box that random points hit is sampled by rejection (`Encoding.random`).
Where it is small or flat, parameters get their values one after the other, each within what the
sums leave for it. Where that fails, `scipy.optimize.milp` finds permitted levels for random costs,
and the continuous values of each are sampled from the polytope that is left (hit and run, by
BoTorch).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from optimizer.program import Program, Values, bounds_of, contradiction
from optimizer.sequential import sequential_values
from protocols.conditions import Value
from protocols.parameters import Parameter
from protocols.search_space import SearchSpace

_SOLUTIONS = 60
_POOL = 600
_ENOUGH = 60
_BURN_IN, _THINNING = 200, 4


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
    found = sequential_values(space, decided, _POOL, rng)
    if len(found) >= _ENOUGH:
        return found
    program = Program(space, space.constraints, decided)
    if program.solution() is None:
        raise ValueError(contradiction(space, decided))
    continuous = [p for p in space.parameters if p.choices is None and p.name not in decided]
    patterns: dict[tuple[Value | None, ...], Values] = {}
    for _ in range(_SOLUTIONS):
        values = program.solution(rng)
        assert values is not None
        pattern = tuple(
            values.get(p.name) if p.choices is not None else values.get(p.name, 0.0) == 0.0
            for p in space.parameters
        )
        patterns.setdefault(pattern, values)
        if not continuous:
            program.forbid(values)
            if program.solution() is None:
                break
    solved = list(patterns.values())
    if continuous:
        each = -(-_POOL // len(solved))
        solved = [
            more for values in solved for more in _polytope(space, values, continuous, each, rng)
        ]
    permitted = [values for values in solved if space.permits(values)]
    return found + permitted or solved


def _polytope(
    space: SearchSpace,
    values: Values,
    continuous: Sequence[Parameter],
    number: int,
    rng: np.random.Generator,
) -> list[Values]:
    """`number` conditions with the same levels: hit and run in what the constraints leave.

    What is not used (0) stays so, as others may be at most so many.
    """
    counted = {
        name for rule in space.constraints if not rule.sums and rule.summed for name in rule.names
    }
    free = [
        parameter
        for parameter in continuous
        if parameter.name in values
        and not (parameter.name in counted and values[parameter.name] == 0.0)
    ]
    if not free:
        return [values]
    # Most spaces have no such polytope, and most commands no space: they do not wait for torch.
    import torch
    from botorch.utils.sampling import get_polytope_samples

    names = [parameter.name for parameter in free]
    bounds = torch.tensor([bounds_of(parameter) for parameter in free], dtype=torch.float64).T
    amounts = space.amounts(values)
    below, equal = [], []
    for rule in (one for constraint in space.constraints for one in constraint.sums):
        terms = [(names.index(name), w) for name, w in rule.terms.items() if name in names and w]
        if not terms:
            continue
        rest = rule.of({name: value for name, value in amounts.items() if name not in names})
        indices = torch.tensor([index for index, _ in terms])
        weights = torch.tensor([weight for _, weight in terms], dtype=torch.float64)
        if rule.low == rule.high:
            equal.append((indices, weights, rule.low - rest))
            continue
        if np.isfinite(rule.low):
            below.append((indices, weights, rule.low - rest))
        if np.isfinite(rule.high):
            below.append((indices, -weights, rest - rule.high))
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
