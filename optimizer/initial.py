"""The initial design: conditions spread over the search space, given what each position decides."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
from scipy.stats import qmc

from optimizer.encoding import Encoding, Rows
from optimizer.untried import untried_rows
from protocols.conditions import Value


def initial_design(
    encoding: Encoding,
    positions: Sequence[Mapping[str, Value]],
    seed: int,
    tried: AbstractSet[bytes] = frozenset(),
) -> Rows:
    """One condition for each position, evenly spread on allowed levels and around decided values.

    A scrambled Sobol sequence is mapped to levels, and decided values are set; its first point is
    moved to the middle of all ranges, the centre point of classical designs. A condition that
    constraints forbid, that was tried or that the design has already is replaced by the permitted
    one that is farthest from the others. Once something was tried the sequence is another one,
    without the centre point.

    Args:
        encoding: of the search space.
        positions: what each position decides, by parameter name; at least one.
        seed: decides the sequence and the replacements.
        tried: rows that are not to be proposed again while others are left, as bytes.

    Returns: rows (positions x p).

    Raises:
        ValueError: a decided value is not allowed, or no condition is permitted in one of the
            positions.
    """
    rng = np.random.default_rng([seed, len(tried)] if tried else seed)
    number = len(positions)
    # Points come in powers of two, of which `number` are used.
    exponent = max(number - 1, 1).bit_length()
    sobol = qmc.Sobol(len(encoding.space.parameters), rng=rng)
    points = sobol.random_base2(exponent)
    if not tried:
        points[0] = 0.5
    wanted = encoding.from_unit_cube(points[:number], positions)
    return untried_rows(
        encoding, positions, lambda index: wanted[index : index + 1], set(tried), rng
    )
