"""Whether the model can be trusted: what it predicts for each condition from all the others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from optimizer.fitting import fit
from protocols.conditions import Condition, Observation
from protocols.search_space import SearchSpace


class HeldOut(NamedTuple):
    """An observed value, and the mean and sd that the model predicts from all other conditions.

    Replicates of the condition are left out with it. All three are in the unit of the objective;
    the sd is that of a measurement, noise included. `outlier`: the model gives the value next to no
    weight.
    """

    condition: Condition
    round_number: int
    value: float
    mean: float
    sd: float
    outlier: bool

    def within(self, share: float) -> bool:
        """Whether the value lies in the central interval with probability `share` (0..1)."""
        return abs(self.value - self.mean) <= float(norm.ppf(0.5 + share / 2)) * self.sd


def cross_validate(space: SearchSpace, observations: Sequence[Observation]) -> list[HeldOut]:
    """Leave-one-condition-out predictions of the usable observations, in their order.

    Replicates, and the standard of every round, would otherwise tell each other's values (Roberts
    et al. 2017, Ecography 40, 913-929). Results of similar experiments stay. Hyperparameters are
    those of all observations (Rasmussen and Williams 2006, section 5.4.2).

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.

    Returns: one entry a usable observation; empty with fewer than two of them.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    fitted = fit(space, observations)
    if fitted is None:
        return []
    means, sds = fitted.model.leave_one_out()
    usable = [(o, o.value) for o in observations if o.usable and o.value is not None]
    return [
        HeldOut(
            condition=observation.condition,
            round_number=observation.round,
            value=value,
            mean=float(mean),
            sd=float(sd),
            outlier=bool(outlier),
        )
        for (observation, value), mean, sd, outlier in zip(
            usable, means, sds, fitted.model.outliers, strict=True
        )
    ]


def r_squared(held_out: Sequence[HeldOut]) -> float:
    """The coefficient of determination of held-out predictions, at most 1.

    The share of the values' variance that the predictions explain (1: all, 0: no better than the
    mean, below 0: worse than it). Of values that are all equal 0: there is nothing to explain.
    """
    values = np.array([entry.value for entry in held_out])
    errors = values - np.array([entry.mean for entry in held_out])
    if np.ptp(values) <= 1e-9 * np.abs(values).max():
        return 0.0
    return float(1 - (errors**2).mean() / values.var())
