"""How well hyperparameters explain what was observed: the evidence, its slope, its best and its spread."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

from optimizer.kernel import Array, Kernel

_THREADS = ThreadpoolController()
_DEGREES = 8  # of the t distribution that hyperparameters are drawn from
_BOUNDS = (-5.0, 7.0)


class Prior(NamedTuple):
    """A normal distribution."""

    mean: float
    sd: float


# Of the logs, for values scaled to a mean of 0 and an sd of 1.
_SCALE = Prior(0.0, 0.2)
_NOISE = Prior(-2.0, 0.5)
_ROUND = Prior(-2.0, 0.8)
_LEVEL = Prior(0.0, 0.7)
_INTERACTION = Prior(3.0, 2.0)  # of the logit


class Data(NamedTuple):
    """What was observed: features (n x p; see `Encoding`), values (n) and rounds (n).

    `levels` are those of each category, and 0 for a number (p).
    """

    features: Array
    values: Array
    rounds: NDArray[np.int_]
    levels: NDArray[np.int_]


class Hyperparameters(NamedTuple):
    """The kernel, the sd of the noise and of the shifts of rounds, and the mean; of scaled values."""

    kernel: Kernel
    noise: float
    round: float
    level: float


class Evidence:
    """Log of evidence times prior, of a vector of hyperparameters.

    The vector holds the logs of p lengths, of scale, noise and round, the level, and the logit of interaction.
    """

    def __init__(self, data: Data, at: NDArray[np.int_], extra: torch.Tensor) -> None:
        """Of the observations `at` of `data`, whose values are scaled.

        `extra` (n) is noise variance that an observation has of its own.
        """
        self._features, self._levels = data.features[at], data.levels
        self._values = torch.as_tensor(data.values[at])
        rounds = torch.as_tensor(data.rounds)[at]
        self._together = (rounds[:, None] == rounds[None, :]).double() if len(set(data.rounds[at])) > 1 else None
        self._extra = extra[at]
        self._count = count = len(data.levels)
        # Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in High Dimensions".
        length = Prior(math.sqrt(2) + 0.5 * math.log(count), math.sqrt(3))
        priors = torch.tensor([length] * count + [_SCALE, _NOISE, _ROUND, _LEVEL, _INTERACTION], dtype=torch.float64)
        self._prior_mean, self._prior_sd = priors[:, 0], priors[:, 1]

    def read(self, vector: torch.Tensor) -> Hyperparameters:
        """The hyperparameters that a vector stands for."""
        count = self._count
        values = torch.exp(vector).numpy()
        interaction = float(torch.sigmoid(vector[count + 4]))
        kernel = Kernel(values[:count], float(values[count]), interaction, self._levels)
        return Hyperparameters(kernel, float(values[count + 1]), float(values[count + 2]), float(vector[count + 3]))

    def noise(self, given: Hyperparameters) -> torch.Tensor:
        """Covariance (n x n) of noise and shifts of rounds."""
        noise = torch.diag(given.noise**2 + 1e-6 + self._extra)
        return noise if self._together is None else noise + given.round**2 * self._together

    def covariance(self, given: Hyperparameters) -> torch.Tensor:
        """Covariance (n x n) of the observed values."""
        return given.kernel.covariance(self._features, self._features) + self.noise(given)

    def __call__(self, vector: torch.Tensor) -> tuple[float, torch.Tensor]:
        """The value and its slope by the vector (Rasmussen and Williams 2006, section 5.4.1)."""
        given, count = self.read(vector), self._count
        covariance, by_length, by_interaction = given.kernel.slopes(self._features)
        root, failed = torch.linalg.cholesky_ex(covariance + self.noise(given))
        if failed:
            return -1e10, torch.zeros_like(vector)
        inverse = torch.cholesky_inverse(root)
        off = self._values - given.level
        weights = inverse @ off
        gain = 0.5 * (torch.outer(weights, weights) - inverse)
        slope = torch.zeros_like(vector)
        slope[:count] = (by_length * gain).sum(dim=(1, 2))
        slope[count] = 2 * (covariance * gain).sum()
        slope[count + 1] = 2 * given.noise**2 * gain.diagonal().sum()
        if self._together is not None:
            slope[count + 2] = 2 * given.round**2 * (self._together * gain).sum()
        slope[count + 3] = weights.sum()
        slope[count + 4] = (by_interaction * gain).sum()
        away = (vector - self._prior_mean) / self._prior_sd
        value = -0.5 * off @ weights - root.diagonal().log().sum() - 0.5 * away @ away
        return value.item(), slope - away / self._prior_sd

    def search(self, start: torch.Tensor | None = None) -> torch.Tensor:
        """The best vector."""
        if start is None:
            start = self._prior_mean.clone()
            start[: self._count] = math.log(0.5 * math.sqrt(self._count))
            start[self._count + 4] = 0.0  # from where all interact, the search does not find that each acts by itself

        def loss(vector: Array) -> tuple[float, Array]:
            value, slope = self(torch.as_tensor(vector))
            return -value, -np.asarray(slope.numpy())

        bounds = [_BOUNDS] * len(start)
        found = minimize(loss, start.numpy(), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 40})
        return torch.as_tensor(found.x)

    def leave_one_out(self, vector: torch.Tensor) -> Array:
        """By how many sd each observation is off what all others predict for it (n)."""
        given = self.read(vector)
        inverse = torch.cholesky_inverse(root_of(self.covariance(given)))
        return np.asarray((inverse @ (self._values - given.level) / inverse.diagonal().sqrt()).numpy())

    def spread(self, best: torch.Tensor, number: int, seed: int) -> list[torch.Tensor]:
        """`number` vectors that stand for what is known of the hyperparameters; the best is the first."""
        if number == 1:
            return [best]
        size, step = len(best), 0.05
        curvature = torch.stack(
            [
                (self(best - move)[1] - self(best + move)[1]) / (2 * step)
                for move in step * torch.eye(size, dtype=torch.float64)
            ]
        )
        steepness, axes = torch.linalg.eigh((curvature + curvature.T) / 2)
        rng = np.random.default_rng(seed)
        tails = np.sqrt(rng.chisquare(_DEGREES, 4 * number) / _DEGREES)
        z = torch.as_tensor(rng.standard_normal((4 * number, size)) / tails[:, None])
        vectors = (best + z / steepness.clamp_min(0.3).sqrt() @ axes.T).clamp(*_BOUNDS)
        proposed = -(_DEGREES + size) / 2 * torch.log1p((z**2).sum(dim=1) / _DEGREES)
        weights = torch.tensor([self(vector)[0] for vector in vectors], dtype=torch.float64) - proposed
        weights = torch.softmax(weights, dim=0).clamp_max(1 / math.sqrt(len(vectors)))  # Ionides 2008, truncated
        drawn = torch.searchsorted(
            weights.cumsum(dim=0) / weights.sum(), (torch.arange(number - 1) + rng.random()) / (number - 1)
        )
        return [best, *vectors[drawn.clamp_max(len(vectors) - 1)]]


def root_of(covariance: torch.Tensor) -> torch.Tensor:
    """The lower Cholesky factor."""
    root: torch.Tensor = torch.linalg.cholesky(covariance)
    return root


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch and BLAS on one thread: the same numbers on every run, and no quarrel with other processes for cores.

    (The matrices are small: with two threads on two busy cores a campaign cost twice the CPU-seconds.)
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad(), _THREADS.limit(limits=1):
            yield
    finally:
        torch.set_num_threads(before)
