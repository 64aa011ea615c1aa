"""Objective against costs: the trade-offs that no other condition improves on."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from optimizer.encoding import Rows
from optimizer.evolution import evolve
from optimizer.fitting import FittedModel, fit, predict_rows
from protocols.conditions import Condition, Observation, Value
from protocols.search_space import SearchSpace

_GENERATIONS = 15
_SURVIVORS = 80
_SHRINK = 0.85
_POINTS = 20

CostOf = Callable[[Mapping[str, Value]], float]


class FrontPoint(NamedTuple):
    """A condition that no permitted one beats in the objective and in every cost at once.

    `mean` and `sd` are the model's prediction of the true value, in the unit of the objective;
    `costs`, in the order in which they were given, are known exactly. `tried`: a well had it.
    """

    condition: Condition
    mean: float
    sd: float
    costs: tuple[float, ...]
    tried: bool


def pareto_front(
    space: SearchSpace, observations: Sequence[Observation], costs: Sequence[CostOf], seed: int = 0
) -> list[FrontPoint]:
    """Up to twenty conditions from the cheapest to the best, none dominated by another.

    Permitted conditions, tried or not, evolve for some generations, in which those survive that
    are not dominated.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known of the objective so far.
        costs: each gives a number that is to be low, from a condition's values.
        seed: decides where the search begins.

    Returns: by increasing predicted mean; empty with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    fitted = fit(space, observations)
    if fitted is None:
        return []

    def select(rows: Rows) -> Rows:
        return _non_dominated(fitted, rows, costs, _SURVIVORS)

    rng = np.random.default_rng(seed)
    evolved = evolve(fitted.encoding, fitted.observed, select, rng, _GENERATIONS, _SHRINK)
    rows = _non_dominated(fitted, evolved, costs, _POINTS)
    tried = {row.tobytes() for row in fitted.observed}
    points = [
        FrontPoint(
            condition=prediction.condition,
            mean=prediction.mean,
            sd=prediction.sd,
            costs=tuple(cost(prediction.condition.root) for cost in costs),
            tried=row.tobytes() in tried,
        )
        for prediction, row in zip(predict_rows(fitted, rows), rows, strict=True)
    ]
    return sorted(points, key=lambda point: point.mean)


def _non_dominated(fitted: FittedModel, rows: Rows, costs: Sequence[CostOf], number: int) -> Rows:
    """The rows that no other dominates; of more than `number`, some spread evenly by rank."""
    from botorch.utils.multi_objective.pareto import is_non_dominated

    means = fitted.model.mean(fitted.encoding.features(rows))
    conditions = fitted.encoding.conditions(rows)
    negated_costs = [[-cost(condition.root) for condition in conditions] for cost in costs]
    outcomes: NDArray[np.float64] = np.column_stack([means, *negated_costs])
    front = is_non_dominated(torch.as_tensor(outcomes), deduplicate=True).numpy()
    rows, means = rows[front], means[front]
    order = np.argsort(means)
    ranks = np.linspace(0, len(order) - 1, min(number, len(order))).round().astype(int)
    return np.asarray(rows[order[np.unique(ranks)]])
