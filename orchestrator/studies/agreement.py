"""Agreement: how far two ways to measure the same wells lie apart. Pure.

(Bland and Altman 1986, "Statistical methods for assessing agreement between two methods of clinical measurement".)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import linregress, t

_LIMITS = 1.96
FEWEST_PAIRS = 3


class Agreement(NamedTuple):
    """Differences of `wells` pairs, first minus second: their mean with its 95 % interval, sd and limits of agreement.

    About 95 % of differences lie within `lower` and `upper`. `slope` is by how much the difference grows with the mean
    of both, with its p value: small means that the bias is not the same everywhere.
    """

    wells: int
    bias: float
    bias_low: float
    bias_high: float
    sd: float
    lower: float
    upper: float
    slope: float
    slope_p: float


def agreement(first: Sequence[float], second: Sequence[float]) -> Agreement:
    """How far two measurements of the same wells lie apart.

    Raises:
        ValueError: there are fewer than three pairs, or not as many of one as of the other.
    """
    if len(first) != len(second) or len(first) < FEWEST_PAIRS:
        raise ValueError(f"{len(first)} and {len(second)} values (expected as many of each, {FEWEST_PAIRS} or more)")
    left, right = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    differences, means = left - right, (left + right) / 2
    number = len(differences)
    bias, sd = float(differences.mean()), float(differences.std(ddof=1))
    half = float(t.ppf(0.975, number - 1)) * sd / number**0.5
    slope, p = _trend(means, differences)
    return Agreement(number, bias, bias - half, bias + half, sd, bias - _LIMITS * sd, bias + _LIMITS * sd, slope, p)


def _trend(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of a straight line through the points, and the p value of its being 0."""
    if x.std() < 1e-12:
        return 0.0, 1.0
    line = linregress(x, y)
    return float(line.slope), float(line.pvalue)
