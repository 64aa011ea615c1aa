"""Whether the model can be believed: what it says of each observation from all the others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from optimizer.propose import learn
from protocols.conditions import Condition, Observation
from protocols.parameters import SearchSpace


class HeldOut(NamedTuple):
    """An observed value, and the mean and sd that the model predicts for it from all other observations.

    The sd is that of a measurement: noise is in it. `outlier`: the model does not trust the value.
    """

    condition: Condition
    round: int
    value: float
    mean: float
    sd: float
    outlier: bool

    def within(self, share: float) -> bool:
        """Whether the value lies in the central interval that should hold it with probability `share`."""
        return abs(self.value - self.mean) <= float(norm.ppf(0.5 + share / 2)) * self.sd


def cross_validate(space: SearchSpace, observations: Sequence[Observation]) -> list[HeldOut]:
    """Every usable observation beside what the model says without it (leave-one-out; hyperparameters stay).

    (Rasmussen and Williams 2006, section 5.4.2.) Empty when there is too little to learn from.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    learnt = learn(space, observations)
    if learnt is None:
        return []
    means, sds = learnt.model.held_out()
    usable = [(o, o.value) for o in observations if o.usable and o.value is not None]
    return [
        HeldOut(observation.condition, observation.round, value, float(mean), float(sd), bool(outlier))
        for (observation, value), mean, sd, outlier in zip(usable, means, sds, learnt.model.outliers, strict=True)
    ]


def explained(held_out: Sequence[HeldOut]) -> float:
    """The share of the values' variance that the predictions explain (1: all, 0: no better than the mean)."""
    values = np.array([entry.value for entry in held_out])
    off = values - np.array([entry.mean for entry in held_out])
    return float(1 - (off**2).mean() / max(float(values.var()), 1e-12))
