"""The scale on which a value is judged that the others contradict."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import yeojohnson

Array = NDArray[np.float64]

_MIN_SOUND = 6


def on_normal_scale(values: Array, sound: NDArray[np.bool_]) -> Array:
    """Values (n) on the scale on which the sound ones are most nearly normal, standardised.

    Where outcomes span decades the best value is far from what the others predict for it, and yet
    in line with them on another scale. That scale is a power transformation (Yeo and Johnson 2000,
    "A New Family of Power Transformations to Improve Normality or Symmetry") by maximum likelihood;
    with fewer than six sound values, or equal ones, the scale stays.

    Args:
        values: on any scale.
        sound: those that decide the transformation (n).
    """
    kept = values[sound]
    if len(kept) < _MIN_SOUND or not kept.std() > 1e-9 * max(1e-9, abs(kept.mean())):
        return np.asarray((values - values.mean()) / values.std())
    centred = (values - np.median(kept)) / kept.std()
    with np.errstate(all="ignore"):
        _, power = yeojohnson(centred[sound])
        found = np.asarray(yeojohnson(centred, lmbda=power))
    return np.asarray((found - found.mean()) / found.std())
