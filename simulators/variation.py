"""What differs between wells of the same condition: round, plate and well effects.

They are larger at high ratios.
"""

import hashlib

import numpy as np

ROUND_SD = 0.035
PLATE_SD = 0.03
WELL_SD = 0.08
FLOOR_SD = 0.006
"""Standard deviations as shares of the true ratio; the last is added in every well.

Together about 0.09 times the ratio, less where a well comes close to full cover: the published
campaign's repeated conditions differ by 0.07 to 0.1.
"""


def random_stream(*key: str | int) -> np.random.Generator:
    """A random generator that depends on nothing but its key."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32))


def with_variation(ratio: float, seed: int, round_number: int, plate: int, well: str) -> float:
    """The ratio (0..1) that a culture reaches in this well; `ratio` is the true one."""
    share = (
        ROUND_SD * random_stream(seed, "round", round_number).standard_normal()
        + PLATE_SD * random_stream(seed, "plate", round_number, plate).standard_normal()
        + WELL_SD * random_stream(seed, "well", round_number, plate, well).standard_normal()
    )
    floor = FLOOR_SD * random_stream(seed, "floor", round_number, plate, well).standard_normal()
    change = ratio * share + floor
    room = 1 - ratio
    if change > 0 and room > 0:
        # A well that does better than its condition comes closer to full cover and never passes it.
        return float(1 - room * np.exp(-change / room))
    return float(np.clip(ratio + change, 0.0, 1.0))
