"""Encoding: conditions <-> numbers.

Every allowed value has an exact code: no relaxation, no rounding afterwards.
"""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from optimizer.feasible import permitted_values
from optimizer.program import bounds_of, unseen_values
from protocols.conditions import Condition, Value
from protocols.constraints import CardinalityConstraint, ForbiddenCombination, Sum
from protocols.parameters import Parameter
from protocols.search_space import SearchSpace

_TRIAL = 256  # conditions at least that are tried at random before they are sought
_ATTEMPTS = 8
_ENUMERATED = 20_000
_TOLERANCE = 1e-9
_ROUNDING = 1e-5

Rows = NDArray[np.float64]
"""n x p: one row a condition, one column a parameter.

An entry is the index of a level, or a share (0..1) of a continuous range.
"""

Decided = tuple[tuple[str, Value], ...]
"""What a position decides, sorted by parameter name."""


def decided_by(values: Mapping[str, Value]) -> Decided:
    """Values as a key: positions that decide the same have the same."""
    return tuple(sorted(values.items()))


def alike(positions: Sequence[Mapping[str, Value]]) -> dict[Decided, list[int]]:
    """What positions decide -> the indices of those that decide it."""
    found: dict[Decided, list[int]] = {}
    for index, values in enumerate(positions):
        found.setdefault(decided_by(values), []).append(index)
    return found


