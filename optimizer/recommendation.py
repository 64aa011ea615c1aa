"""The condition to use from now on, and how sure that is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from optimizer.encoding import Rows
from optimizer.evolution import evolved
from optimizer.propose import Learnt, learn
from protocols.conditions import Condition, Observation
from protocols.parameters import SearchSpace

_GENERATIONS = 12
_SURVIVORS = 40
_SHRINK = 0.8
_FUNCTIONS = 1000


class Recommendation(NamedTuple):
    """A condition with the mean and sd of its true value, as the model sees it.

    `tried` says whether a well has had it. `beats_standard` is the probability that it is better than the best of the
    standard conditions; None if none was given.
    """

    condition: Condition
    mean: float
    sd: float
    tried: bool
    beats_standard: float | None


def recommend(
    space: SearchSpace,
    observations: Sequence[Observation],
    standards: Sequence[Condition] = (),
    seed: int = 0,
) -> Recommendation | None:
    """The permitted condition with the highest predicted mean, tried or not; None with too little to learn from.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        standards: today's practice; several where wells decide some of its values.
        seed: decides where the search begins and the functions behind the probability.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    learnt = learn(space, observations)
    if learnt is None:
        return None
    encoding, observed, model = learnt
    row = _highest(learnt, seed)
    mean, sd = model.predict(encoding.features(row))
    beats = None
    if standards:
        drawn = model.functions(_FUNCTIONS, seed)(encoding.features(np.vstack([row, encoding.rows(standards)])))
        ahead = drawn[:, 0] - drawn[:, 1:].max(axis=1)
        beats = float((ahead.mean() + model.widening * (ahead - ahead.mean()) > 0).mean())
    tried = bool((observed == row).all(axis=1).any())
    return Recommendation(encoding.conditions(row)[0], float(mean[0]), float(sd[0]), tried, beats)


def _highest(learnt: Learnt, seed: int) -> Rows:
    def highest(rows: Rows, number: int = _SURVIVORS) -> Rows:
        means = learnt.model.predict(learnt.encoding.features(rows))[0]
        return rows[np.argsort(-means, kind="stable")[:number]]

    rng = np.random.default_rng(seed)
    # What constraints forbid may have been measured, but is not recommended.
    return highest(evolved(learnt.encoding, learnt.observed, highest, rng, _GENERATIONS, _SHRINK), 1)
