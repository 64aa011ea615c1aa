"""Evolution: permitted conditions that get fitter from generation to generation."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optimizer.encoding import Encoding, Rows

_RANDOM = 1000
_CHILDREN = 4
_SURVIVORS = 40


def evolved(
    encoding: Encoding,
    observed: Rows,
    fittest: Callable[[Rows], Rows],
    rng: np.random.Generator,
    generations: int,
    shrink: float,
) -> Rows:
    """Begin with what was observed and 1000 conditions at random; the fittest breed neighbours.

    Args:
        encoding: of the search space.
        observed: rows that were measured; those that constraints forbid are left out.
        fittest: of rows, those that live on.
        rng: decides the first conditions and the neighbours.
        generations: how often they breed.
        shrink: by what the reach of the neighbours is multiplied from one generation to the next, 0..1.
    """
    rows = np.unique(np.vstack([observed[encoding.permits(observed)], encoding.random(_RANDOM, {}, rng)]), axis=0)
    for generation in range(generations):
        rows = fittest(rows)
        children = encoding.mutated(np.repeat(rows, _CHILDREN, axis=0), rng, frozenset(), shrink**generation)
        rows = np.unique(np.vstack([rows, children[encoding.permits(children)]]), axis=0)
    return rows


def highest(
    encoding: Encoding,
    observed: Rows,
    values: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    rng: np.random.Generator,
    generations: int,
    shrink: float,
) -> Rows:
    """The permitted condition (1 x p) with the highest of the `values` of features that evolution finds."""

    def fittest(rows: Rows, number: int = _SURVIVORS) -> Rows:
        return rows[np.argsort(-values(encoding.features(rows)), kind="stable")[:number]]

    # What constraints forbid may have been measured, but is not among them.
    return fittest(evolved(encoding, observed, fittest, rng, generations, shrink), 1)
