"""The condition to use from now on, and how sure that is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.encoding import Rows
from optimizer.evolution import highest
from optimizer.propose import Learnt, learn
from protocols.conditions import Condition, Observation
from protocols.parameters import SearchSpace

_GENERATIONS = 12
_SHRINK = 0.8
_FUNCTIONS = 1000
_CURSE = 0.5


class Recommendation(NamedTuple):
    """A condition with the mean and sd of its true value, as the model sees it.

    `tried` says whether a well has had it. `beats_standard` is the probability that it is better than the best of the
    standard conditions; None if none was given. `is_best` is the probability that no condition that was tried is
    better.
    """

    condition: Condition
    mean: float
    sd: float
    tried: bool
    beats_standard: float | None
    is_best: float


def most_promising(space: SearchSpace, observations: Sequence[Observation], seed: int = 0) -> Condition | None:
    """The condition that would be recommended, without how sure that is; None with too little to learn from.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    learnt = learn(space, observations)
    return None if learnt is None else learnt.encoding.conditions(_highest(learnt, seed))[0]


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
    functions = model.functions(_FUNCTIONS, seed)

    def ahead_of(rivals: Rows) -> NDArray[np.float64]:
        """By how much it leads each of its rivals in each function, (functions, rivals)."""
        drawn = functions(encoding.features(np.vstack([row, rivals])))
        lead = drawn[:, :1] - drawn[:, 1:]
        mean, sd = lead.mean(axis=0), lead.std(axis=0)
        # What was chosen for looking best of all looks better than it is (the optimiser's curse), by half an sd on the
        # tuning functions.
        return np.asarray(mean + model.widening * (lead - mean - _CURSE * sd))

    beats = float((ahead_of(encoding.rows(standards)) > 0).all(axis=1).mean()) if standards else None
    same = (observed == row).all(axis=1)
    best = float((ahead_of(np.unique(observed[~same], axis=0)) >= 0).all(axis=1).mean())
    return Recommendation(encoding.conditions(row)[0], float(mean[0]), float(sd[0]), bool(same.any()), beats, best)


def _highest(learnt: Learnt, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    return highest(learnt.encoding, learnt.observed, learnt.model.mean, rng, _GENERATIONS, _SHRINK)
