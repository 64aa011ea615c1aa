"""Answers about what the model makes of results."""

from orchestrator.service.schema.base import View
from protocols.conditions import Value


class Recommended(View):
    """The condition to use from now on; `low` to `high` hold its true value with 90 %, all of the objective, 0 to 1.

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


class Importance(View):
    """The share of the objective's variance that a parameter has.

    Alone, and with all that it takes part in.
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
    """How the model does on results that it was not told of.

    Share within 90 % intervals, variance explained.
    """

    within: float
    explained: float | None


class Insight(View):
    """Empty where too little was observed."""

    observations: int
    recommended: Recommended | None = None
    importance: tuple[Importance, ...] = ()
    curves: tuple[Curve, ...] = ()
    trust: Trust | None = None
