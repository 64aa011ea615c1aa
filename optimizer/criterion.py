"""What a batch is to raise: the best of one objective, or the hypervolume of several."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated
from botorch.utils.sampling import sample_hypersphere
from numpy.typing import NDArray

from optimizer.fitting import FittedOutcomes
from optimizer.hypervolume import reference_point
from optimizer.objective import Goals, OutcomeName
from protocols.recommendations import LIKELY

Array = NDArray[np.float64]

Samples = Callable[[Array], Array]
"""Features (n x p) -> utilities (samples x n)."""

Predicted = Mapping[OutcomeName, tuple[Array, Array]]
"""Mean and sd of the true value of each outcome (n each)."""

_DIRECTIONS = 4  # of each posterior sample, where there are several objectives


class Criterion(NamedTuple):
    """A utility whose greatest value of a batch is to be raised, in each posterior sample.

    `samples` are utilities in posterior samples (samples x n) and `expected` (n) utilities by the
    posterior mean, of features (n x p). What is not above `floor` is worth nothing; `scale` is what
    a unit of the utility is worth in the unit of the gain.
    """

    samples: Samples
    expected: Callable[[Array], Array]
    floor: float = -math.inf
    scale: float = 1.0


def criterion(fitted: FittedOutcomes, goals: Goals, number: int, seed: int) -> Criterion:
    """The criterion of a campaign's goals.

    Of one objective without constraints it is that objective; of several a random `scalarised`
    utility, other directions in each posterior sample. What breaks constraints on outcomes is
    negative, the more the worse.

    Args:
        fitted: the models of all outcomes of the goals.
        goals: what is wanted.
        number: posterior samples.
        seed: decides them.
    """
    if goals.plain:
        return _plain(fitted, goals, number, seed)
    reference, spread = _reference(fitted, goals)
    count = len(goals.objectives)
    several = count > 1
    repeated = _DIRECTIONS if several else 1
    sampled = {
        outcome: model.posterior_samples(number, seed + index)
        for index, (outcome, model) in enumerate(fitted.models.items())
    }
    weights = directions(number * repeated, count, seed)

    def above(values: dict[OutcomeName, Array]) -> Array:
        utilities = np.stack([o.utility(values[o.outcome]) for o in goals.objectives])
        return np.asarray((utilities - reference[:, None, None]) / spread[:, None, None])

    def samples(features: Array) -> Array:
        found = {
            name: np.repeat(draw(features), repeated, axis=0) for name, draw in sampled.items()
        }
        excess = excess_of(fitted, goals, found)
        return np.where(excess > 0, -excess, scalarised(above(found), weights))

    def expected(features: Array) -> Array:
        found = {name: model.mean(features)[None] for name, model in fitted.models.items()}
        even = np.full((1, count), 1 / math.sqrt(count))
        excess = excess_of(fitted, goals, found)
        return np.asarray(np.where(excess > 0, -excess, scalarised(above(found), even))[0])

    scale = orthant_volume(count) * float(np.prod(spread)) if several else 1.0
    return Criterion(samples, expected, 0.0, scale)


def _plain(fitted: FittedOutcomes, goals: Goals, number: int, seed: int) -> Criterion:
    (objective,) = goals.objectives
    model = fitted.models[objective.outcome]
    sampled = model.posterior_samples(number, seed)

    def samples(features: Array) -> Array:
        return np.asarray(objective.utility(sampled(features)))

    def expected(features: Array) -> Array:
        return np.asarray(objective.utility(model.mean(features)))

    return Criterion(samples, expected)


def feasible_probability(fitted: FittedOutcomes, goals: Goals, features: Array) -> Array:
    """With which probability (n) conditions meet the constraints on outcomes; 1 without any."""
    constrained = {rule.outcome for rule in goals.constraints}
    predicted = {name: fitted.models[name].predict(features) for name in constrained}
    return np.broadcast_to(probability_met(goals, predicted), len(features))


def probability_met(goals: Goals, predicted: Predicted) -> Array:
    """With which probability (n) what is predicted meets the constraints; 1 without any."""
    met = [rule.probability(*predicted[rule.outcome]) for rule in goals.constraints]
    return np.asarray(np.prod(met, axis=0))


def likely_feasible(fitted: FittedOutcomes, goals: Goals, features: Array) -> NDArray[np.bool_]:
    """Which conditions (n) meet the constraints on outcomes with a half or more."""
    return np.asarray(feasible_probability(fitted, goals, features) >= LIKELY)


def excess_of(fitted: FittedOutcomes, goals: Goals, values: dict[OutcomeName, Array]) -> Array:
    """By how much constraints are broken (samples x n), in sds of the outcomes' values."""
    total = np.zeros_like(next(iter(values.values())))
    for rule in goals.constraints:
        scale = fitted.models[rule.outcome].values_sd
        total += np.maximum(rule.excess(values[rule.outcome]), 0.0) / scale
    return total


def _reference(fitted: FittedOutcomes, goals: Goals) -> tuple[Array, Array]:
    """The reference point and the spread above it, utilities (m each).

    The thresholds; of an objective without one a tenth of the range below the worst of the
    non-dominated conditions that were tried, as the model has their means (Ishibuchi et al. 2011).
    Of a single objective the worst that was tried.
    """
    features = fitted.encoding.features(fitted.observed)
    means = np.column_stack(
        [o.utility(fitted.models[o.outcome].mean(features)) for o in goals.objectives]
    )
    likely = likely_feasible(fitted, goals, features)
    counted = torch.as_tensor(means[likely] if likely.any() else means)
    if len(goals.objectives) == 1:
        return np.asarray(counted.min(dim=0).values), np.ones(1)
    reference = np.asarray(reference_point(counted, goals))
    front = counted[is_non_dominated(counted)]
    spread = front.max(dim=0).values.numpy() - reference
    typical = np.array([fitted.models[o.outcome].values_sd for o in goals.objectives])
    return reference, np.where(spread > 1e-3 * typical, spread, typical)


def scalarised(above: Array, directions: Array) -> Array:
    """The hypervolume scalarisation (samples x n) of values above the reference point.

        (min over objectives of y / w)^m

    Its maximum over a batch, averaged over directions w and times `orthant_volume(m)`, is the
    hypervolume that the batch dominates (Golovin and Zhang 2020, "Random Hypervolume Scalarizations
    for Provable Multi-Objective Black Box Optimization", lemma 5). What is not above the reference
    point in every objective is negative.

    Args:
        above: y (m x samples x n).
        directions: w (samples x m).
    """
    least = (above / directions.T[:, :, None]).min(axis=0)
    return np.asarray(np.where(least > 0, np.abs(least) ** len(above), least))


def orthant_volume(count: int) -> float:
    """The volume of the part of the unit ball of `count` dimensions that is positive."""
    return float(math.pi ** (count / 2) / (2**count * math.gamma(count / 2 + 1)))


def directions(number: int, count: int, seed: int) -> Array:
    """Unit vectors with positive entries (number x count), evenly spread."""
    if count == 1:
        return np.ones((number, 1))
    found = sample_hypersphere(count, n=number, qmc=True, seed=seed, dtype=torch.float64)
    return np.asarray(found.abs().clamp_min(1e-6).numpy())
