"""The initial design: conditions spread over the search space, given what each position decides."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import qmc

from optimizer.encoding import Encoding, Rows
from protocols.conditions import Value


def initial_design(encoding: Encoding, positions: Sequence[Mapping[str, Value]], seed: int) -> Rows:
    """One condition for each position, evenly spread on allowed levels and around decided values.

    A scrambled Sobol sequence is mapped to levels, and decided values are set; its first point is
    moved to the middle of all ranges, the centre point of classical designs. Conditions that
    constraints forbid are replaced by permitted ones at random.

    Args:
        encoding: of the search space.
        positions: what each position decides, by parameter name; at least one.
        seed: decides the sequence and the replacements.

    Returns: rows (positions x p).

    Raises:
        ValueError: a decided value is not allowed, or no condition is permitted in one of the
            positions.
    """
    rng = np.random.default_rng(seed)
    number = len(positions)
    # Points come in powers of two, of which the first `number` are used.
    exponent = max(number - 1, 1).bit_length()
    sobol = qmc.Sobol(len(encoding.space.parameters), rng=rng)
    points = sobol.random_base2(exponent)[:number]
    points[0] = 0.5
    rows = encoding.from_unit_cube(points, positions)
    for index in np.flatnonzero(~encoding.permits(rows)):
        rows[index] = encoding.random(1, positions[int(index)], rng)[0]
    return rows
