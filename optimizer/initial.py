"""The initial design: conditions spread over the search space, given what each position decides."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from optimizer.encoding import Encoding, Rows
from protocols.conditions import Value

_SWAPS = 3000
_FEWEST_SWAPS = 200
_WELLS = 48


def initial_design(encoding: Encoding, positions: Sequence[Mapping[str, Value]], seed: int) -> Rows:
    """One condition for each position, the space filled evenly on allowed levels and around decided values.

    A scrambled Sobol sequence is put on levels; then values of one parameter are swapped between two positions while
    that lowers the centred discrepancy (Hickernell 1998) and every constraint holds. Conditions of the sequence that no
    constraint permits are replaced by permitted ones at random.

    Raises:
        ValueError: no condition is permitted in one of the positions.
    """
    rng = np.random.default_rng(seed)
    number, parameters = len(positions), encoding.space.parameters
    points = qmc.Sobol(len(parameters), rng=rng).random_base2(max(number - 1, 1).bit_length())[:number]
    rows = encoding.from_unit_cube(points, positions)
    for index in np.flatnonzero(~encoding.permits(rows)):
        rows[index] = encoding.random(1, positions[int(index)], rng)[0]
    free = [
        (column, places)
        for column, parameter in enumerate(parameters)
        if len(places := [place for place, values in enumerate(positions) if parameter.name not in values]) > 1
    ]
    if not free:
        return rows
    discrepancy = qmc.discrepancy(_shares(encoding, rows))
    # Its cost grows with the square of the wells, and a long Sobol sequence is even without help.
    for _ in range(max(_FEWEST_SWAPS, _SWAPS * _WELLS**2 // max(number, _WELLS) ** 2)):
        column, places = free[rng.integers(len(free))]
        pair = rng.choice(places, size=2, replace=False)
        swapped = rows.copy()
        swapped[pair, column] = rows[pair[::-1], column]
        found = qmc.discrepancy(_shares(encoding, swapped))
        if found < discrepancy and encoding.permits(swapped[pair]).all():
            rows, discrepancy = swapped, found
    return rows


def _shares(encoding: Encoding, rows: Rows) -> NDArray[np.float64]:
    """Rows in the unit cube: the middle of a level's share of the interval stands for it."""
    counts = encoding.counts
    return np.where(counts > 0, (rows + 0.5) / np.maximum(counts, 1), rows)
