"""Neighbours of conditions: a few parameters change, mostly a little."""

import numpy as np
from numpy.typing import NDArray

from optimizer.encoding import Encoding, Rows
from optimizer.program import bounds_of

_REACH = 0.08
_EXCHANGES = 0.5
"""Share of neighbours that keep the sums of constraints, where few conditions are permitted."""


def neighbours(
    encoding: Encoding,
    rows: Rows,
    rng: np.random.Generator,
    fixed: frozenset[str],
    reach: float = 1.0,
) -> Rows:
    """Neighbours of rows: one to three parameters that are not `fixed` change, mostly a little.

    A number changes by about `reach` times 8 % of its range, on levels by at least one.
    """
    before, rows = rows, rows.copy()
    free = [
        i for i, parameter in enumerate(encoding.space.parameters) if parameter.name not in fixed
    ]
    if not free:
        return rows
    chosen = rng.random((len(rows), len(free))).argsort(axis=1)
    often = rng.integers(1, 4, size=len(rows))
    for place, index in enumerate(free):
        moving = np.flatnonzero(chosen[:, place] < often)
        rows[moving, index] = _moved(encoding, index, rows[moving, index], rng, reach)
    if encoding.few_permitted:
        half = np.flatnonzero(rng.random(len(rows)) < _EXCHANGES)
        rows[half] = _exchanged(encoding, before[half], rng, fixed, reach)
    return encoding.canonical(rows)


def _exchanged(
    encoding: Encoding, rows: Rows, rng: np.random.Generator, fixed: frozenset[str], reach: float
) -> Rows:
    """Neighbours of rows with the same sum: what one parameter gets, another gives."""
    rows = rows.copy()
    pairs = [
        (first, second, rule.terms[first] / rule.terms[second])
        for rule in encoding.sums
        for first in rule.terms
        for second in rule.terms
        if first != second and rule.terms[second] and not {first, second} & fixed
    ]
    if not pairs or not len(rows):
        return rows
    names = list(encoding.space.by_name)
    columns = encoding.amounts(rows)
    chosen = rng.integers(len(pairs), size=len(rows))
    for number, (first, second, ratio) in enumerate(pairs):
        which = np.flatnonzero(chosen == number)
        old = rows[which, names.index(first)]
        new = _moved(encoding, names.index(first), old, rng, reach)
        rows[which, names.index(first)] = new
        change = encoding.amounts(rows)[first][which] - columns[first][which]
        wanted = columns[second][which] - change * ratio
        rows[which, names.index(second)] = _nearest(encoding, names.index(second), wanted)
    return rows


def _nearest(encoding: Encoding, index: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The entries whose amounts are nearest to some (n), of a parameter with an order."""
    parameter = encoding.space.parameters[index]
    if parameter.choices is not None:
        levels = np.array([parameter.amount(level) for level in parameter.choices])
        return np.asarray(np.abs(values[:, None] - levels).argmin(axis=1), dtype=float)
    low, high = bounds_of(parameter)
    values = np.clip(values, low, high)
    if parameter.log_scale:
        return np.asarray(np.log(values / low) / np.log(high / low))
    return np.asarray((values - low) / (high - low))


def _moved(
    encoding: Encoding,
    index: int,
    entries: NDArray[np.float64],
    rng: np.random.Generator,
    reach: float,
) -> NDArray[np.float64]:
    parameter, table = encoding.space.parameters[index], encoding.level_features(index)
    if parameter.choices is None:
        return np.clip(entries + rng.normal(0, _REACH * reach, size=entries.shape), 0, 1)
    count = len(table)
    if not parameter.has_order:
        return np.asarray(
            (entries + rng.integers(1, count, size=entries.shape)) % count, dtype=np.float64
        )
    spread = max(1.0, _REACH * reach * count)
    by = np.ceil(np.abs(rng.normal(0, spread, size=entries.shape))) * rng.choice(
        [-1.0, 1.0], size=entries.shape
    )
    return np.asarray(np.clip(entries + by, 0.0, count - 1.0), dtype=np.float64)