class Encoding:
    """Rows and features of one search space.

    Features (n x p) are what the model sees: a number as 0..1 on its parameter's own scale, a
    category as the index of its level. A parameter that is not active has entry 0, and the feature
    of the middle of its range, or of its first level (imputation by a default: Levesque et al.
    2017, "Bayesian optimization for conditional hyperparameter spaces").
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._rare: dict[Decided, Rows] = {}
        self._tables = [_level_features(parameter) for parameter in space.parameters]
        self.levels = np.array(
            [0 if p.has_order else len(p.choices or ()) for p in space.parameters]
        )
        """The number of levels of each category, 0 for a number (p)."""
        self.coordinates = {
            index: np.array(parameter.coordinates)
            for index, parameter in enumerate(space.parameters)
            if parameter.coordinates
        }
        """Descriptors (levels x d) of categories that have them, by their index."""
        self.sums = [rule for constraint in space.constraints for rule in constraint.sums]
        """The sums that constraints limit."""
        place = {name: index for index, name in enumerate(space.by_name)}
        self._when = {
            index: [
                (place[name], [space.by_name[name].entry(value) for value in values])
                for name, values in parameter.when.items()
            ]
            for index, parameter in enumerate(space.parameters)
            if parameter.when
        }

    def rows(self, conditions: Sequence[Condition]) -> Rows:
        """Conditions -> rows (n x p).

        A number between levels or outside of a range, as it may have been measured, has an entry
        between or beyond theirs, and its own feature; such a row is not permitted.

        Raises:
            ValueError: a condition has a value that is no level, or no number of the scale.
        """
        return np.array([self._row(condition.root) for condition in conditions]).reshape(
            -1, len(self._tables)
        )

    def conditions(self, rows: Rows) -> list[Condition]:
        """Rows (n x p) -> conditions, on exact levels."""
        found = []
        for row, there in zip(rows, self._active(rows), strict=True):
            active = [index for index in range(len(row)) if there[index]]
            values = {
                self.space.parameters[i].name: self.space.parameters[i].value_of(float(row[i]))
                for i in active
            }
            for rule in self.sums:
                if not rule.holds(self.space.amounts(values)):
                    self._mend(values, rule)
            found.append(Condition(values))
        return found

    def _active(self, rows: Rows) -> NDArray[np.bool_]:
        """Which parameters of each row are active (n x p)."""
        found = np.ones(rows.shape, dtype=bool)
        for index, parents in self._when.items():
            for parent, entries in parents:
                found[:, index] &= found[:, parent] & np.isin(rows[:, parent], entries)
        return found

    def canonical(self, rows: Rows) -> Rows:
        """The rows, changed in place, with entry 0 for what is not active."""
        if self._when:
            rows[~self._active(rows)] = 0.0
        return rows

    def _mend(self, values: dict[str, Value], rule: Sum) -> None:
        """Give back to one of its values what rounding to six digits took from a sum."""
        amounts = self.space.amounts(values)
        total = rule.of(amounts)
        excess = total - min(rule.low, rule.high, key=lambda end: abs(end - total))
        sizes = (abs(w * float(amounts.get(name, 0.0))) for name, w in rule.terms.items())
        if abs(excess) > _ROUNDING * sum(sizes):
            return  # it was not rounding
        kept = [one for one in self.sums if one is not rule and one.holds(amounts)]
        for name, weight in sorted(rule.terms.items(), key=lambda term: -abs(term[1])):
            parameter = self.space.by_name[name]
            if (
                weight
                and values.get(name)
                and parameter.choices is None
                and parameter.decided_by_well is None
            ):
                value = float(f"{float(values[name]) - excess / weight:.12g}")
                mended = self.space.amounts(values) | {name: value}
                if parameter.allows(value) and all(one.holds(mended) for one in (rule, *kept)):
                    values[name] = value
                    return

    def features(self, rows: Rows) -> NDArray[np.float64]:
        """Rows (n x p) -> features (n x p)."""
        found = rows.copy()
        for index, table in enumerate(self._tables):
            if table is not None:
                found[:, index] = _interpolated(rows[:, index], table)
        if self._when:
            middle = np.where(self.levels > 0, 0.0, 0.5)
            found = np.where(self._active(rows), found, middle)
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
        return self.canonical(rows)

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
        if self._when:
            rows = np.unique(self.canonical(rows), axis=0)
        return np.asarray(rows[self.permits(rows)])

    def unseen(self, decided: Mapping[str, Value], seen: AbstractSet[bytes]) -> Rows:
        """A permitted row with the decided values that is not `seen` (1 x p), or none (0 x p).

        Rows are seen by their levels, so this is to be asked where chance finds nothing new.
        """
        known = self.all_rows(decided)
        if len(known):
            new = [row for row in known if row.tobytes() not in seen]
            return np.array(new[:1]).reshape(-1, len(self._tables))
        rows = np.array([np.frombuffer(row) for row in seen]).reshape(-1, len(self._tables))
        rows = rows[self._of_the_space(rows)]
        conditions = (condition.root for condition in self.conditions(rows))
        found = unseen_values(self.space, decided, conditions)
        return np.array([] if found is None else [self._row(found)]).reshape(-1, len(self._tables))

    def random(self, number: int, decided: Mapping[str, Value], rng: np.random.Generator) -> Rows:
        """`number` permitted conditions at random (fewer where few are permitted), as rows.

        All have the same decided values. Where hardly any random condition is permitted, they are
        all different, of up to 600 that `permitted_values` finds.

        Raises:
            ValueError: the constraints leave nothing that has the decided values.
        """
        key = decided_by(decided)
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

    @property
    def few_permitted(self) -> bool:
        """Whether conditions had to be sought because hardly any random one is permitted."""
        return bool(self._rare)

    def permits(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows meet every constraint (n)."""
        met = self._of_the_space(rows)
        if not self.space.constraints or not len(rows):
            return met
        rows = self.on_levels(rows)
        columns = self.amounts(rows)
        for total in self.sums:
            parts = [weight * columns[name] for name, weight in total.terms.items()]
            margin = _TOLERANCE * np.maximum(
                np.abs(parts).sum(axis=0), abs(total.low) if np.isfinite(total.low) else 0.0
            )
            found = np.sum(parts, axis=0)
            met &= (found <= total.high + margin) & (found >= total.low - margin)
        for rule in self.space.constraints:
            if isinstance(rule, CardinalityConstraint):
                low, high = rule.limits
                used = np.sum([columns[name] != 0 for name in rule.parameters], axis=0)
                met &= (used >= low) & (used <= high)
            elif isinstance(rule, ForbiddenCombination):
                met &= ~self._combines(rows, rule)
        return met

    def on_levels(self, rows: Rows) -> Rows:
        """The rows with the nearest entries that parameters allow."""
        highest = [1.0 if table is None else len(table) - 1.0 for table in self._tables]
        found = np.clip(rows, 0.0, highest)
        levels = [table is not None for table in self._tables]
        found[:, levels] = found[:, levels].round()
        return self.canonical(found)

    def _of_the_space(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows have entries that parameters allow (n)."""
        return np.asarray((rows == self.on_levels(rows)).all(axis=1))

    def _combines(self, rows: Rows, rule: ForbiddenCombination) -> NDArray[np.bool_]:
        """Which rows have all of a forbidden combination (n)."""
        found = np.ones(len(rows), dtype=bool)
        for index, parameter in enumerate(self.space.parameters):
            if parameter.name in rule.when:
                entries = [self._entry(index, value) for value in rule.when[parameter.name]]
                found &= np.isclose(rows[:, index, None], entries, rtol=_TOLERANCE).any(axis=1)
                if index in self._when:
                    found &= self._active(rows)[:, index]
        return found

    def amounts(self, rows: Rows) -> dict[str, NDArray[np.float64]]:
        """What each parameter with an order counts in sums (n), by its name, not rounded."""
        found = {}
        active = self._active(rows)
        for index, parameter in enumerate(self.space.parameters):
            if not parameter.has_order:
                continue
            choices, entries = parameter.choices, rows[:, index]
            if choices is not None:
                amounts = np.array([parameter.amount(level) for level in choices])
                column = amounts[entries.astype(int)]
            else:
                low, high = bounds_of(parameter)
                column = (
                    low * np.exp(entries * np.log(high / low))
                    if parameter.log_scale
                    else low + entries * (high - low)
                )
            found[parameter.name] = column if index not in self._when else column * active[:, index]
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
        return self.canonical(rows)

    def grid(self, index: int, number: int) -> NDArray[np.float64]:
        """At most `number` entries of a column, spread over what the parameter at `index` allows.

        Of a category all levels, however many.
        """
        parameter, table = self.space.parameters[index], self._tables[index]
        if table is None:
            return np.linspace(0.0, 1.0, number)
        if not parameter.has_order or len(table) <= number:
            return np.arange(len(table), dtype=np.float64)
        return np.unique(np.linspace(0, len(table) - 1, number).round())

    def _row(self, values: Mapping[str, Value]) -> list[float]:
        active = {parameter.name for parameter in self.space.active(values)}
        return [
            self._observed_entry(index, values[p.name]) if p.name in active else 0.0
            for index, p in enumerate(self.space.parameters)
        ]

    def _observed_entry(self, index: int, value: Value) -> float:
        """The entry of a value, or where a number that is not allowed lies among the entries."""
        parameter, table = self.space.parameters[index], self._tables[index]
        if parameter.snap(value) is not None or (measured := parameter.observed(value)) is None:
            return self._entry(index, value)
        share = parameter.to_unit_interval(measured)
        if table is None:
            return share
        before = int(np.clip(np.searchsorted(table, share) - 1, 0, len(table) - 2))
        return before + float((share - table[before]) / (table[before + 1] - table[before]))

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


def _interpolated(entries: NDArray[np.float64], table: NDArray[np.float64]) -> Rows:
    """The features (n) of entries, on levels, between them or beyond the last."""
    before = np.clip(np.floor(entries), 0, len(table) - 2).astype(int)
    exact = table[np.clip(entries, 0, len(table) - 1).astype(int)]
    between = table[before] + (entries - before) * (table[before + 1] - table[before])
    on_level = (entries == np.floor(entries)) & (entries >= 0) & (entries < len(table))
    return np.asarray(np.where(on_level, exact, between))
