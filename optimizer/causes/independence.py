"""Whether columns are independent: the Hilbert-Schmidt independence criterion and its p value."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma

Array = NDArray[np.float64]


class CentredKernel(NamedTuple):
    """A Gaussian kernel of some columns (n x n), centred, and the mean off its diagonal before."""

    values: Array
    mean: float

    @classmethod
    def of(cls, columns: Array) -> "CentredKernel":
        """The kernel of columns (n x a, n > 5), its width the median squared distance."""
        kernel = _gaussian_kernel(columns)
        n = len(kernel)
        mean = float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))
        of_rows = kernel.mean(axis=0)
        return cls(kernel - of_rows - of_rows[:, None] + of_rows.mean(), mean)


def independence_p(left: CentredKernel, right: CentredKernel) -> float:
    """The p value of the independence of two sets of columns, by their kernels.

    The Hilbert-Schmidt independence criterion with its gamma approximation (Gretton et al. 2007,
    "A Kernel Statistical Test of Independence").
    """
    n = len(left.values)
    product = left.values * right.values
    statistic = product.sum() / n
    squared = (product / 6) ** 2
    variance = (squared.sum() - np.trace(squared)) / n / (n - 1)
    variance *= 72 * (n - 4) * (n - 5) / n / (n - 1) / (n - 2) / (n - 3)
    mean = (1 + left.mean * right.mean - left.mean - right.mean) / n
    return float(gamma.sf(statistic, mean**2 / variance, scale=variance * n / mean))


def _gaussian_kernel(columns: Array) -> Array:
    standardised = (columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-12)
    squares = (standardised**2).sum(axis=1)
    products = 2 * standardised @ standardised.T
    squared_distances = np.maximum(squares[:, None] + squares[None, :] - products, 0)
    width = np.median(squared_distances[squared_distances > 0])
    return np.asarray(np.exp(-squared_distances / width))
