"""Answers about what the model makes of results."""

from orchestrator.service.schema.base import View
from protocols.conditions import Value


class Predicted(View):
    """A condition with a 90 % interval of its true value, `low` to `high`.

    Values are of the objective's outcome, in its unit.
    """

    condition: dict[str, Value]
    mean: float
    low: float
    high: float


class Recommended(Predicted):
    """The condition to use from now on, with a 90 % interval of its true value.

    `beats_standard` is the probability that it is better than the best standard condition,
    `feasible` that it meets the constraints on outcomes, where there are any. `cut`: the interval
    is what the natural range leaves of it. Where no condition is known whose `feasible` is 0.5 or
    more it is the likeliest; then `likely_broken` says so in words, and `met` is the best of the
    conditions that were tried and met the constraints, if any did.
    """

    tried: bool
    beats_standard: float | None
    feasible: float | None = None
    cut: bool = False
    likely_broken: str = ""
    met: Predicted | None = None


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
    """Sobol indices of a parameter: its share of what the model explains (see `Trust`).

    `alone`: the first-order index, with its 90 % interval `alone_low` to `alone_high`; `in_all`:
    the total-order index, interactions included, with `low` to `high`. Over all parameters the
    first sum to 1 at most, and the others to 1 at least.

    `without_model` is the share of the variance of the first round's results that the parameter
    explains by itself, less what chance explains, and `p_value` that of its permutation test; both
    are absent where there are too few results.
    """

    parameter: str
    alone: float
    alone_low: float
    alone_high: float
    in_all: float
    low: float
    high: float
    without_model: float | None = None
    p_value: float | None = None


class Curve(View):
    """The objective over a parameter, averaged over the others."""

    parameter: str
    values: list[Value]
    mean: list[float]
    sd: list[float]


class Trust(View):
    """Cross-validation of the model on so many results, left out by condition.

    `within` is the share within 90 % intervals, `explained` the coefficient of determination:
    below 0 where the mean predicts better.
    """

    within: float
    explained: float | None
    results: int


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
