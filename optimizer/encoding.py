"""Encoding: conditions <-> numbers.

Every allowed value has an exact code: no relaxation, no rounding afterwards.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from optimizer.feasible import permitted_values
from protocols.conditions import Condition, Value
from protocols.constraints import ForbiddenCombination, LinearConstraint
from protocols.parameters import NumericParameter, Parameter
from protocols.search_space import SearchSpace

_REACH = 0.08
_TRIAL = 256  # conditions at least that are tried at random before they are sought
_ATTEMPTS = 8
_ENUMERATED = 20_000
_TOLERANCE = 1e-9
_ROUNDING = 1e-5
_EXCHANGES = (
    0.5  # share of neighbours that keep the sums of linear constraints, where few are permitted
)

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
        self._rare: dict[tuple[tuple[str, Value], ...], Rows] = {}
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
            for rule in self.space.constraints:
                if isinstance(rule, LinearConstraint) and not rule.permits(values):
                    self._mend(values, rule)
            found.append(Condition(values))
        return found

    def _mend(self, values: dict[str, Value], rule: LinearConstraint) -> None:
        """Give back to one of its values what rounding to six digits took from a sum."""
        total = sum(weight * float(values[name]) for name, weight in rule.terms.items())
        ends = [end for end in (rule.at_least, rule.at_most) if end is not None]
        excess = total - min(ends, key=lambda end: abs(end - total))
        if abs(excess) > _ROUNDING * sum(abs(w * float(values[n])) for n, w in rule.terms.items()):
            return  # it was not rounding
        for name, weight in sorted(rule.terms.items(), key=lambda term: -abs(term[1])):
            parameter = self.space.by_name[name]
            if weight and parameter.choices is None and parameter.decided_by_well is None:
                value = float(f"{float(values[name]) - excess / weight:.12g}")
                if parameter.allows(value) and rule.permits(values | {name: value}):
                    values[name] = value
                    return

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

    def unit_cube(self, rows: Rows) -> NDArray[np.float64]:
        """Rows (n x p) -> points of the unit cube whose distances say how unlike they are.

        A category is one column a level, so that all its levels are equally far from each other.
        """
        columns = []
        for index, levels in enumerate(self.levels):
            feature = self.features(rows)[:, index : index + 1]
            columns.append(feature == np.arange(levels) if levels else feature)
        return np.hstack(columns).astype(float)

    def all_rows(self, decided: Mapping[str, Value]) -> Rows:
        """Every permitted row that has the decided values; none where there are more than 20,000.

        With a continuous parameter that is not decided there are always more.
        """
        grids = []
        for index, parameter in enumerate(self.space.parameters):
            if parameter.name in decided:
                grids.append(np.array([self._entry(index, decided[parameter.name])]))
            elif parameter.choices is not None:
                grids.append(np.arange(len(parameter.choices), dtype=float))
            else:
                return np.empty((0, len(self._tables)))
        if math.prod(len(grid) for grid in grids) > _ENUMERATED:
            return np.empty((0, len(self._tables)))
        rows = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, len(grids))
        return np.asarray(rows[self.permits(rows)])

    def random(self, number: int, decided: Mapping[str, Value], rng: np.random.Generator) -> Rows:
        """`number` permitted conditions at random (fewer where few are permitted), as rows.

        All have the same decided values. Where hardly any random condition is permitted, they are
        all different, of up to 600 that `permitted_values` finds.

        Raises:
            ValueError: the constraints leave nothing that has the decided values.
        """
        key = tuple(sorted(decided.items()))
        if key not in self._rare:
            found = np.empty((0, len(self._tables)))
            size = max(number, _TRIAL) if self.space.constraints else number
            for _ in range(_ATTEMPTS):
                points = rng.random((size, len(self._tables)))
                rows = self.from_unit_cube(points, [decided] * size)
                found = np.vstack([found, rows[self.permits(rows)]])
                if len(found) >= number:
                    return found[:number]
            # The same pool however often it is asked for: each takes up to seconds.
            values = permitted_values(self.space, decided, np.random.default_rng(0))
            rows = np.array([self._row(condition) for condition in values])
            self._rare[key] = np.unique(np.vstack([found, rows]), axis=0)
        return rng.permutation(self._rare[key])[:number]

    def permits(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows meet every constraint (n)."""
        met = np.ones(len(rows), dtype=bool)
        if not self.space.constraints or not len(rows):
            return met
        columns = self._columns(rows)
        for rule in self.space.constraints:
            if isinstance(rule, LinearConstraint):
                total = sum(weight * columns[name] for name, weight in rule.terms.items())
                margin = _TOLERANCE * (1 + np.abs(total))
                met &= rule.at_most is None or total <= (rule.at_most or 0.0) + margin
                met &= rule.at_least is None or total >= (rule.at_least or 0.0) - margin
            elif isinstance(rule, ForbiddenCombination):
                met &= ~self._combines(rows, rule)
            else:
                some = np.flatnonzero(met)
                conditions = self.conditions(rows[some])
                met[some] = [rule.permits(condition.root) for condition in conditions]
        return met

    def _combines(self, rows: Rows, rule: ForbiddenCombination) -> NDArray[np.bool_]:
        """Which rows have all of a forbidden combination (n)."""
        found = np.ones(len(rows), dtype=bool)
        for index, parameter in enumerate(self.space.parameters):
            if parameter.name in rule.when:
                entries = [self._entry(index, value) for value in rule.when[parameter.name]]
                found &= np.isclose(rows[:, index, None], entries, rtol=_TOLERANCE).any(axis=1)
        return found

    def _columns(self, rows: Rows) -> dict[str, NDArray[np.float64]]:
        """The values (n) of each numeric parameter, by its name, not rounded."""
        found = {}
        for index, parameter in enumerate(self.space.parameters):
            if isinstance(parameter, NumericParameter):
                choices, entries = parameter.choices, rows[:, index]
                if choices is not None:
                    found[parameter.name] = np.array(choices, dtype=float)[entries.astype(int)]
                    continue
                low, high = parameter.bounds
                if parameter.log_scale:
                    found[parameter.name] = low * np.exp(entries * np.log(high / low))
                else:
                    found[parameter.name] = low + entries * (high - low)
        return found

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
        before, rows = rows, rows.copy()
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
        if self._rare:
            half = np.flatnonzero(rng.random(len(rows)) < _EXCHANGES)
            rows[half] = self._exchanged(before[half], rng, fixed, reach)
        return rows

    def _exchanged(
        self, rows: Rows, rng: np.random.Generator, fixed: frozenset[str], reach: float
    ) -> Rows:
        """Neighbours of rows with the same sum: what one parameter gets, another gives."""
        rows = rows.copy()
        pairs = [
            (first, second, rule.terms[first] / rule.terms[second])
            for rule in self.space.constraints
            if isinstance(rule, LinearConstraint)
            for first in rule.terms
            for second in rule.terms
            if first != second and rule.terms[second] and not {first, second} & fixed
        ]
        if not pairs or not len(rows):
            return rows
        names = list(self.space.by_name)
        columns = self._columns(rows)
        chosen = rng.integers(len(pairs), size=len(rows))
        for number, (first, second, ratio) in enumerate(pairs):
            which = np.flatnonzero(chosen == number)
            old = rows[which, names.index(first)]
            new = self._moved(names.index(first), old, rng, reach)
            rows[which, names.index(first)] = new
            change = self._columns(rows)[first][which] - columns[first][which]
            wanted = columns[second][which] - change * ratio
            rows[which, names.index(second)] = self._nearest(names.index(second), wanted)
        return rows

    def _nearest(self, index: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The entries nearest to values (n) of a numeric parameter."""
        parameter = self.space.parameters[index]
        assert isinstance(parameter, NumericParameter)
        if parameter.choices is not None:
            levels = np.array(parameter.choices, dtype=float)
            return np.asarray(np.abs(values[:, None] - levels).argmin(axis=1), dtype=float)
        low, high = parameter.bounds
        values = np.clip(values, low, high)
        if parameter.log_scale:
            return np.asarray(np.log(values / low) / np.log(high / low))
        return np.asarray((values - low) / (high - low))

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
