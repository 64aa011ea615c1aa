"""Encoding: conditions <-> numbers.

Every allowed value has an exact code: no relaxation, no rounding afterwards.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.conditions import Condition, Value
from protocols.parameters import Parameter
from protocols.search_space import SearchSpace

_REACH = 0.08
_ATTEMPTS = 50

Rows = NDArray[np.float64]
"""n x p: one row a condition, one column a parameter.

An entry is the index of a level, or a share (0..1) of a continuous range.
"""


class Encoding:
    """Rows and features of one search space.

    Features (n x p) are what the model sees: a number as 0..1 on its parameter's own scale, a
    category as the index of its level.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._tables = [_level_features(parameter) for parameter in space.parameters]
        self.levels = np.array([0 if p.numeric else len(p.choices or ()) for p in space.parameters])
        """The number of levels of each category, 0 for a number (p)."""

    def rows(self, conditions: Sequence[Condition]) -> Rows:
        """Conditions -> rows (n x p).

        Raises:
            ValueError: a condition has a value that its parameter does not allow.
        """
        return np.array([self._row(condition.root) for condition in conditions]).reshape(
            -1, len(self._tables)
        )

    def conditions(self, rows: Rows) -> list[Condition]:
        """Rows (n x p) -> conditions, on exact levels."""
        found = []
        for row in rows:
            values: dict[str, Value] = {}
            for parameter, entry in zip(self.space.parameters, row, strict=True):
                values[parameter.name] = parameter.value_of(float(entry))
            found.append(Condition(values))
        return found

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Rows (n x p) -> features (n x p)."""
        found = rows.copy()
        for index, table in enumerate(self._tables):
            if table is not None:
                found[:, index] = table[rows[:, index].astype(int)]
        return found

    def level_features(self, index: int) -> NDArray[np.float64]:
        """The feature of each level of the parameter at `index`; empty for a continuous one."""
        table = self._tables[index]
        return np.empty(0) if table is None else table

    def from_features(self, features: NDArray[np.float64]) -> Rows:
        """Features (n x p) -> the rows whose features are nearest."""
        rows = np.clip(features, 0.0, None)
        for index, table in enumerate(self._tables):
            if table is None:
                rows[:, index] = np.minimum(rows[:, index], 1.0)
            else:
                rows[:, index] = np.abs(features[:, index, None] - table).argmin(axis=1)
        return rows

    def from_unit_cube(
        self, points: NDArray[np.float64], decided: Sequence[Mapping[str, Value]]
    ) -> Rows:
        """Points of the unit cube (n x p) -> rows, with decided values set.

        Each level gets an equal share of its axis.

        Raises:
            ValueError: a decided value is not allowed.
        """
        rows = points.copy()
        for index, table in enumerate(self._tables):
            if table is not None:
                rows[:, index] = np.minimum(np.floor(points[:, index] * len(table)), len(table) - 1)
        return self.decide(rows, decided)

    def random(self, number: int, decided: Mapping[str, Value], rng: np.random.Generator) -> Rows:
        """`number` permitted conditions at random (fewer where few are permitted), as rows.

        All have the same decided values.

        Raises:
            ValueError: the constraints leave (almost) nothing that has the decided values.
        """
        found = np.empty((0, len(self._tables)))
        for _ in range(_ATTEMPTS):
            points = rng.random((number, len(self._tables)))
            rows = self.from_unit_cube(points, [decided] * number)
            found = np.vstack([found, rows[self.permits(rows)]])
            if len(found) >= number:
                return found[:number]
        if not len(found):
            values = (
                ", ".join(f"{name}={value}" for name, value in decided.items()) or "nothing decided"
            )
            rules = "; ".join(str(constraint) for constraint in self.space.constraints)
            raise ValueError(
                f"no condition meets the constraints ({rules}) in a well with {values}: loosen them"
            )
        return found

    def permits(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows meet every constraint (n)."""
        if not self.space.constraints or not len(rows):
            return np.ones(len(rows), dtype=bool)
        return np.array([self.space.permits(condition.root) for condition in self.conditions(rows)])

    def decide(self, rows: Rows, decided: Sequence[Mapping[str, Value]]) -> Rows:
        """The same rows, changed in place, with the values that their positions decide.

        `decided` is as long as `rows`.

        Raises:
            ValueError: a decided value is not allowed.
        """
        for index, parameter in enumerate(self.space.parameters):
            for row, values in enumerate(decided):
                if parameter.name in values:
                    rows[row, index] = self._entry(index, values[parameter.name])
        return rows

    def mutated(
        self, rows: Rows, rng: np.random.Generator, fixed: frozenset[str], reach: float = 1.0
    ) -> Rows:
        """Neighbours of rows: one to three parameters that are not `fixed` change, mostly a little.

        A number changes by about `reach` times 8 % of its range, on levels by at least one.
        """
        rows = rows.copy()
        free = [
            i for i, parameter in enumerate(self.space.parameters) if parameter.name not in fixed
        ]
        if not free:
            return rows
        chosen = rng.random((len(rows), len(free))).argsort(axis=1)
        often = rng.integers(1, 4, size=len(rows))
        for place, index in enumerate(free):
            moving = np.flatnonzero(chosen[:, place] < often)
            rows[moving, index] = self._moved(index, rows[moving, index], rng, reach)
        return rows

    def grid(self, index: int, number: int) -> NDArray[np.float64]:
        """At most `number` entries of a column, spread over what the parameter at `index` allows.

        Of a category all levels, however many.
        """
        parameter, table = self.space.parameters[index], self._tables[index]
        if table is None:
            return np.linspace(0.0, 1.0, number)
        if not parameter.numeric or len(table) <= number:
            return np.arange(len(table), dtype=np.float64)
        return np.unique(np.linspace(0, len(table) - 1, number).round())

    def _moved(
        self, index: int, entries: NDArray[np.float64], rng: np.random.Generator, reach: float
    ) -> NDArray[np.float64]:
        parameter, table = self.space.parameters[index], self._tables[index]
        if table is None:
            return np.clip(entries + rng.normal(0, _REACH * reach, size=entries.shape), 0, 1)
        count = len(table)
        if not parameter.numeric:
            return np.asarray(
                (entries + rng.integers(1, count, size=entries.shape)) % count, dtype=np.float64
            )
        spread = max(1.0, _REACH * reach * count)
        by = np.ceil(np.abs(rng.normal(0, spread, size=entries.shape))) * rng.choice(
            [-1.0, 1.0], size=entries.shape
        )
        return np.asarray(np.clip(entries + by, 0.0, count - 1.0), dtype=np.float64)

    def _row(self, values: Mapping[str, Value]) -> list[float]:
        return [self._entry(index, values[p.name]) for index, p in enumerate(self.space.parameters)]

    def _entry(self, index: int, value: Value) -> float:
        parameter = self.space.parameters[index]
        snapped = parameter.snap(value)
        if snapped is None:
            raise ValueError(
                f"{parameter.name}={value} is not allowed (expected {parameter.allowed})"
            )
        return parameter.entry(snapped)


def _level_features(parameter: Parameter) -> NDArray[np.float64] | None:
    """The feature of each level, or None where there is a range instead."""
    choices = parameter.choices
    return None if choices is None else np.array([parameter.feature(level) for level in choices])
