"""What to try next: the optimiser's main function."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from optimizer.batch import ROUGH, THOROUGH, choose_batch
from optimizer.encoding import Encoding, Rows
from optimizer.evidence import Data
from optimizer.initial import initial_design
from optimizer.model import GaussianProcess
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.parameters import SearchSpace

_FEWEST_TO_LEARN_FROM = 2


class Prediction(NamedTuple):
    """What the model expects of a condition: mean and standard deviation of its true value."""

    condition: Condition
    mean: float
    sd: float


class Learnt(NamedTuple):
    """The encoding of a search space, the rows of what was observed in it, and the model of that."""

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

    >>> from protocols.parameters import ContinuousParameter, SearchSpace, SteppedParameter
    >>> space = SearchSpace(parameters=(
    ...     ContinuousParameter(name="dose", step="A", kind="continuous", low=1, high=100, scale="log", standard=10),
    ...     SteppedParameter(name="days", step="A", kind="stepped", levels=(1, 2, 3, 4), standard=2)))
    >>> first = propose(space, [], number=6, seed=1)
    >>> measured = [Observation(condition=p.condition, value=p.condition["days"] / 4, round=1) for p in first]
    >>> second = propose(space, measured, positions=[{"days": 4}, {"days": 4}, {}], number=3, seed=1)
    >>> [proposal.condition["days"] for proposal in second][:2], second[0].role
    ([4.0, 4.0], 'proposed')

    Args:
        space: the parameters, what each of them allows, and the constraints between them.
        observations: what is known so far; failed wells are absent, flagged ones are left out. With fewer than two
            usable ones the answer is an initial design, spread evenly over the permitted conditions.
        positions: for each proposal the values that its well already decides, by parameter name; None: nothing.
        number: how many proposals; as many as there are positions.
        seed: the same arguments give the same proposals.
        pending: conditions that are under way or planned beside the proposals: they count as chosen already.
        replicates: in how many positions each condition is to be tried; fewer where not enough positions are alike.
        rough: about a quarter of the work, for campaigns that are only simulated.

    A condition that was observed, is pending or was proposed is not proposed again while its position allows others.

    Returns: `number` proposals in the order of `positions`, each with its reason, and with the predicted mean and sd
        of the true value where there was something to learn from.

    Raises:
        ValueError: `number` and `positions` disagree, a value is not allowed, `replicates` is below 1, or no condition
            meets the constraints.
    """
    positions = [{}] * number if positions is None else positions
    if len(positions) != number:
        raise ValueError(f"{number} proposals were asked for {len(positions)} positions")
    if replicates < 1:
        raise ValueError(f"{replicates} replicates (expected 1 or more)")
    if number == 0:
        return []
    together = _alike(positions, replicates)
    found = _distinct(space, observations, [positions[places[0]] for places in together], seed, pending, rough)
    proposals: dict[int, Proposal] = {}
    for proposal, places in zip(found, together, strict=True):
        for again, place in enumerate(places):
            reason = f"{proposal.reason}; replicate {again + 1} of {len(places)}"
            more = {"reason": reason} | ({"gain": 0.0} if again and proposal.gain is not None else {})
            proposals[place] = proposal.model_copy(update=more) if len(places) > 1 else proposal
    return [proposals[place] for place in range(number)]


def _alike(positions: Sequence[Mapping[str, Value]], replicates: int) -> list[list[int]]:
    """Groups of up to `replicates` positions that decide the same."""
    groups: list[list[int]] = []
    filling: dict[frozenset[tuple[str, Value]], list[int]] = {}
    for place, values in enumerate(positions):
        kind = frozenset(values.items())
        if len(filling.get(kind, ())) in (0, replicates):
            filling[kind] = []
            groups.append(filling[kind])
        filling[kind].append(place)
    return groups


def _distinct(
    space: SearchSpace,
    observations: Sequence[Observation],
    positions: Sequence[Mapping[str, Value]],
    seed: int,
    pending: Sequence[Condition],
    rough: bool,
) -> list[Proposal]:
    learnt = learn(space, observations)
    if learnt is None:
        encoding = Encoding(space)
        rows = initial_design(encoding, positions, seed)
        reason = "initial design: spread evenly over the search space"
        return [Proposal(condition=c, role="initial", reason=reason) for c in encoding.conditions(rows)]
    encoding, observed, model = learnt
    tried = np.vstack([observed, encoding.rows(pending)]) if pending else observed
    choices = choose_batch(encoding, model, tried, positions, seed, ROUGH if rough else THOROUGH)
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
        for prediction, choice in zip(predictions(learnt, chosen), choices, strict=True)
    ]


def predict(
    space: SearchSpace, observations: Sequence[Observation], conditions: Sequence[Condition]
) -> list[Prediction]:
    """What is to be expected of some conditions; empty when there is too little to learn from.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    learnt = learn(space, observations) if conditions else None
    return [] if learnt is None else predictions(learnt, learnt.encoding.rows(conditions))


def noise_sd(space: SearchSpace, observations: Sequence[Observation]) -> float | None:
    """The sd of a measurement about the true value, as the model has learnt it; None with too little to learn from."""
    learnt = learn(space, observations)
    return None if learnt is None else learnt.model.noise_sd


def learn(space: SearchSpace, observations: Sequence[Observation]) -> Learnt | None:
    """What the usable observations teach; None when there is too little to learn from.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    usable = tuple(observation for observation in observations if observation.usable)
    return _learnt(space, usable) if len(usable) >= _FEWEST_TO_LEARN_FROM else None


@lru_cache(maxsize=1)  # proposals, controls and recommendation of a round ask for the same
def _learnt(space: SearchSpace, usable: tuple[Observation, ...]) -> Learnt:
    encoding = Encoding(space)
    observed = encoding.rows([observation.condition for observation in usable])
    data = Data(
        features=encoding.features(observed),
        values=np.array([observation.value for observation in usable], dtype=np.float64),
        rounds=np.array([observation.round for observation in usable]),
        levels=encoding.levels,
    )
    return Learnt(encoding, observed, GaussianProcess(data))


def predictions(learnt: Learnt, rows: Rows) -> list[Prediction]:
    """What is to be expected of rows."""
    means, sds = learnt.model.predict(learnt.encoding.features(rows))
    return [
        Prediction(condition, float(mean), float(sd))
        for condition, mean, sd in zip(learnt.encoding.conditions(rows), means, sds, strict=True)
    ]


def _reason(prediction: Prediction, best: float, gain: float) -> str:
    if prediction.mean + 0.5 * prediction.sd >= best:
        why = "may well beat the best so far"
    elif prediction.mean >= 0.7 * best:
        why = "good, and could be better than it looks"
    else:
        why = "little is known here"
    return f"optimiser: {why}; expected to add {gain:.4f} to the best of the batch"
