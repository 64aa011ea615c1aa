"""Several objectives: what can be had at which cost."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from optimizer.encoding import Rows
from optimizer.evolution import evolved
from optimizer.propose import Learnt, learn, predictions
from protocols.conditions import Condition, Observation, Value
from protocols.parameters import SearchSpace

_GENERATIONS = 15
_SURVIVORS = 80
_SHRINK = 0.85
_POINTS = 20

CostOf = Callable[[Mapping[str, Value]], float]


class FrontPoint(NamedTuple):
    """A condition that nothing permitted beats in the objective and in every cost at once.

    `mean` and `sd` are the model's prediction of the true value; `costs` are known exactly.
    """

    condition: Condition
    mean: float
    sd: float
    costs: tuple[float, ...]
    tried: bool


def pareto_front(
    space: SearchSpace, observations: Sequence[Observation], costs: Sequence[CostOf], seed: int = 0
) -> list[FrontPoint]:
    """Up to twenty conditions from the cheapest to the best, none of which another beats in everything.

    Permitted conditions, tried or not, evolve for some generations, in which those live on that are not dominated.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known of the objective so far.
        costs: each gives a number that is to be low, from a condition's values.
        seed: decides where the search begins.

    Returns: by rising predicted mean; empty when there is too little to learn from.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    learnt = learn(space, observations)
    if learnt is None:
        return []

    def front(rows: Rows, number: int = _SURVIVORS) -> Rows:
        return _front(learnt, rows, costs, number)

    rng = np.random.default_rng(seed)
    rows = front(evolved(learnt.encoding, learnt.observed, front, rng, _GENERATIONS, _SHRINK), _POINTS)
    tried = {row.tobytes() for row in learnt.observed}
    points = [
        FrontPoint(
            found.condition,
            found.mean,
            found.sd,
            tuple(cost(found.condition.root) for cost in costs),
            row.tobytes() in tried,
        )
        for found, row in zip(predictions(learnt, rows), rows, strict=True)
    ]
    return sorted(points, key=lambda point: point.mean)


def _front(learnt: Learnt, rows: Rows, costs: Sequence[CostOf], number: int) -> Rows:
    """The rows that no other dominates; of more than `number` those that are spread evenly over the means."""
    from botorch.utils.multi_objective.pareto import is_non_dominated

    means = learnt.model.mean(learnt.encoding.features(rows))
    conditions = learnt.encoding.conditions(rows)
    outcomes: NDArray[np.float64] = np.column_stack(
        [means, *([-cost(condition.root) for condition in conditions] for cost in costs)]
    )
    front = is_non_dominated(torch.as_tensor(outcomes), deduplicate=True).numpy()
    rows, means = rows[front], means[front]
    order = np.argsort(means)
    spread = np.linspace(0, len(order) - 1, min(number, len(order))).round().astype(int)
    return np.asarray(rows[order[np.unique(spread)]])
