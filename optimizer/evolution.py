"""Evolutionary search over permitted conditions, on real levels."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optimizer.encoding import Encoding, Rows
from optimizer.listed import ListedEncoding
from optimizer.neighbours import neighbours

_RANDOM = 1000
_CHILDREN = 4
_SURVIVORS = 40


def evolve(
    encoding: Encoding,
    observed: Rows,
    select: Callable[[Rows], Rows],
    rng: np.random.Generator,
    generations: int,
    shrink: float,
) -> Rows:
    """Rows that start with the observed and 1000 random ones, of which the selected breed.

    Of listed conditions they start with all.

    Args:
        encoding: of the search space.
        observed: rows (n x p) that were measured; those that constraints forbid are left out.
        select: of rows, those that survive a generation.
        rng: decides the first conditions and the neighbours.
        generations: how often they breed.
        shrink: by what the reach of the neighbours is multiplied from one generation to the next,
            0..1.

    Returns: the last survivors and their children (m x p), distinct and permitted.

    Raises:
        ValueError: the constraints leave nothing.
    """
    listed = isinstance(encoding, ListedEncoding)
    random = encoding.all_rows({}) if listed else encoding.random(_RANDOM, {}, rng)
    rows = np.unique(np.vstack([observed[encoding.permits(observed)], random]), axis=0)
    for generation in range(generations):
        rows = select(rows)
        parents = np.repeat(rows, _CHILDREN, axis=0)
        children = neighbours(encoding, parents, rng, frozenset(), shrink**generation)
        rows = np.unique(np.vstack([rows, children[encoding.permits(children)]]), axis=0)
    return rows


def maximise(
    encoding: Encoding,
    observed: Rows,
    objective: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    rng: np.random.Generator,
    generations: int,
    shrink: float,
) -> Rows:
    """The permitted condition (1 x p) with the highest objective that the search finds.

    Args:
        encoding: of the search space.
        observed: rows (n x p) that were measured.
        objective: features (n x p) -> values (n).
        rng: as for `evolve`.
        generations: as for `evolve`.
        shrink: as for `evolve`.

    Raises:
        ValueError: the constraints leave nothing.
    """

    def select(rows: Rows, number: int = _SURVIVORS) -> Rows:
        values = objective(encoding.features(rows))
        return rows[np.argsort(-values, kind="stable")[:number]]

    return select(evolve(encoding, observed, select, rng, generations, shrink), 1)
