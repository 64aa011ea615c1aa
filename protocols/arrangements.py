"""Random arrangements of proposals in wells, whose replicates are apart."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Part = tuple[str, int | str]
"""A block or `plate`, and which one."""

_MOST_TIES = 4_000_000
"""How many random numbers are held at once."""


class Arranger:
    """Arranges the members of groups of replicates in random order, one for each well.

    Each replicated condition in turn takes one well of every plate with most free wells: that
    separates its replicates wherever it is possible at all (Ryser 1957, for a 0-1 matrix with given
    sums of rows and columns). Where there are blocks, it first takes one of every block.
    """

    def __init__(self, units: Sequence[tuple[Part, ...]], groups: Sequence[Sequence[int]]) -> None:
        """With the wells and the proposals.

        Args:
            units: what each well shares with others; as long as all groups together.
            groups: indices of the proposals of each condition.
        """
        self._groups = groups
        distinct = sorted(set(units))
        number = {unit: index for index, unit in enumerate(distinct)}
        self._unit_of = np.array([number[unit] for unit in units], dtype=int)
        self._shared = [
            np.array([[own[part] == other[part] for other in distinct] for own in distinct])
            for part in range(len(distinct[0]) if distinct else 0)
        ]
        """For each part of units, which of them have it in common."""
        lengths = sorted(map(len, groups), reverse=True)
        self._begins = np.cumsum([0, *lengths])
        self._alone = len(groups) == len(units)
        self.at_once = max(1, _MOST_TIES // max(1, len(units) * len(distinct)))
        """How many arrangements are best drawn before they are arranged."""

    def drawn(self, rng: np.random.Generator) -> "Drawn":
        """What is random in one arrangement: the order, and how units that are alike are ranked."""
        if self._alone:
            everything = rng.permutation([member for (member,) in self._groups])
            return Drawn(np.arange(len(everything)), everything, np.empty((0, 0)))
        wells = rng.permutation(len(self._unit_of))
        shuffled = [self._groups[index] for index in rng.permutation(len(self._groups))]
        members, ranks = [], []
        units = len(self._shared[0])
        for group in sorted(shuffled, key=len, reverse=True):
            members.append(rng.permutation(group))
            ranks.append(rng.random((len(group), units)))
        return Drawn(wells, np.concatenate(members), np.concatenate(ranks))

    def arranged(self, several: Sequence["Drawn"]) -> Iterator[NDArray[np.int_]]:
        """The member in each well, for each of some draws."""
        if self._alone:
            yield from (one.members for one in several)
            return
        taken = self._taken(np.stack([one.ranks for one in several]))
        for one, units in zip(several, taken, strict=True):
            # The wells of a unit are taken from the last one on.
            wells = one.wells[::-1]
            rows = np.empty(len(wells), dtype=int)
            by_unit = np.argsort(self._unit_of[wells], kind="stable")
            rows[wells[by_unit]] = one.members[np.argsort(units, kind="stable")]
            yield rows

    def _taken(self, ranks: NDArray[np.float64]) -> NDArray[np.int_]:
        """The unit that each member takes: draws x members.

        Of the units with a free well, that which its group has taken least, block by block, then
        the one with most free wells, and then by rank (draws x members x units).
        """
        draws, members, units = ranks.shape
        free = np.tile(np.bincount(self._unit_of, minlength=units), (draws, 1))
        used = np.zeros((len(self._shared), draws, units), dtype=int)
        taken = np.empty((draws, members), dtype=int)
        starts = set(self._begins.tolist())
        every = np.arange(draws)
        for member in range(members):
            if member in starts:
                used[:] = 0
            best = free > 0
            for crowding in (*used, -free):
                least = np.where(best, crowding, members + 1)
                best &= least == least.min(axis=1, keepdims=True)
            unit = np.where(best, ranks[:, member], 1.0).argmin(axis=1)
            taken[:, member] = unit
            free[every, unit] -= 1
            for crowding, shared in zip(used, self._shared, strict=True):
                crowding += shared[unit]
        return taken


class Drawn(NamedTuple):
    """What is random in one arrangement."""

    wells: NDArray[np.int_]
    members: NDArray[np.int_]
    ranks: NDArray[np.float64]
    """Of units for each member, from 0 to 1."""
