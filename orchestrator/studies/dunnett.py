"""The distribution of Dunnett's procedure: several conditions against one control, together."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import chi, t

_AROUND, _SPREAD = 32, 96
_EDGE = 1e-13
_PRECISION, _MARGIN = 1e-9, 0.01


def exceeded(size: float, comparisons: int | Sequence[float], degrees: float) -> float:
    """How probable it is (0..1) that the largest absolute statistic is at least `size`, by chance.

    Each statistic is the difference of a condition and the control over its standard error. They
    have the control and the estimated sd in common; given both they are independent, which leaves
    two integrals (Dunnett 1955, "A multiple comparison procedure for comparing several treatments
    with a control"). They are taken by quadrature, exact to 1e-6.

    Args:
        size: of the statistic, 0 or more.
        comparisons: how many conditions, with as many values each as the control; or for each the
            ratio of its number of values to the control's, above 0.
        degrees: of freedom of the sd, above 0.
    """
    ratios = np.ones(comparisons) if isinstance(comparisons, int) else np.asarray(comparisons)
    if len(ratios) == 1:
        return float(2 * t.sf(size, degrees))
    shared = np.sqrt(ratios / (1 + ratios))[:, None, None]
    own = np.sqrt(1 - shared**2)
    control, weight_of_control = _normal()
    sd, weight_of_sd = _relative_sd(degrees)
    within = ndtr((size * sd[:, None] + shared * control) / own)
    within -= ndtr((-size * sd[:, None] + shared * control) / own)
    held = float(weight_of_sd @ within.prod(axis=0) @ weight_of_control)
    return min(1.0, max(0.0, 1 - held))


@lru_cache(maxsize=4096)
def critical(comparisons: int | tuple[float, ...], degrees: float, alpha: float) -> float:
    """The size that the largest absolute statistic exceeds with probability `alpha` (0..1).

    It lies between that of one comparison and that of Bonferroni for all.
    """
    count = comparisons if isinstance(comparisons, int) else len(comparisons)
    low, high = (float(t.isf(alpha / 2 / several, degrees)) for several in (1, count))
    if count == 1:
        return low
    return float(
        brentq(
            lambda it: exceeded(it, comparisons, degrees) - alpha,
            low * (1 - _MARGIN),
            high * (1 + _MARGIN),
            xtol=_PRECISION,
        )
    )


@lru_cache(maxsize=1)
def _normal() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of the control, with weights: those above 0, as both signs give the same."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_AROUND)
    above = nodes > 0
    return nodes[above], weights[above] / weights[above].sum()


@lru_cache(maxsize=1)
def _legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nodes, weights = np.polynomial.legendre.leggauss(_SPREAD)
    return nodes, weights


@lru_cache(maxsize=64)
def _relative_sd(degrees: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values of an estimated sd over the true one, evenly in their logarithm, with weights."""
    low, high = np.log(chi.ppf(_EDGE, degrees)), np.log(chi.isf(_EDGE, degrees))
    nodes, weights = _legendre()
    values = np.exp(low + (high - low) * (nodes + 1) / 2)
    weights = weights * values * chi.pdf(values, degrees)
    return values / degrees**0.5, weights / weights.sum()
