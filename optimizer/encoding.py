"""Encoding: conditions <-> numbers. Every allowed value keeps its place: no relaxation, no rounding afterwards."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.conditions import Condition, Value
from protocols.parameters import CategoryParameter, ContinuousParameter, SearchSpace

Rows = NDArray[np.float64]
"""n x p: one row a condition, one column a parameter; the index of a level, or a share of a continuous range."""


class Encoding:
    """Rows and features of one search space.

    Features (n x d, each 0..1) are what the model sees: a number on its parameter's own scale, a category of two
    levels as 0 or 1, a category of more levels as one column a level.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._features = [_level_features(parameter) for parameter in space.parameters]

    @property
    def dimension(self) -> int:
        """d, the number of features."""
        return sum(1 if table is None else table.shape[1] for table in self._features)

    def rows(self, conditions: Sequence[Condition]) -> Rows:
        """Conditions -> rows.

        Raises:
            ValueError: a condition has a value that its parameter does not allow.
        """
        return np.array([self._row(condition.root) for condition in conditions]).reshape(-1, len(self._features))

    def conditions(self, rows: Rows) -> list[Condition]:
        """Rows -> conditions, on exact levels."""
        found = []
        for row in rows:
            values: dict[str, Value] = {}
            for parameter, entry in zip(self.space.parameters, row, strict=True):
                if isinstance(parameter, ContinuousParameter):
                    # Six significant digits are finer than any instrument and print well.
                    values[parameter.name] = float(f"{parameter.from_unit_interval(float(entry)):.6g}")
                else:
                    values[parameter.name] = parameter.levels[int(entry)]
            found.append(Condition(values))
        return found

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Rows -> features."""
        columns = [
            rows[:, index : index + 1] if table is None else table[rows[:, index].astype(int)]
            for index, table in enumerate(self._features)
        ]
        return np.hstack(columns)

    def from_unit_cube(self, points: NDArray[np.float64], decided: Sequence[Mapping[str, Value]]) -> Rows:
        """Points of the unit cube (n x p) -> rows, each level getting an equal share; decided values are set."""
        rows = points.copy()
        for index, table in enumerate(self._features):
            if table is not None:
                rows[:, index] = np.minimum(np.floor(points[:, index] * len(table)), len(table) - 1)
        return self.decide(rows, decided)

    def decide(self, rows: Rows, decided: Sequence[Mapping[str, Value]]) -> Rows:
        """The same rows with the values that their positions decide; `decided` is as long as `rows`."""
        for index, parameter in enumerate(self.space.parameters):
            for row, values in enumerate(decided):
                if parameter.name in values:
                    rows[row, index] = self._entry(index, values[parameter.name])
        return rows

    def mutated(self, rows: Rows, rng: np.random.Generator, fixed: frozenset[str]) -> Rows:
        """Neighbours: in each row one to three parameters that are not `fixed` move, mostly by a little."""
        rows = rows.copy()
        free = [i for i, parameter in enumerate(self.space.parameters) if parameter.name not in fixed]
        if not free:
            return rows
        chosen = rng.random((len(rows), len(free))).argsort(axis=1)
        often = rng.integers(1, 4, size=len(rows))
        for place, index in enumerate(free):
            moving = np.flatnonzero(chosen[:, place] < often)
            rows[moving, index] = self._moved(index, rows[moving, index], rng)
        return rows

    def grid(self, index: int, number: int) -> NDArray[np.float64]:
        """At most `number` entries of the parameter at `index`, spread over what it allows; every category."""
        parameter, table = self.space.parameters[index], self._features[index]
        if table is None:
            return np.linspace(0.0, 1.0, number)
        if isinstance(parameter, CategoryParameter) or len(table) <= number:
            return np.arange(len(table), dtype=np.float64)
        return np.unique(np.linspace(0, len(table) - 1, number).round())

    def _moved(self, index: int, entries: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        parameter, table = self.space.parameters[index], self._features[index]
        if table is None:
            return np.clip(entries + rng.normal(0, 0.08, size=entries.shape), 0, 1)
        count = len(table)
        if isinstance(parameter, CategoryParameter):
            return np.asarray((entries + rng.integers(1, count, size=entries.shape)) % count, dtype=np.float64)
        reach = max(1.0, 0.08 * count)
        by = np.ceil(np.abs(rng.normal(0, reach, size=entries.shape))) * rng.choice([-1.0, 1.0], size=entries.shape)
        return np.asarray(np.clip(entries + by, 0.0, count - 1.0), dtype=np.float64)

    def _row(self, values: Mapping[str, Value]) -> list[float]:
        return [self._entry(index, values[p.name]) for index, p in enumerate(self.space.parameters)]

    def _entry(self, index: int, value: Value) -> float:
        parameter = self.space.parameters[index]
        snapped = parameter.snap(value)
        if snapped is None:
            raise ValueError(f"{parameter.name}={value} is not allowed (expected {parameter.allowed})")
        if isinstance(parameter, ContinuousParameter):
            return parameter.to_unit_interval(float(snapped))
        return float(parameter.levels.index(snapped))


def _level_features(parameter: object) -> NDArray[np.float64] | None:
    """Features of each level (levels x columns), or None for a continuous parameter."""
    if isinstance(parameter, ContinuousParameter):
        return None
    if isinstance(parameter, CategoryParameter):
        count = len(parameter.levels)
        return np.array([[0.0], [1.0]]) if count == 2 else np.eye(count)
    return np.array([[parameter.to_unit_interval(level)] for level in parameter.levels])  # type: ignore[attr-defined]
