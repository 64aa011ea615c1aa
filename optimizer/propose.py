"""What to try next: the optimiser's main function."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from optimizer.batch import ROUGH, THOROUGH, choose_batch
from optimizer.encoding import Encoding, Rows
from optimizer.initial import initial_design
from optimizer.marginal_likelihood import Data
from optimizer.model import GaussianProcess
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.search_space import SearchSpace

_MIN_OBSERVATIONS = 2


class Prediction(NamedTuple):
    """Mean and standard deviation of a condition's true value, in the unit of the objective."""

    condition: Condition
    mean: float
    sd: float


class FittedModel(NamedTuple):
    """The encoding of a search space, the observed rows (n x p), and the model fitted to them."""

    encoding: Encoding
    observed: Rows
    model: GaussianProcess


def propose(
    space: SearchSpace,
    observations: Sequence[Observation],
    positions: Sequence[Mapping[str, Value]] | None = None,
    number: int = 1,
    seed: int = 0,
    pending: Sequence[Condition] = (),
    replicates: int = 1,
    rough: bool = False,
) -> list[Proposal]:
    """Conditions to try next, one for each position, chosen together as a batch.

    A condition that was observed, is pending or was proposed is not proposed again while its
    position allows others.

    Examples:
        >>> from protocols.parameters import ContinuousParameter, SteppedParameter
        >>> from protocols.search_space import SearchSpace
        >>> space = SearchSpace(parameters=(
        ...     ContinuousParameter(
        ...         name="dose", step="A", kind="continuous", low=1, high=100, scale="log",
        ...         standard=10),
        ...     SteppedParameter(
        ...         name="days", step="A", kind="stepped", levels=(1, 2, 3, 4), standard=2)))
        >>> first = propose(space, [], number=6, seed=1)
        >>> measured = [
        ...     Observation(condition=p.condition, value=p.condition["days"] / 4, round=1)
        ...     for p in first]
        >>> second = propose(
        ...     space, measured, positions=[{"days": 4}, {"days": 4}, {}], number=3, seed=1)
        >>> [proposal.condition["days"] for proposal in second][:2], second[0].role
        ([4.0, 4.0], 'proposed')

    Args:
        space: the parameters, what each of them allows, and the constraints between them.
        observations: what is known so far; failed wells are absent, flagged ones are left out.
            With fewer than two usable ones the answer is an initial design, spread evenly over
            the permitted conditions.
        positions: for each proposal the values that its well already decides, by parameter name;
            None: nothing.
        number: how many proposals; as many as there are positions.
        seed: the same arguments give the same proposals.
        pending: conditions that are under way or planned in addition to the proposals: they count
            as chosen already.
        replicates: in how many positions each condition is to be tried, 1 or more; fewer where not
            enough positions are alike.
        rough: about a quarter of the work, for campaigns that are only simulated.

    Returns: `number` proposals in the order of `positions`, each with its reason, and once a model
        was fitted also with the predicted mean and sd of the true value and the expected gain, in
        the unit of the objective.

    Raises:
        ValueError: `number` and `positions` disagree, a value is not allowed, `replicates` is below
            1, or no condition meets the constraints.
    """
    positions = [{}] * number if positions is None else positions
    if len(positions) != number:
        raise ValueError(f"{number} proposals were asked for {len(positions)} positions")
    if replicates < 1:
        raise ValueError(f"{replicates} replicates (expected 1 or more)")
    if number == 0:
        return []
    groups = _replicate_groups(positions, replicates)
    first_positions = [positions[group[0]] for group in groups]
    distinct = _propose_distinct(space, observations, first_positions, seed, pending, rough)
    proposals: dict[int, Proposal] = {}
    for proposal, group in zip(distinct, groups, strict=True):
        for replicate, position in enumerate(group):
            proposals[position] = _as_replicate(proposal, replicate, len(group))
    return [proposals[position] for position in range(number)]


def _replicate_groups(positions: Sequence[Mapping[str, Value]], replicates: int) -> list[list[int]]:
    """Groups of up to `replicates` indices of positions that decide the same values."""
    groups: list[list[int]] = []
    latest: dict[frozenset[tuple[str, Value]], list[int]] = {}
    for index, values in enumerate(positions):
        decided = frozenset(values.items())
        if decided not in latest or len(latest[decided]) == replicates:
            latest[decided] = []
            groups.append(latest[decided])
        latest[decided].append(index)
    return groups


def _as_replicate(proposal: Proposal, replicate: int, count: int) -> Proposal:
    """The proposal as replicate 0..`count` - 1 of its condition."""
    if count == 1:
        return proposal
    changes: dict[str, object] = {
        "reason": f"{proposal.reason}; replicate {replicate + 1} of {count}"
    }
    if replicate and proposal.gain is not None:
        # The first replicate has the whole expected gain, so that gains add up to the batch's.
        changes["gain"] = 0.0
    return proposal.model_copy(update=changes)


def _propose_distinct(
    space: SearchSpace,
    observations: Sequence[Observation],
    positions: Sequence[Mapping[str, Value]],
    seed: int,
    pending: Sequence[Condition],
    rough: bool,
) -> list[Proposal]:
    """One proposal for each position, without replicates."""
    fitted = fit(space, observations)
    if fitted is None:
        encoding = Encoding(space)
        rows = initial_design(encoding, positions, seed)
        reason = "initial design: spread evenly over the search space"
        return [
            Proposal(condition=condition, role="initial", reason=reason)
            for condition in encoding.conditions(rows)
        ]
    encoding, observed, model = fitted
    tried = np.vstack([observed, encoding.rows(pending)]) if pending else observed
    effort = ROUGH if rough else THOROUGH
    choices = choose_batch(encoding, model, tried, positions, seed, effort)
    chosen = np.array([choice.row for choice in choices])
    best = max(model.mean(encoding.features(observed)))
    return [
        Proposal(
            condition=prediction.condition,
            role="proposed",
            reason=_reason(prediction, best, choice.gain),
            mean=round(prediction.mean, 4),
            sd=round(prediction.sd, 4),
            gain=round(choice.gain, 5),
        )
        for prediction, choice in zip(predict_rows(fitted, chosen), choices, strict=True)
    ]


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


@lru_cache(maxsize=1)  # proposals, controls and recommendation of a round ask for the same
def _fit(space: SearchSpace, usable: tuple[Observation, ...]) -> FittedModel:
    encoding = Encoding(space)
    observed = encoding.rows([observation.condition for observation in usable])
    data = Data(
        features=encoding.features(observed),
        values=np.array([observation.value for observation in usable], dtype=np.float64),
        rounds=np.array([observation.round for observation in usable]),
        levels=encoding.levels,
    )
    return FittedModel(encoding, observed, GaussianProcess(data))


def predict_rows(fitted: FittedModel, rows: Rows) -> list[Prediction]:
    """What the model expects of rows (n x p)."""
    means, sds = fitted.model.predict(fitted.encoding.features(rows))
    return [
        Prediction(condition, float(mean), float(sd))
        for condition, mean, sd in zip(fitted.encoding.conditions(rows), means, sds, strict=True)
    ]


def _reason(prediction: Prediction, best: float, gain: float) -> str:
    if prediction.mean + 0.5 * prediction.sd >= best:
        why = "may well beat the best so far"
    elif prediction.mean >= 0.7 * best:
        why = "good, and could be better than it looks"
    else:
        why = "little is known here"
    return f"optimiser: {why}; expected to add {gain:.4f} to the best of the batch"
