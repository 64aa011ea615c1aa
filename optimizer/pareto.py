"""Trade-offs that no other condition improves on: of several objectives, and of costs."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from numpy.typing import NDArray

from optimizer.criterion import likely_feasible, probability_met
from optimizer.encoding import Rows
from optimizer.evolution import evolve
from optimizer.fitting import FittedOutcomes, fit_outcomes
from optimizer.objective import MAXIMISE, Goals, Objective
from protocols.conditions import Condition, Observation, Value
from protocols.recommendations import FrontPoint
from protocols.search_space import SearchSpace

_GENERATIONS = 15
_SURVIVORS = 80
_SHRINK = 0.85
_POINTS = 20
_NEGLIGIBLE = 0.01

CostOf = Callable[[Mapping[str, Value]], float]


def pareto_front(
    space: SearchSpace,
    observations: Sequence[Observation],
    costs: Sequence[CostOf] = (),
    seed: int = 0,
    objective: Objective | Goals = MAXIMISE,
    among: Sequence[Condition] = (),
) -> list[FrontPoint]:
    """Up to twenty conditions from the worst to the best in the first objective, none dominated.

    Permitted conditions, tried or not, evolve for some generations, in which those survive that
    are not dominated. Those that meet the constraints on outcomes with less than a half, or are not
    better than every threshold, do not count while any other is left; nor does what is better only
    by less than a hundredth of the front's range.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known of the outcomes so far.
        costs: each gives a number that is to be low, from a condition's values.
        seed: decides where the search begins.
        objective: what is wanted; several objectives, or one beside costs.
        among: the only conditions that there are; empty where all that is permitted is.

    Returns: by increasing utility of the first objective; empty where an outcome has fewer than two
        usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    goals = Goals.of(objective)
    fitted = fit_outcomes(space, observations, goals, among)
    if fitted is None:
        return []

    def select(rows: Rows) -> Rows:
        return _non_dominated(fitted, goals, rows, costs, _SURVIVORS)

    rng = np.random.default_rng(seed)
    evolved = evolve(fitted.encoding, fitted.observed, select, rng, _GENERATIONS, _SHRINK)
    rows = _non_dominated(fitted, goals, evolved, costs, _POINTS, _NEGLIGIBLE)
    tried = {row.tobytes() for row in fitted.observed}
    features = fitted.encoding.features(rows)
    predicted = {outcome: model.predict(features) for outcome, model in fitted.models.items()}
    wanted = [predicted[objective.outcome] for objective in goals.objectives]
    means, sds = (np.column_stack(parts) for parts in zip(*wanted, strict=True))
    feasible = np.broadcast_to(probability_met(goals, predicted), len(rows))
    points = [
        FrontPoint(
            condition=condition,
            means=tuple(means[index].tolist()),
            sds=tuple(sds[index].tolist()),
            costs=tuple(cost(condition.root) for cost in costs),
            tried=rows[index].tobytes() in tried,
            feasible=float(feasible[index]),
        )
        for index, condition in enumerate(fitted.encoding.conditions(rows))
    ]
    first = goals.objectives[0]
    return sorted(points, key=lambda point: float(first.utility(point.mean)))


def _non_dominated(
    fitted: FittedOutcomes,
    goals: Goals,
    rows: Rows,
    costs: Sequence[CostOf],
    number: int,
    negligible: float = 0.0,
) -> Rows:
    """The rows that no other dominates; of more than `number`, some spread evenly by rank.

    Differences of less than the share `negligible` of the front's range do not count.
    """
    features = fitted.encoding.features(rows)
    likely = likely_feasible(fitted, goals, features)
    utilities = [o.utility(fitted.models[o.outcome].mean(features)) for o in goals.objectives]
    wanted = likely.copy()
    if len(goals.objectives) > 1:
        for objective, values in zip(goals.objectives, utilities, strict=True):
            if objective.threshold is not None:
                wanted &= values > float(objective.utility(objective.threshold))
    kept = wanted if wanted.any() else likely
    if kept.any():
        rows, utilities = rows[kept], [values[kept] for values in utilities]
    conditions = fitted.encoding.conditions(rows)
    negated_costs = [[-cost(condition.root) for condition in conditions] for cost in costs]
    outcomes: NDArray[np.float64] = np.column_stack([*utilities, *negated_costs])
    front = np.flatnonzero(is_non_dominated(torch.as_tensor(outcomes), deduplicate=True))
    if negligible:
        # The best in the first objective comes first, so that of equals it is kept. The second time
        # the range is that of what was left, without a tail of next to nothing.
        front = whole = front[np.argsort(-outcomes[front, 0], kind="stable")]
        for _ in range(2):
            ranges = np.ptp(outcomes[front], axis=0)
            steps = outcomes[whole] / np.where(ranges > 0, negligible * ranges, 1.0)
            left = is_non_dominated(torch.as_tensor(steps).round(), deduplicate=True).numpy()
            front = whole[left]
    rows, first = rows[front], outcomes[front, 0]
    order = np.argsort(first)
    ranks = np.linspace(0, len(order) - 1, min(number, len(order))).round().astype(int)
    return np.asarray(rows[order[np.unique(ranks)]])
