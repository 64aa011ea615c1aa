"""The condition to use from now on, and how certain that is."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.batch import Samples
from optimizer.encoding import Rows
from optimizer.evolution import maximise
from optimizer.fitting import FittedModel, Prediction, fit
from optimizer.objective import MAXIMISE, Objective
from protocols.conditions import Condition, Observation
from protocols.search_space import SearchSpace

_GENERATIONS = 12
_SHRINK = 0.8
_SAMPLES = 1000
_OPTIMISERS_CURSE = 0.5  # in sds, as on the tuning functions


class Recommendation(NamedTuple):
    """A condition with the predicted mean and sd of its true value, in the objective's unit.

    `tried` says whether a well has had it. `beats_standard` (0..1) is the probability that it is
    better than the best of the standard conditions; None if none was given. `is_best` (0..1) is the
    probability that no condition that was tried is better.
    """

    condition: Condition
    mean: float
    sd: float
    tried: bool
    beats_standard: float | None
    is_best: float


def most_promising(
    space: SearchSpace,
    observations: Sequence[Observation],
    seed: int = 0,
    objective: Objective = MAXIMISE,
) -> Condition | None:
    """The condition that would be recommended, without how certain that is.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        seed: decides where the search begins.
        objective: whether values are to be high, low or near a target.

    Returns: None with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    fitted = fit(space, observations)
    return (
        None
        if fitted is None
        else fitted.encoding.conditions(_best_row(fitted, seed, objective))[0]
    )


def recommend(
    space: SearchSpace,
    observations: Sequence[Observation],
    standards: Sequence[Condition] = (),
    seed: int = 0,
    objective: Objective = MAXIMISE,
) -> Recommendation | None:
    """The permitted condition with the best predicted mean, tried or not.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        standards: today's practice; several where wells decide some of its values.
        seed: decides where the search begins and the samples behind the probabilities.
        objective: whether values are to be high, low or near a target.

    Returns: None with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    fitted = fit(space, observations)
    if fitted is None:
        return None
    encoding, observed, model = fitted
    row = _best_row(fitted, seed, objective)
    mean, sd = model.predict(encoding.features(row))
    values = model.posterior_samples(_SAMPLES, seed)

    def samples(features: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(objective.utility(values(features)))

    beats_standard = None
    if standards:
        leads = _leads(fitted, samples, row, encoding.rows(standards))
        beats_standard = float((leads > 0).all(axis=1).mean())
    same = (observed == row).all(axis=1)
    leads = _leads(fitted, samples, row, np.unique(observed[~same], axis=0))
    return Recommendation(
        condition=encoding.conditions(row)[0],
        mean=float(mean[0]),
        sd=float(sd[0]),
        tried=bool(same.any()),
        beats_standard=beats_standard,
        is_best=float((leads >= 0).all(axis=1).mean()),
    )


def best_tried(
    space: SearchSpace, observations: Sequence[Observation], objective: Objective = MAXIMISE
) -> Prediction | None:
    """The tried condition with the best predicted mean, to stand beside one that is untried.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        objective: whether values are to be high, low or near a target.

    Returns: None with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    fitted = fit(space, observations)
    if fitted is None:
        return None
    means, sds = fitted.model.predict(fitted.encoding.features(fitted.observed))
    best = int(objective.expected_utility(means, sds).argmax())
    tried = [observation.condition for observation in observations if observation.usable]
    return Prediction(tried[best], float(means[best]), float(sds[best]))


def _leads(fitted: FittedModel, samples: Samples, row: Rows, rivals: Rows) -> NDArray[np.float64]:
    """By how much a row (1 x p) exceeds each rival in each posterior sample (samples x rivals)."""
    values = samples(fitted.encoding.features(np.vstack([row, rivals])))
    lead = values[:, :1] - values[:, 1:]
    mean, sd = lead.mean(axis=0), lead.std(axis=0)
    # What was selected for the highest prediction is on average worse than predicted (the
    # optimizer's curse; Smith and Winkler 2006), by half an sd on the tuning functions.
    deviation = lead - mean - _OPTIMISERS_CURSE * sd
    return np.asarray(mean + fitted.model.sd_inflation * deviation)


def _best_row(fitted: FittedModel, seed: int, objective: Objective) -> Rows:
    """The permitted condition (1 x p) with the best predicted mean."""
    rng = np.random.default_rng(seed)

    def utility(features: NDArray[np.float64]) -> NDArray[np.float64]:
        if objective.direction == "match":
            return objective.expected_utility(*fitted.model.predict(features))
        return np.asarray(objective.utility(fitted.model.mean(features)))

    return maximise(fitted.encoding, fitted.observed, utility, rng, _GENERATIONS, _SHRINK)
