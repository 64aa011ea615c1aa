"""What a study ends with: the condition to use from now on, or those that none beats."""

from typing import NamedTuple

from protocols.conditions import Condition


class Recommendation(NamedTuple):
    """A condition with the predicted mean and sd of its true value, in the objective's unit.

    `tried` says whether a well has had it. `beats_standard` (0..1) is the probability that it is
    better than the best of the standard conditions; None if none was given. `is_best` (0..1) says
    how often no condition that was tried is better in the posterior's samples. It is no calibrated
    probability, far too low where many were tried (0.02 where it held in 27 of 63 campaigns):
    compare by it, and do not report it. `feasible` (0..1) is the probability
    that it meets the constraints on outcomes, 1 where there are none; what breaks them is no better
    than anything.
    """

    condition: Condition
    mean: float
    sd: float
    tried: bool
    beats_standard: float | None
    is_best: float
    feasible: float = 1.0


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
