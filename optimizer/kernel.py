"""The prior of the objective: the covariance of two conditions, and functions sampled from it."""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]
_SQRT_5 = math.sqrt(5)
_DEGREES = 5  # 2 nu: degrees of freedom of the spectral density of Matern's covariance


class Kernel(NamedTuple):
    """Covariance of the objective at two conditions.

    Features (p of each condition) are 0..1 for a number, or the index of a category's level.

        k(x, x') = signal_sd^2 * product over parameters of c(x, x')

    with c = 1 - interaction + interaction * m(|x - x'| / lengthscale) for a number, where m is
    Matern's covariance with nu = 5/2 (Rasmussen and Williams 2006, equation 4.17), and
    exp(-1 / lengthscale) between two different levels of a category. The product multiplied out
    is a sum over all sets of parameters that interact (Duvenaud et al. 2011, "Additive Gaussian
    Processes"): an `interaction` (0..1) of 1 leaves only the interaction of all numbers, and
    lower values give more weight to main effects.

    `lengthscales` (p) are in ranges of a parameter. The square of `signal_sd` is what GPyTorch
    calls the outputscale. `levels` (p) are the number of levels of a category, and 0 for a number.
    """

    lengthscales: Array
    signal_sd: float
    interaction: float
    levels: NDArray[np.int_]

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which features are categories (p)."""
        return self.levels > 0

    def covariance(self, left: Array, right: Array) -> torch.Tensor:
        """Covariances (n x m) of features n x p and m x p."""
        product = torch.full((len(left), len(right)), self.signal_sd**2, dtype=torch.float64)
        for index, lengthscale in enumerate(self.lengthscales):
            one = torch.as_tensor(left[:, index])[:, None]
            other = torch.as_tensor(right[:, index])
            if self.levels[index]:
                product.mul_(one.ne(other).double().mul_(-1 / lengthscale).exp_())
            else:
                correlation = _matern((one - other).abs_().mul_(_SQRT_5 / lengthscale))
                product.mul_(correlation.mul_(self.interaction).add_(1 - self.interaction))
        return product

    def gradients(self, features: Array) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The covariance of features (n x p) with themselves, and its derivatives.

        Returns: covariances (n x n), their derivatives by the log of each lengthscale
            (p x n x n), and by the logit of interaction (n x n).
        """
        columns = torch.as_tensor(features.T.copy())
        numeric = torch.as_tensor(~self.categorical)
        distances = (columns[:, :, None] - columns[:, None, :]).abs_()
        distances[~numeric] = distances[~numeric].ne(0).double()
        distances /= torch.as_tensor(self.lengthscales)[:, None, None]
        # `distances[numeric]` copies, so that the categories' distances stay as they are.
        scaled = distances[numeric].mul_(_SQRT_5)
        polynomial = scaled.square().mul_(scaled + 1)
        matern_slope = polynomial.mul_(torch.exp(-scaled)).mul_(self.interaction / 3)
        correlation = _matern(scaled)

        factors = torch.exp(-distances)
        factors[numeric] = correlation * self.interaction + (1 - self.interaction)
        covariance = self.signal_sd**2 * factors.prod(dim=0)
        by_lengthscale = covariance * distances
        by_lengthscale[numeric] = covariance * matern_slope / factors[numeric]
        by_interaction = covariance * ((correlation - 1) / factors[numeric]).sum(dim=0)
        # The chain rule through the logistic function.
        by_logit = by_interaction * self.interaction * (1 - self.interaction)
        return covariance, by_lengthscale, by_logit

    def sample_prior(
        self, fourier_features: int, samples: int, rng: np.random.Generator
    ) -> "PriorSamples":
        """Functions sampled from a Gaussian process with this covariance and mean 0.

        Random Fourier features (Rahimi and Recht 2007, "Random Features for Large-Scale Kernel
        Machines"). The spectral density of Matern's covariance is a t distribution with 2 nu
        degrees of freedom. Along a number a feature varies with probability `interaction`. Each
        level of a category gets a random phase of its own with probability
        1 - exp(-1 / lengthscale).

        Args:
            fourier_features: terms of each function.
            samples: functions, all with the same frequencies and phases.
            rng: decides frequencies, phases and weights.
        """
        shape = (len(self.lengthscales), fourier_features)
        frequencies = rng.standard_t(_DEGREES, shape) / self.lengthscales[:, None]
        frequencies *= rng.random(frequencies.shape) < self.interaction
        level_phases = {}
        for index in np.flatnonzero(self.categorical):
            differs = rng.random(fourier_features) < 1 - math.exp(-1 / self.lengthscales[index])
            frequencies[index] = 0
            by_level = rng.uniform(0, 2 * np.pi, (self.levels[index], fourier_features))
            level_phases[int(index)] = by_level * differs
        weights = rng.standard_normal((fourier_features, samples))
        weights = weights * math.sqrt(2 / fourier_features) * self.signal_sd
        phases = rng.uniform(0, 2 * np.pi, fourier_features)
        return PriorSamples(frequencies, phases, level_phases, weights)


def _matern(scaled: torch.Tensor) -> torch.Tensor:
    """(1 + s + s^2 / 3) exp(-s) of s = sqrt(5) distance / lengthscale, which is overwritten."""
    decay = scaled.neg().exp_()
    return scaled.addcmul_(scaled, scaled, value=1 / 3).add_(1).mul_(decay)


class PriorSamples(NamedTuple):
    """Functions sampled from the prior, in f random Fourier features.

    `frequencies` are p x f, `phases` f, `level_phases` by index of a category its levels x f,
    `weights` f x functions.
    """

    frequencies: Array
    phases: Array
    level_phases: dict[int, Array]
    weights: Array

    def __call__(self, features: Array) -> Array:
        """Their values (n x functions) at features (n x p)."""
        angles = features @ self.frequencies + self.phases
        for index, table in self.level_phases.items():
            angles += table[features[:, index].astype(int)]
        return np.asarray(torch.as_tensor(angles).cos_().numpy() @ self.weights)
