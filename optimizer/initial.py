"""The initial design: conditions spread over the search space, given what each position decides."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import qmc

from optimizer.encoding import Encoding, Rows
from protocols.conditions import Value


def initial_design(encoding: Encoding, positions: Sequence[Mapping[str, Value]], seed: int) -> Rows:
    """One condition for each position, the space filled evenly on allowed levels and around decided values.

    A scrambled Sobol sequence is put on levels and decided values; its first point is moved to the middle of all
    ranges, the centre point of classical designs. Conditions that no constraint permits are replaced by permitted ones
    at random.

    Raises:
        ValueError: no condition is permitted in one of the positions.
    """
    rng = np.random.default_rng(seed)
    number, parameters = len(positions), encoding.space.parameters
    points = qmc.Sobol(len(parameters), rng=rng).random_base2(max(number - 1, 1).bit_length())[:number]
    points[0] = 0.5
    rows = encoding.from_unit_cube(points, positions)
    for index in np.flatnonzero(~encoding.permits(rows)):
        rows[index] = encoding.random(1, positions[int(index)], rng)[0]
    return rows
