"""The model of a search space's observations, fitted once for all that ask."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from optimizer.encoding import Encoding, Rows
from optimizer.listed import encoding_of
from optimizer.model import Data, Surrogate
from optimizer.model.random_effects import Recorded
from optimizer.objective import Goals, OutcomeName
from protocols.conditions import Condition, Observation
from protocols.recommendations import Prediction
from protocols.search_space import SearchSpace

EDGE = "edge of the plate"
_MIN_OBSERVATIONS = 2
_DEGREES = 4  # of freedom
_KEPT = 6  # fitted models: one for each outcome of a round

Array = NDArray[np.float64]


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
    if fitted is None:
        return []
    rows = fitted.encoding.rows(conditions)
    means, sds = fitted.model.predict(fitted.encoding.features(rows))
    return list(map(Prediction, fitted.encoding.conditions(rows), means.tolist(), sds.tolist()))


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

    Similar experiments, with which our own values are predicted better than without, are learnt
    from as further tasks (`Surrogate`).

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    usable = tuple(observation for observation in observations if observation.usable)
    if len(usable) < _MIN_OBSERVATIONS:
        return None
    studies: dict[str, list[Observation]] = {}
    for observation in observations:
        if observation.sound and observation.study:
            studies.setdefault(observation.study, []).append(observation)
    return _fit(space, usable, tuple(map(tuple, studies.values())))


def fit_outcomes(
    space: SearchSpace,
    observations: Sequence[Observation],
    goals: Goals,
    among: Sequence[Condition] = (),
) -> FittedOutcomes | None:
    """A model of each outcome that is wanted or constrained, each of its usable observations.

    None where an outcome has fewer than two. Outcomes are modelled independently of each other.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        goals: which outcomes.
        among: the only conditions that there are; empty where all that is permitted is.

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
    encoding = encoding_of(space, among) if among else first.encoding
    return FittedOutcomes(encoding, rows, models)


@lru_cache(maxsize=_KEPT)  # proposals, controls and recommendation of a round ask for the same
def _fit(
    space: SearchSpace,
    usable: tuple[Observation, ...],
    studies: tuple[tuple[Observation, ...], ...] = (),
) -> FittedModel:
    """The model of our own observations, and of those similar experiments that it is better with.

    Each is tried beside ours: even where functions turn out not to be correlated they share
    lengthscales and noise, which those of an unlike experiment may spoil.
    """
    alone = _fitted(space, usable)
    if not studies:
        return alone
    values = np.array([observation.value for observation in usable], dtype=np.float64)
    beside = {study: _fitted(space, usable + study) for study in studies if _varies(study)}
    least = _foretelling(alone, values)
    kept = [study for study, found in beside.items() if _foretelling(found, values) > least]
    if len(kept) < 2:
        return beside[kept[0]] if kept else alone
    return _fitted(space, usable + tuple(observation for study in kept for observation in study))


def _varies(study: tuple[Observation, ...]) -> bool:
    return len({observation.value for observation in study}) > 1


def _foretelling(fitted: FittedModel, values: Array) -> float:
    """The mean log density of our values as all other observations predict them.

    By a t distribution, so that no single outlier decides.
    """
    means, sds = fitted.model.leave_one_out()
    return float(t.logpdf((values - means) / sds, _DEGREES).mean() - np.log(sds).mean())


def _fitted(space: SearchSpace, usable: tuple[Observation, ...]) -> FittedModel:
    encoding = Encoding(space)
    observed = encoding.rows([observation.condition for observation in usable])
    studies = list(dict.fromkeys(["", *(observation.study for observation in usable)]))
    tasks = np.array([studies.index(observation.study) for observation in usable])
    data = Data(
        features=encoding.features(observed),
        values=np.array([observation.value for observation in usable], dtype=np.float64),
        recorded=_recorded(usable),
        levels=encoding.levels,
        coordinates=encoding.coordinates,
        decided=np.array([p.decided_by_well is not None for p in space.parameters]),
        tasks=tasks if len(studies) > 1 else None,
    )
    return FittedModel(encoding, observed[tasks == 0], Surrogate(data))


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
    # Rounds of similar experiments are others than ours, and before them.
    others = dict.fromkeys((found.study, found.round) for found in observations if found.study)
    first = min((found.round for found in observations), default=0)
    numbered = {pair: first - 1 - index for index, pair in enumerate(others)}
    return Recorded(
        rounds=np.array([numbered.get((o.study, o.round), o.round) for o in observations]),
        plates=np.array([found.plate or 0 for found in observations]),
        labels=labels,
        numbers=numbers,
    )
