"""Answers about what the model makes of results."""

from orchestrator.service.schema.base import View
from protocols.conditions import Value


class Recommended(View):
    """The condition to use from now on, with a 90 % interval of its true value.

    `low` and `high` bound the interval; values are of the objective's outcome, in its unit.

    `beats_standard` is the probability that it is better than the best standard condition,
    `is_best` that it is better than every other condition that was tried.
    """

    condition: dict[str, Value]
    mean: float
    low: float
    high: float
    tried: bool
    beats_standard: float | None
    is_best: float


class NotBeaten(View):
    """A condition that no other beats in every objective, with the predictions of the model.

    `means` and `sds` are of the true value of each objective's outcome, by its name; `feasible` is
    the probability that it meets the constraints on outcomes.
    """

    condition: dict[str, Value]
    means: dict[str, float]
    sds: dict[str, float]
    feasible: float
    tried: bool


class Importance(View):
    """Sobol indices of a parameter: its share of the objective's variance.

    `alone`: the first-order index; `in_all`: the total-order index, interactions included.
    """

    parameter: str
    alone: float
    in_all: float
    low: float
    high: float


class Curve(View):
    """The objective over a parameter, averaged over the others."""

    parameter: str
    values: list[Value]
    mean: list[float]
    sd: list[float]


class Trust(View):
    """Cross-validation of the model: share within 90 % intervals, and variance explained."""

    within: float
    explained: float | None


class Insight(View):
    """Empty where too little was observed; of several objectives `front` is recommended.

    All else is of the first objective's outcome.
    """

    observations: int
    recommended: Recommended | None = None
    front: tuple[NotBeaten, ...] = ()
    importance: tuple[Importance, ...] = ()
    curves: tuple[Curve, ...] = ()
    trust: Trust | None = None
