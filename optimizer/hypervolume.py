"""How much of what several objectives can be was reached: the hypervolume."""

from collections.abc import Sequence

import torch
from botorch.utils.multi_objective.box_decompositions import DominatedPartitioning
from botorch.utils.multi_objective.hypervolume import infer_reference_point
from botorch.utils.multi_objective.pareto import is_non_dominated

from optimizer.objective import Goals
from protocols.conditions import Observation


def hypervolumes(observations: Sequence[Observation], goals: Goals) -> list[float]:
    """The hypervolume that measured values dominate, after each round, in the outcomes' units.

    Above the thresholds; of objectives without one, above a tenth of their range below the worst of
    all non-dominated values (Ishibuchi et al. 2011). Observations count that have every outcome,
    meet the constraints and have no flags. Measured values are noisy, and the best of many look
    better than they are.

    Args:
        observations: what was measured, of rounds 1 and above.
        goals: two or more objectives.

    Returns: one number for each round that any of them has, in their order.
    """
    counted = [(o.round, _utilities(o, goals)) for o in observations]
    known = [(number, values) for number, values in counted if values is not None]
    rounds = sorted({observation.round for observation in observations})
    if not known:
        return [0.0] * len(rounds)
    utilities = torch.tensor([values for _, values in known], dtype=torch.float64)
    reference = reference_point(utilities, goals)
    numbers = torch.tensor([number for number, _ in known])
    return [
        float(DominatedPartitioning(reference, utilities[numbers <= number]).compute_hypervolume())
        for number in rounds
    ]


def best_first(observations: Sequence[Observation], goals: Goals) -> list[Observation]:
    """The usable observations that have every outcome, the best measured first.

    Of one objective by its utility. Of several first those that no other beats in all of them, then
    those that only these beat, and so on, each by the first objective. What breaks a constraint
    comes last.
    """
    known = [(o, values) for o in observations if (values := _utilities(o, goals)) is not None]
    kept = {id(observation) for observation, _ in known}
    free = Goals(goals.objectives)
    broken = [
        (o, values)
        for o in observations
        if id(o) not in kept and (values := _utilities(o, free)) is not None
    ]
    return [*_by_fronts(known), *_by_fronts(broken)]


def _by_fronts(known: list[tuple[Observation, list[float]]]) -> list[Observation]:
    ranked: list[Observation] = []
    left = sorted(known, key=lambda entry: -entry[1][0])
    while left:
        utilities = torch.tensor([values for _, values in left], dtype=torch.float64)
        if utilities.shape[1] == 1:
            return [*ranked, *(observation for observation, _ in left)]
        front = is_non_dominated(utilities, deduplicate=False).tolist()
        ranked += [entry[0] for entry, first in zip(left, front, strict=True) if first]
        left = [entry for entry, first in zip(left, front, strict=True) if not first]
    return ranked


def reference_point(utilities: torch.Tensor, goals: Goals) -> torch.Tensor:
    """The reference point (m) of utilities (n x m): thresholds, inferred where there are none."""
    given = torch.tensor(
        [
            torch.nan if o.threshold is None else float(o.utility(o.threshold))
            for o in goals.objectives
        ],
        dtype=torch.float64,
    )
    found = infer_reference_point(utilities[is_non_dominated(utilities)], given)
    return torch.where(given.isnan(), found, given)


def _utilities(observation: Observation, goals: Goals) -> list[float] | None:
    found = {outcome: observation.of(outcome) for outcome in goals.outcomes}
    if not all(one.usable for one in found.values()):
        return None
    values = {outcome: one.value for outcome, one in found.items()}
    if any(rule.excess(values[rule.outcome]) > 0 for rule in goals.constraints):
        return None
    return [float(wanted.utility(values[wanted.outcome])) for wanted in goals.objectives]
