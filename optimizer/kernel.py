"""How alike two conditions are: the covariance of the objective, and functions that are drawn from it."""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ROOT_5 = math.sqrt(5)
_DEGREES = 5


class Kernel(NamedTuple):
    """Covariance of the objective at two conditions, whose features (p each) are 0..1 or the index of a category.

        k(x, x') = scale^2 * product over parameters of c(x, x')

    with c = 1 - interaction + interaction * m(|x - x'| / length) for a number, where m is Matern's covariance with
    nu = 5/2 (Rasmussen and Williams 2006, equation 4.17), and exp(-1 / length) between two categories. The product
    multiplied out is a sum over all sets of parameters that act together (Duvenaud et al. 2011, "Additive Gaussian
    Processes"): with an `interaction` of 1 only all of them do, and the less it is, the more each acts by itself.
    """

    lengths: Array
    scale: float
    interaction: float
    levels: NDArray[np.int_]

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which features are categories (p); `levels` has their number of levels, and 0 for a number."""
        return self.levels > 0

    def covariance(self, left: Array, right: Array) -> torch.Tensor:
        """Covariances (n x m) of features n x p and m x p."""
        product = torch.full((len(left), len(right)), self.scale**2, dtype=torch.float64)
        for index, length in enumerate(self.lengths):
            near, far = torch.as_tensor(left[:, index])[:, None], torch.as_tensor(right[:, index])
            if self.levels[index]:
                product.mul_(near.ne(far).double().mul_(-1 / length).exp_())
            else:
                alike = _matern((near - far).abs_().mul_(_ROOT_5 / length))
                product.mul_(alike.mul_(self.interaction).add_(1 - self.interaction))
        return product

    def slopes(self, features: Array) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Covariances (n x n), their slopes by the log of each length (p x n x n), and by the logit of interaction."""
        columns = torch.as_tensor(features.T.copy())
        apart = (columns[:, :, None] - columns[:, None, :]).abs_()
        numeric = torch.as_tensor(~self.categorical)
        apart[~numeric] = apart[~numeric].ne(0).double()
        apart /= torch.as_tensor(self.lengths)[:, None, None]
        far = apart[numeric].mul_(_ROOT_5)
        steepness = far.square().mul_(far + 1).mul_(torch.exp(-far)).mul_(self.interaction / 3)
        alike = _matern(far)
        factors = torch.exp(-apart)
        factors[numeric] = alike * self.interaction + (1 - self.interaction)
        covariance = self.scale**2 * factors.prod(dim=0)
        by_length = covariance * apart
        by_length[numeric] = covariance * steepness / factors[numeric]
        by_interaction = covariance * ((alike - 1) / factors[numeric]).sum(dim=0)
        return covariance, by_length, by_interaction * self.interaction * (1 - self.interaction)

    def waves(self, number: int, functions: int, rng: np.random.Generator) -> "Waves":
        """Functions drawn from a Gaussian process with this covariance, each a sum of `number` random waves.

        (Rahimi and Recht 2007, "Random Features for Large-Scale Kernel Machines". Matern's frequencies have a t
        distribution with 2 nu degrees of freedom. Of the waves a share `interaction` goes along a parameter, and in a
        share 1 - exp(-1 / length) each level of a category has a random phase of its own.)
        """
        frequencies = rng.standard_t(_DEGREES, (len(self.lengths), number)) / self.lengths[:, None]
        frequencies *= rng.random(frequencies.shape) < self.interaction
        phases = {}
        for index in np.flatnonzero(self.categorical):
            apart = rng.random(number) < 1 - math.exp(-1 / self.lengths[index])
            frequencies[index] = 0
            phases[int(index)] = rng.uniform(0, 2 * np.pi, (self.levels[index], number)) * apart
        weights = rng.standard_normal((number, functions)) * math.sqrt(2 / number) * self.scale
        return Waves(frequencies, rng.uniform(0, 2 * np.pi, number), phases, weights)


def _matern(far: torch.Tensor) -> torch.Tensor:
    """(1 + s + s^2 / 3) exp(-s), of distances s in lengths / sqrt(5), which it overwrites."""
    decay = far.neg().exp_()
    return far.addcmul_(far, far, value=1 / 3).add_(1).mul_(decay)


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
