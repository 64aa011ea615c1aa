"""Conditions that nobody tried, distinct while a position allows others."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from optimizer.encoding import Encoding, Rows
from protocols.conditions import Observation, Value

Draw = Callable[[int], Rows]
"""An index of a position -> candidates (n x p) for it, in the order in which they are wanted."""

_RANDOM = 256
_ATTEMPTS = 4


def tried_rows(
    encoding: Encoding, observations: Iterable[Observation], pending: Sequence[object] = ()
) -> set[bytes]:
    """What not to propose again: conditions with a value, flagged or not, and pending ones."""
    conditions = [o.condition for o in observations if o.value is not None and not o.study]
    rows = encoding.rows([*conditions, *pending])  # type: ignore[list-item]
    return {row.tobytes() for row in rows}


def untried_rows(
    encoding: Encoding,
    positions: Sequence[Mapping[str, Value]],
    candidates: Draw,
    tried: set[bytes],
    rng: np.random.Generator,
) -> Rows:
    """For each position the first permitted candidate that is new, or another new one.

    Args:
        encoding: of the search space.
        positions: what each position decides, by parameter name.
        candidates: what is wanted there, best first; decided values are set here.
        tried: rows that are not new, as bytes.
        rng: decides what replaces candidates that are forbidden or were tried.

    Returns: rows (positions x p).

    Raises:
        ValueError: a decided value is not allowed, or no condition meets the constraints in a
            position.
    """
    taken = set(tried)
    found: list[Rows] = []
    for index, values in enumerate(positions):
        wanted = candidates(index)
        row = _first_new(encoding, encoding.decide(wanted.copy(), [values] * len(wanted)), taken)
        if row is None:
            row = _farthest(encoding, values, found, taken, rng)
        taken.add(row.tobytes())
        found.append(row)
    return np.array(found)


def _first_new(encoding: Encoding, rows: Rows, taken: set[bytes]) -> Rows | None:
    new = [index for index, row in enumerate(rows) if row.tobytes() not in taken]
    permitted = np.flatnonzero(encoding.permits(rows[new]))
    return rows[new[permitted[0]]] if len(permitted) else None


def _farthest(
    encoding: Encoding,
    values: Mapping[str, Value],
    found: Sequence[Rows],
    taken: set[bytes],
    rng: np.random.Generator,
) -> Rows:
    """The new permitted row that is farthest from those found before; else any row."""
    for _ in range(_ATTEMPTS):
        rows = encoding.random(_RANDOM, values, rng)
        new = rows[[row.tobytes() not in taken for row in rows]]
        if len(new):
            if not found:
                return np.asarray(new[0])
            some, others = encoding.unit_cube(new), encoding.unit_cube(np.array(found))
            distances = ((some[:, None] - others) ** 2).sum(axis=-1).min(axis=1)
            return np.asarray(new[distances.argmax()])
    new = encoding.unseen(values, taken)
    return np.asarray(new[0] if len(new) else rows[0])
