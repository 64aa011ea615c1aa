"""How alike two conditions are: the covariance of the objective, and functions that are drawn from it."""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Kernel(NamedTuple):
    """Covariance of the objective at two conditions, whose features (p each) are 0..1 or the index of a category.

        k(x, x') = scale^2 * product over parameters of c(x, x')

    with c = exp(-(x - x')^2 / (2 length^2)) for a number, and exp(-1 / length) between two categories.
    """

    lengths: Array
    scale: float
    levels: NDArray[np.int_]

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which features are categories (p); `levels` has their number of levels, and 0 for a number."""
        return self.levels > 0

    def covariance(self, left: Array, right: Array) -> torch.Tensor:
        """Covariances (n x m) of features n x p and m x p."""
        categorical = self.categorical
        near, far = (
            torch.as_tensor(features[:, ~categorical] / self.lengths[~categorical]) for features in (left, right)
        )
        exponent = torch.cdist(near, far, compute_mode="donot_use_mm_for_euclid_dist").square_().mul_(-0.5)
        for index in np.flatnonzero(categorical):
            apart = torch.as_tensor(left[:, index])[:, None].ne(torch.as_tensor(right[:, index]))
            exponent.sub_(apart.double(), alpha=1 / float(self.lengths[index]))
        return exponent.exp_().mul_(self.scale**2)

    def slopes(self, features: Array) -> tuple[torch.Tensor, torch.Tensor]:
        """Covariances (n x n), and their slopes by the log of each length (p x n x n)."""
        columns = torch.as_tensor(features.T.copy())
        apart = (columns[:, :, None] - columns[:, None, :]).abs_()
        mask = torch.as_tensor(self.categorical)
        apart[mask] = apart[mask].ne(0).double()
        apart /= torch.as_tensor(self.lengths)[:, None, None]
        exponents = 0.5 * apart**2
        exponents[mask] = apart[mask]
        covariance = self.scale**2 * torch.exp(-exponents.sum(dim=0))
        exponents[~mask] *= 2
        return covariance, covariance * exponents

    def waves(self, number: int, functions: int, rng: np.random.Generator) -> "Waves":
        """Functions drawn from a Gaussian process with this covariance, each a sum of `number` random waves.

        (Rahimi and Recht 2007, "Random Features for Large-Scale Kernel Machines". In a share 1 - exp(-1 / length) of
        the waves each level of a category has a random phase of its own.)
        """
        frequencies = rng.standard_normal((len(self.lengths), number)) / self.lengths[:, None]
        phases = {}
        for index in np.flatnonzero(self.categorical):
            apart = rng.random(number) < 1 - math.exp(-1 / self.lengths[index])
            frequencies[index] = 0
            phases[int(index)] = rng.uniform(0, 2 * np.pi, (self.levels[index], number)) * apart
        weights = rng.standard_normal((number, functions)) * math.sqrt(2 / number) * self.scale
        return Waves(frequencies, rng.uniform(0, 2 * np.pi, number), phases, weights)


class Waves(NamedTuple):
    """Random functions."""

    frequencies: Array
    phase: Array
    phases: dict[int, Array]
    weights: Array

    def __call__(self, features: Array) -> Array:
        """Their values at features (n x p)."""
        angles = features @ self.frequencies + self.phase
        for index, table in self.phases.items():
            angles += table[features[:, index].astype(int)]
        return np.asarray(torch.as_tensor(angles).cos_().numpy() @ self.weights)
