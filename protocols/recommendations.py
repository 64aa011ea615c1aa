"""What a study ends with: the condition to use from now on, or those that none beats."""

import math
from statistics import NormalDist
from typing import NamedTuple

from protocols.conditions import Condition

LIKELY = 0.5
"""The least probability (0..1) of meeting the constraints on outcomes with which a condition may be
recommended, or be on a Pareto front."""


class Prediction(NamedTuple):
    """Mean and standard deviation of a condition's true value, in the unit of the objective."""

    condition: Condition
    mean: float
    sd: float

    def interval(
        self, share: float = 0.9, natural_range: tuple[float, float] | None = None
    ) -> tuple[float, float]:
        """The central interval that holds the true value with probability `share`.

        Args:
            share: 0..1.
            natural_range: the lowest and the highest value that there can be.
        """
        reach = NormalDist().inv_cdf(0.5 + share / 2) * self.sd
        low, high = natural_range or (-math.inf, math.inf)
        return min(max(self.mean - reach, low), high), max(min(self.mean + reach, high), low)


class Recommendation(NamedTuple):
    """A condition with the predicted mean and sd of its true value, in the objective's unit.

    `tried` says whether a well has had it. `beats_standard` (0..1) is the probability that it is
    better than the best of the standard conditions; None if none was given. `feasible` (0..1) is
    the probability that it meets the constraints on outcomes, 1 where there are none. Where it is
    below `LIKELY` no condition that probably meets them is known: this one is the likeliest, and
    `met` is the best of those that were tried and whose results met them, None where none did.
    """

    condition: Condition
    mean: float
    sd: float
    tried: bool
    beats_standard: float | None
    feasible: float = 1.0
    met: Prediction | None = None

    @property
    def likely_feasible(self) -> bool:
        """Whether it probably meets the constraints on outcomes."""
        return self.feasible >= LIKELY


class FrontPoint(NamedTuple):
    """A condition that no permitted one beats in every objective and every cost at once.

    `means` and `sds` are the model's predictions of the true values, one for each objective, in the
    outcomes' units; `costs`, in the order in which they were given, are known exactly. `tried`: a
    well had it. `feasible` (0..1) is the probability that it meets the constraints on outcomes.
    """

    condition: Condition
    means: tuple[float, ...]
    sds: tuple[float, ...]
    costs: tuple[float, ...]
    tried: bool
    feasible: float = 1.0

    @property
    def mean(self) -> float:
        """Of the first objective."""
        return self.means[0]

    @property
    def sd(self) -> float:
        """Of the first objective."""
        return self.sds[0]
