"""The model of a search space's observations, fitted once for all that ask."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from optimizer.encoding import Encoding, Rows
from optimizer.model import Data, Surrogate
from optimizer.model.random_effects import Recorded
from optimizer.objective import Goals, OutcomeName
from protocols.conditions import Condition, Observation
from protocols.search_space import SearchSpace

EDGE = "edge of the plate"
_MIN_OBSERVATIONS = 2
_KEPT = 6  # fitted models: one for each outcome of a round


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
        reach = float(norm.ppf(0.5 + share / 2)) * self.sd
        low, high = natural_range or (-math.inf, math.inf)
        return min(max(self.mean - reach, low), high), max(min(self.mean + reach, high), low)


class FittedModel(NamedTuple):
    """The encoding of a search space, the observed rows (n x p), and the model fitted to them."""

    encoding: Encoding
    observed: Rows
    model: Surrogate


class FittedOutcomes(NamedTuple):
    """The encoding of a search space, all observed rows (n x p), and a model of each outcome.

    Rows are those of which any outcome is known.
    """

    encoding: Encoding
    observed: Rows
    models: Mapping[OutcomeName, Surrogate]


def predict(
    space: SearchSpace, observations: Sequence[Observation], conditions: Sequence[Condition]
) -> list[Prediction]:
    """What the model expects of some conditions.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        conditions: those of interest.

    Returns: one prediction a condition; empty with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    for condition in conditions:
        if space.snap(condition.root) is None:
            raise ValueError(f"{condition} is not allowed, or not complete")
    fitted = fit(space, observations) if conditions else None
    return [] if fitted is None else predict_rows(fitted, fitted.encoding.rows(conditions))


def noise_sd(space: SearchSpace, observations: Sequence[Observation]) -> float | None:
    """The fitted sd of a measurement about the true value, in the unit of the objective.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.

    Returns: None with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    fitted = fit(space, observations)
    return None if fitted is None else fitted.model.noise_sd


def fit(space: SearchSpace, observations: Sequence[Observation]) -> FittedModel | None:
    """The model of the usable observations; None with fewer than two.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    usable = tuple(observation for observation in observations if observation.usable)
    return _fit(space, usable) if len(usable) >= _MIN_OBSERVATIONS else None


def fit_outcomes(
    space: SearchSpace, observations: Sequence[Observation], goals: Goals
) -> FittedOutcomes | None:
    """A model of each outcome that is wanted or constrained, each of its usable observations.

    None where an outcome has fewer than two. Outcomes are modelled independently of each other.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        goals: which outcomes.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    found: dict[OutcomeName, FittedModel] = {}
    for outcome in goals.outcomes:
        fitted = fit(space, [observation.of(outcome) for observation in observations])
        if fitted is None:
            return None
        found[outcome] = fitted
    first, *others = found.values()
    rows = first.observed
    if others:
        rows = np.unique(np.vstack([rows, *(other.observed for other in others)]), axis=0)
    models = {outcome: fitted.model for outcome, fitted in found.items()}
    return FittedOutcomes(first.encoding, rows, models)


@lru_cache(maxsize=_KEPT)  # proposals, controls and recommendation of a round ask for the same
def _fit(space: SearchSpace, usable: tuple[Observation, ...]) -> FittedModel:
    encoding = Encoding(space)
    observed = encoding.rows([observation.condition for observation in usable])
    data = Data(
        features=encoding.features(observed),
        values=np.array([observation.value for observation in usable], dtype=np.float64),
        recorded=_recorded(usable),
        levels=encoding.levels,
        coordinates=encoding.coordinates,
        decided=np.array([p.decided_by_well is not None for p in space.parameters]),
    )
    return FittedModel(encoding, observed, Surrogate(data))


def _recorded(observations: Sequence[Observation]) -> Recorded:
    """What was recorded beside conditions and values."""
    names = dict.fromkeys(name for found in observations for name in found.covariates)
    labels, numbers = {}, {}
    for name in names:
        given = [found.covariates.get(name) for found in observations]
        texts = sorted({value for value in given if isinstance(value, str)})
        if texts:
            codes = [texts.index(value) if isinstance(value, str) else -1 for value in given]
            labels[name] = np.array(codes)
        else:
            numbers[name] = np.array([np.nan if v is None else v for v in given], dtype=np.float64)
    edges = [found.edge for found in observations]
    if not {True, False} - set(edges):
        given_edges = [np.nan if edge is None else float(edge) for edge in edges]
        numbers[EDGE] = np.array(given_edges)
    return Recorded(
        rounds=np.array([found.round for found in observations]),
        plates=np.array([found.plate or 0 for found in observations]),
        labels=labels,
        numbers=numbers,
    )


def predict_rows(fitted: FittedModel, rows: Rows) -> list[Prediction]:
    """What the model expects of rows (n x p)."""
    means, sds = fitted.model.predict(fitted.encoding.features(rows))
    return [
        Prediction(condition, float(mean), float(sd))
        for condition, mean, sd in zip(fitted.encoding.conditions(rows), means, sds, strict=True)
    ]
