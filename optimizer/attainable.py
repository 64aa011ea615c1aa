"""How high a campaign will get, by the shape of what is known."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from optimizer.cross_validation import cross_validate, r_squared
from optimizer.fitting import FittedModel
from protocols.conditions import Observation

_CONDITIONS = 500
_SEED = 11  # of the conditions at random: surfaces of one campaign share their shape
_LEAST_SPAN = 0.1  # in sds of the values
_SPREAD = (0.01, 10.0)
# By maximum likelihood on simulated campaigns (`benchmarks.forecast_choice`): a constant, and
# slopes along the logs of the spread and of the number of rounds, and along R squared.
_LOCATION = (0.118, -0.128, -0.089, -0.187)
_LOG_SCALE = (-0.052, 0.0, -0.556, -1.628)
DEGREES = 4
"""Degrees of freedom of the t distribution."""


class Shape(NamedTuple):
    """What is known of a space, without unit but for `best` and `span`.

    `best` is the highest mean that the model predicts of a tried condition, `span` how far that is
    above a typical condition. `log_spread` is the log of the sd over conditions in units of the
    span, `log_rounds` that of the number of rounds, and `explained` R squared of held-out results.
    """

    best: float
    span: float
    log_spread: float
    log_rounds: float
    explained: float


class Attainable(NamedTuple):
    """What the condition recommended at a campaign's end will truly give: a t distribution.

    In the outcome's unit, of an objective that is raised.
    """

    location: float
    scale: float

    def quantile(self, share: float) -> float:
        """The value that it stays below with this probability, 0..1."""
        return self.location + self.scale * float(t.ppf(share, DEGREES))

    def exceeds(self, value: float) -> float:
        """The probability, 0..1, that it is higher than a value."""
        return float(t.sf((value - self.location) / self.scale, DEGREES))


def shape_of(fitted: FittedModel, observations: Sequence[Observation]) -> Shape:
    """The shape of what is known: of the model, its means at tried and at 500 random conditions.

    Args:
        fitted: the model of the observations.
        observations: what is known so far.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    encoding, observed, model = fitted
    random = encoding.random(_CONDITIONS, {}, np.random.default_rng(_SEED))
    means = model.mean(encoding.features(random))
    best = float(model.mean(encoding.features(observed)).max())
    span = max(best - float(np.median(means)), _LEAST_SPAN * model.values_sd)
    rounds = {observation.round for observation in observations if observation.usable}
    held_out = cross_validate(encoding.space, observations)
    return Shape(
        best,
        span,
        float(np.log(np.clip(means.std() / span, *_SPREAD))),
        math.log(max(1, len(rounds))),
        max(0.0, r_squared(held_out)),
    )


def attainable(shape: Shape) -> Attainable:
    """What the rounds to come will bring.

    In units of how far the best tried condition is above a typical one. Less is left to gain, and
    it is surer, where that is few sds over conditions, since then many are nearly as good as the
    best; after more rounds; and where the model explains more. The best itself is mostly worse than
    predicted, since it was chosen for being high. How many rounds are ahead hardly matters: most of
    what is gained is gained in the next.
    """
    known = (1.0, shape.log_spread, shape.log_rounds, shape.explained)
    location, log_scale = (
        sum(slope * value for slope, value in zip(slopes, known, strict=True))
        for slopes in (_LOCATION, _LOG_SCALE)
    )
    return Attainable(shape.best + shape.span * location, shape.span * math.exp(log_scale))
