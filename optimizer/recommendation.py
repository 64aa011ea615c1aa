"""The condition to use from now on, and how certain that is."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from optimizer.criterion import Samples, criterion, excess_of, feasible_probability
from optimizer.encoding import Rows
from optimizer.evolution import maximise
from optimizer.fitting import FittedOutcomes, fit, fit_outcomes
from optimizer.objective import MAXIMISE, Goals, Objective
from protocols.conditions import Condition, Observation
from protocols.recommendations import LIKELY, Prediction, Recommendation
from protocols.search_space import SearchSpace

_GENERATIONS = 12
_SHRINK = 0.8
_SAMPLES = 1000
_LEAST = 1e-6  # so that of equally bad conditions the surer one is found
_OPTIMISERS_CURSE = 0.25  # in sds, as on the tuning functions


def most_promising(
    space: SearchSpace,
    observations: Sequence[Observation],
    seed: int = 0,
    objective: Objective | Goals = MAXIMISE,
    among: Sequence[Condition] = (),
) -> Condition | None:
    """The condition that would be recommended, without how certain that is.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        seed: decides where the search begins.
        objective: whether values are to be high, low or near a target, and constraints.
        among: the only conditions that there are; empty where all that is permitted is.

    Returns: None with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed, or there are several objectives.
    """
    goals = _of_one(objective)
    fitted = fit_outcomes(space, observations, goals, among)
    if fitted is None:
        return None
    return fitted.encoding.conditions(_best_row(fitted, goals, seed))[0]


def recommend(
    space: SearchSpace,
    observations: Sequence[Observation],
    standards: Sequence[Condition] = (),
    seed: int = 0,
    objective: Objective | Goals = MAXIMISE,
    among: Sequence[Condition] = (),
) -> Recommendation | None:
    """The permitted condition with the best predicted mean, tried or not.

    With constraints on outcomes, of those that meet them with a probability of `LIKELY` or more
    (Gelbart, Snoek and Adams 2014) the one for which the predicted mean, above the worst that was
    tried, times this probability is highest (Gardner et al. 2014). Where none is known that
    probably meets them, the likeliest, with the best tried one that met them beside it.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        standards: today's practice; several where wells decide some of its values.
        seed: decides where the search begins and the samples behind the probabilities.
        objective: whether values are to be high, low or near a target, and constraints.
        among: the only conditions that there are; empty where all that is permitted is.

    Returns: None with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed, or there are several objectives:
            `pareto_front` has their trade-offs.
    """
    goals = _of_one(objective)
    fitted = fit_outcomes(space, observations, goals, among)
    if fitted is None:
        return None
    encoding, observed, models = fitted
    model = models[goals.objectives[0].outcome]
    row = _best_row(fitted, goals, seed)
    mean, sd = model.predict_chosen(encoding.features(row))
    beats = None
    if standards:
        samples = criterion(fitted, goals, _SAMPLES, seed).samples
        rivals = encoding.features(np.vstack([row, encoding.rows(standards)]))
        beats = float((_leads(samples, rivals, model.sd_inflation) > 0).all(axis=1).mean())
    feasible = float(feasible_probability(fitted, goals, encoding.features(row))[0])
    return Recommendation(
        condition=encoding.conditions(row)[0],
        mean=float(mean[0]),
        sd=float(sd[0]),
        tried=bool((observed == row).all(axis=1).any()),
        beats_standard=beats,
        feasible=feasible,
        met=None if feasible >= LIKELY else best_tried(space, observations, goals),
    )


def best_tried(
    space: SearchSpace,
    observations: Sequence[Observation],
    objective: Objective | Goals = MAXIMISE,
) -> Prediction | None:
    """The tried condition with the best predicted mean, to stand beside one that is untried.

    With constraints on outcomes, of those whose results met them, by the mean of each outcome.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        objective: whether values are to be high, low or near a target, and constraints.

    Returns: None with fewer than two usable observations, or where none met the constraints.

    Raises:
        ValueError: a condition has a value that is not allowed, or there are several objectives.
    """
    goals = _of_one(objective)
    (wanted,) = goals.objectives
    of_wanted = [observation.of(wanted.outcome) for observation in observations]
    fitted = fit(space, of_wanted)
    tried = {observation.condition for observation in of_wanted if observation.usable}
    for rule in goals.constraints:
        values: dict[Condition, list[float]] = {}
        for observation in (one.of(rule.outcome) for one in observations):
            if observation.usable and observation.value is not None:
                values.setdefault(observation.condition, []).append(observation.value)
        tried &= {condition for condition, of in values.items() if rule.excess(fmean(of)) <= 0}
    met = [c for c in dict.fromkeys(one.condition for one in observations) if c in tried]
    if fitted is None or not met:
        return None
    means, sds = fitted.model.predict_chosen(fitted.encoding.features(fitted.encoding.rows(met)))
    best = int(wanted.expected_utility(means, sds).argmax())
    return Prediction(met[best], float(means[best]), float(sds[best]))


def _of_one(objective: Objective | Goals) -> Goals:
    goals = Goals.of(objective)
    if len(goals.objectives) > 1:
        raise ValueError(
            f"there are {len(goals.objectives)} objectives, and no condition is the best of all "
            "(expected one objective; pareto_front has the trade-offs of several)"
        )
    return goals


def _leads(
    samples: Samples, features: NDArray[np.float64], sd_inflation: float
) -> NDArray[np.float64]:
    """By how much the first exceeds each of the others in each posterior sample (samples x n)."""
    values = samples(features)
    lead = values[:, :1] - values[:, 1:]
    mean, sd = lead.mean(axis=0), lead.std(axis=0)
    # What was selected for the highest prediction is on average worse than predicted (the
    # optimizer's curse; Smith and Winkler 2006), by a quarter sd on the tuning functions.
    deviation = lead - mean - _OPTIMISERS_CURSE * sd
    return np.asarray(mean + sd_inflation * deviation)


def _best_row(fitted: FittedOutcomes, goals: Goals, seed: int) -> Rows:
    """The permitted condition (1 x p) with the best predicted mean, of those likely feasible."""
    rng = np.random.default_rng(seed)
    encoding, observed, models = fitted
    (objective,) = goals.objectives
    model = models[objective.outcome]

    def utility(features: NDArray[np.float64]) -> NDArray[np.float64]:
        if objective.direction == "match":
            return objective.expected_utility(*model.predict(features))
        return np.asarray(objective.utility(model.mean(features)))

    worst = float(utility(encoding.features(observed)).min())

    def expected(features: NDArray[np.float64]) -> NDArray[np.float64]:
        if goals.plain:
            return utility(features)
        met = feasible_probability(fitted, goals, features)
        above = np.maximum(utility(features) - worst, 0.0) / model.values_sd + _LEAST
        # What is likely is worth more than 1, what is not less than a half.
        unlikely = np.where(met > _LEAST, met, -_broken(fitted, goals, features))
        return np.asarray(np.where(met >= LIKELY, 1 + above * met, unlikely))

    return maximise(encoding, observed, expected, rng, _GENERATIONS, _SHRINK)


def _broken(fitted: FittedOutcomes, goals: Goals, features: NDArray[np.float64]) -> Rows:
    """By how much predicted means break the constraints on outcomes (n), in sds of the values."""
    means = {name: model.mean(features)[None] for name, model in fitted.models.items()}
    return np.asarray(excess_of(fitted, goals, means)[0])
