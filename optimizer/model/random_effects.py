"""Which effects beside its condition a measurement may have, as far as the design tells them apart.

Rounds, plates within a round, and recorded covariates change a measurement, not the true value.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int_]

_NOTHING: Mapping[str, NDArray[np.generic]] = MappingProxyType({})
_NEW = 0.05  # the least share of a number's variance that nothing else explains
_ROUNDING = 1e-8


class Recorded(NamedTuple):
    """What was recorded of n observations beside conditions and values.

    `rounds` (n) are round numbers, `plates` (n) numbers of plates within a round (0: not known).
    `labels` are categories by name (n each, -1: not recorded), `numbers` numbers by name (n each,
    NaN: not recorded).
    """

    rounds: Labels
    plates: Labels
    labels: Mapping[str, Labels] = _NOTHING  # type: ignore[assignment]
    numbers: Mapping[str, Array] = _NOTHING  # type: ignore[assignment]

    def at(self, which: NDArray[np.bool_]) -> "Recorded":
        """Of some of the observations."""
        return Recorded(
            self.rounds[which],
            self.plates[which],
            {name: found[which] for name, found in self.labels.items()},
            {name: found[which] for name, found in self.numbers.items()},
        )


class RandomEffects(NamedTuple):
    """Effects by name, and what each adds to the covariance of the n observations (k x n x n).

    It is multiplied by the variance of the effect.
    """

    names: tuple[str, ...]
    covariances: Array


def random_effects(
    recorded: Recorded, features: Array, levels: Labels, decided: NDArray[np.bool_]
) -> RandomEffects:
    """The effects that can be told from each other and from what the conditions do.

    A round, a plate and a category are random intercepts; a number is a linear effect, 0 at its
    mean. Rounds come first. Another effect is left out where what was accepted before, and what
    goes along with it among the parameters, explain it: where a round has one plate, where each
    plate has its own temperature, where a lot was changed with the round. Values of a parameter
    that positions decide explain whatever is the same in all positions that have them.

    Args:
        recorded: of the observations.
        features: of their conditions (n x p).
        levels: the number of levels of each category, 0 for a number (p).
        decided: which parameters the positions decide (p).
    """
    count = len(recorded.rounds)
    rounds = indicators(recorded.rounds)
    found: list[tuple[str, Array]] = [("round", rounds)] if rounds.shape[1] > 1 else []
    parts = list(_candidates(recorded))
    if parts:
        columns = [indicators(column) for column in features.T[decided]]
        explained = orthonormal_basis(np.hstack([rounds, *columns]))
        for name, effect in parts:
            linear = effect.shape[1] == 1
            beside = _parameters(features, levels) if linear else _constant_within(features, effect)
            left = _residual(effect, orthonormal_basis(np.hstack([explained, beside])))
            least = _NEW if linear else _ROUNDING
            if (left**2).sum() > least * (effect**2).sum():
                found.append((name, effect))
                explained = orthonormal_basis(np.hstack([explained, effect]))
    covariances = np.zeros((len(found), count, count))
    for index, (_, effect) in enumerate(found):
        covariances[index] = effect @ effect.T
    return RandomEffects(tuple(name for name, _ in found), covariances)


def _candidates(recorded: Recorded) -> Iterator[tuple[str, Array]]:
    """Each effect that may be there, by name: a column a group, or one column of a number."""
    for name, numbers in recorded.numbers.items():
        known = np.isfinite(numbers)
        if known.any() and np.ptp(numbers[known]) > 0:
            centred = np.where(known, numbers, numbers[known].mean()) - numbers[known].mean()
            yield name, (centred / centred.std())[:, None]
    pairs = np.stack([recorded.rounds, recorded.plates])
    plates = np.unique(pairs, axis=1, return_inverse=True)[1].ravel()
    several = len(np.unique(plates)) > len(np.unique(recorded.rounds))
    for name, labels in [*recorded.labels.items(), *([("plate", plates)] if several else [])]:
        groups = indicators(labels)[:, np.unique(labels) >= 0]
        # Groups of one cannot be told from noise.
        if groups.shape[1] > 1 and groups.sum(axis=0).max() > 1:
            yield name, groups


def indicators(labels: NDArray[np.generic]) -> Array:
    """One column for each label, in their order (n x groups)."""
    return np.asarray(labels[:, None] == np.unique(labels)[None, :], dtype=np.float64)


def _parameters(features: Array, levels: Labels) -> Array:
    """Numbers as they are, categories as indicators."""
    parts = [
        indicators(column) if number else column[:, None]
        for column, number in zip(features.T, levels, strict=True)
    ]
    return np.hstack(parts)


def _constant_within(features: Array, groups: Array) -> Array:
    """Indicators of the values of those parameters that have one value in each group."""
    members = [np.flatnonzero(group) for group in groups.T]
    known = np.flatnonzero(groups.any(axis=1))
    nested = [
        indicators(column)
        for column in features.T
        if np.ptp(column[known]) > 0 and all(np.ptp(column[group]) == 0 for group in members)
    ]
    return np.hstack([np.empty((len(features), 0)), *nested])


def orthonormal_basis(columns: Array) -> Array:
    """An orthonormal basis (n x rank) of what columns (n x c) span."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, sizes > _ROUNDING * max(float(sizes.max(initial=0.0)), 1.0)])


def _residual(columns: Array, basis: Array) -> Array:
    """What the basis leaves of columns."""
    return np.asarray(columns - basis @ (basis.T @ columns))
