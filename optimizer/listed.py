"""A search space of which only listed conditions may be tried, such as those on a shelf."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from optimizer.encoding import Encoding, Rows
from protocols.conditions import Condition, Value
from protocols.search_space import SearchSpace

Listed = Sequence[Condition]


class ListedEncoding(Encoding):
    """Rows and features of a search space, of which only the listed conditions are permitted."""

    def __init__(self, space: SearchSpace, listed: Listed) -> None:
        """Of conditions, one or more; those that constraints forbid are left out.

        Raises:
            ValueError: a condition has a value that is not allowed.
        """
        super().__init__(space)
        rows = self.rows(listed)
        permitted = super().permits(rows)
        self._known = {
            row.tobytes(): condition
            for row, condition, kept in zip(rows, listed, permitted, strict=True)
            if kept
        }
        found = [np.frombuffer(row) for row in self._known]
        self._listed = np.array(found).reshape(-1, rows.shape[1])

    def permits(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows are listed (n)."""
        return np.array([row.tobytes() in self._known for row in rows], dtype=bool)

    def conditions(self, rows: Rows) -> list[Condition]:
        """Rows (n x p) -> conditions, the listed ones as they were given."""
        found = super().conditions(rows)
        return [self._known.get(row.tobytes(), one) for row, one in zip(rows, found, strict=True)]

    def all_rows(self, decided: Mapping[str, Value]) -> Rows:
        """Every listed row that has the decided values, however many there are."""
        if not decided:
            return self._listed
        fitting = self.decide(self._listed.copy(), [decided] * len(self._listed))
        return np.asarray(self._listed[(fitting == self._listed).all(axis=1)])

    def random(self, number: int, decided: Mapping[str, Value], rng: np.random.Generator) -> Rows:
        """`number` listed rows at random, all different (fewer where there are fewer).

        Raises:
            ValueError: none that is listed has the decided values.
        """
        every = self.all_rows(decided)
        if not len(every):
            raise ValueError(f"no listed condition is permitted and has {dict(decided)}")
        return rng.permutation(every)[:number]

    def unseen(self, decided: Mapping[str, Value], seen: AbstractSet[bytes]) -> Rows:
        """A listed row with the decided values that is not `seen` (1 x p), or none (0 x p)."""
        every = self.all_rows(decided)
        return np.asarray(every[[row.tobytes() not in seen for row in every]][:1])

    def from_unit_cube(
        self, points: NDArray[np.float64], decided: Sequence[Mapping[str, Value]]
    ) -> Rows:
        """Points of the unit cube (n x p) -> the listed rows nearest to theirs.

        Where none has the decided values the row is not listed.
        """
        return self._nearest(super().from_unit_cube(points, decided), decided)

    def from_features(self, features: NDArray[np.float64]) -> Rows:
        """Features (n x p) -> the nearest listed rows."""
        rows = super().from_features(features)
        return self._nearest(rows, [{}] * len(rows))

    def _nearest(self, rows: Rows, decided: Sequence[Mapping[str, Value]]) -> Rows:
        points = self.unit_cube(rows)
        for index, values in enumerate(decided):
            every = self.all_rows(values)
            if len(every):
                distances = ((self.unit_cube(every) - points[index]) ** 2).sum(axis=1)
                rows[index] = every[distances.argmin()]
        return rows


def encoding_of(space: SearchSpace, listed: Listed = ()) -> Encoding:
    """The encoding of a search space, or of the conditions that are listed of it."""
    return ListedEncoding(space, listed) if listed else Encoding(space)
