"""How well hyperparameters explain the observations: log marginal likelihood, gradient, draws."""

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

_THREADPOOLS = ThreadpoolController()
_BOUNDS = (-5.0, 7.0)
_MAX_ITERATIONS = 40
_JITTER = 1e-6
_NOT_POSITIVE_DEFINITE = -1e10

_PROPOSAL_DEGREES = 8  # degrees of freedom of the proposal for draws of hyperparameters
_CANDIDATES_PER_DRAW = 4
_DIFFERENCE_STEP = 0.05
_MIN_CURVATURE = 0.3  # the sd of the proposal is at most 1 / sqrt(0.3) along any axis


class Prior(NamedTuple):
    """A normal distribution."""

    mean: float
    sd: float


# Of the logs, for values standardised to mean 0 and sd 1.
_SIGNAL_PRIOR = Prior(0.0, 0.2)
_NOISE_PRIOR = Prior(-2.0, 0.5)
_BATCH_EFFECT_PRIOR = Prior(-2.0, 0.8)
_MEAN_PRIOR = Prior(0.0, 0.7)  # of the mean itself
_INTERACTION_PRIOR = Prior(3.0, 2.0)  # of the logit


class Data(NamedTuple):
    """The observations: features (n x p; see `Encoding`), values (n) and round numbers (n).

    `levels` (p) are the number of levels of each category, and 0 for a number.
    """

    features: Array
    values: Array
    rounds: NDArray[np.int_]
    levels: NDArray[np.int_]


class Hyperparameters(NamedTuple):
    """Kernel, sds of noise and batch effects, and mean, all of standardised values."""

    kernel: Kernel
    noise_sd: float
    batch_effect_sd: float
    mean: float


class MarginalLikelihood:
    """Log marginal likelihood plus log prior of a vector of hyperparameters.

    Up to a constant this is their log posterior density. The vector (p + 5) holds the logs of p
    lengthscales, of signal sd, noise sd and batch-effect sd, the mean, and the logit of
    interaction.
    """

    def __init__(self, data: Data, subset: NDArray[np.int_], extra_noise: torch.Tensor) -> None:
        """Of some of the observations.

        Args:
            data: all n observations, their values standardised.
            subset: indices of the m observations that count.
            extra_noise: noise variance that each observation has in addition (n).
        """
        self._features, self._levels = data.features[subset], data.levels
        self._values = torch.as_tensor(data.values[subset])
        rounds = torch.as_tensor(data.rounds)[subset]
        several_rounds = len(set(data.rounds[subset])) > 1
        # With one round only, its batch effect cannot be told from the mean.
        self._same_round = (rounds[:, None] == rounds[None, :]).double() if several_rounds else None
        self._extra_noise = extra_noise[subset]
        self._count = count = len(data.levels)
        # Hvarfner et al. 2024, "Vanilla Bayesian Optimization Performs Great in High Dimensions":
        # the log lengthscale's prior grows with the number of parameters.
        lengthscale_prior = Prior(math.sqrt(2) + 0.5 * math.log(count), math.sqrt(3))
        priors = torch.tensor(
            [
                *[lengthscale_prior] * count,
                _SIGNAL_PRIOR,
                _NOISE_PRIOR,
                _BATCH_EFFECT_PRIOR,
                _MEAN_PRIOR,
                _INTERACTION_PRIOR,
            ],
            dtype=torch.float64,
        )
        self._prior_mean, self._prior_sd = priors[:, 0], priors[:, 1]

    def unpack(self, vector: torch.Tensor) -> Hyperparameters:
        """The hyperparameters that a vector (p + 5) stands for."""
        count = self._count
        values = torch.exp(vector).numpy()
        kernel = Kernel(
            lengthscales=values[:count],
            signal_sd=float(values[count]),
            interaction=float(torch.sigmoid(vector[count + 4])),
            levels=self._levels,
        )
        return Hyperparameters(
            kernel=kernel,
            noise_sd=float(values[count + 1]),
            batch_effect_sd=float(values[count + 2]),
            mean=float(vector[count + 3]),
        )

    def noise_covariance(self, hyperparameters: Hyperparameters) -> torch.Tensor:
        """Covariance (m x m) of noise and batch effects."""
        noise = torch.diag(hyperparameters.noise_sd**2 + _JITTER + self._extra_noise)
        if self._same_round is None:
            return noise
        return noise + hyperparameters.batch_effect_sd**2 * self._same_round

    def covariance(self, hyperparameters: Hyperparameters) -> torch.Tensor:
        """Covariance (m x m) of the observed values."""
        signal = hyperparameters.kernel.covariance(self._features, self._features)
        return signal + self.noise_covariance(hyperparameters)

    def __call__(self, vector: torch.Tensor) -> tuple[float, torch.Tensor]:
        """The value and its gradient (p + 5) at a vector.

        (Rasmussen and Williams 2006, equations 5.8 and 5.9.) Where the covariance is not
        numerically positive definite, the value is -1e10 and the gradient 0.
        """
        hyperparameters, count = self.unpack(vector), self._count
        signal, by_lengthscale, by_interaction = hyperparameters.kernel.gradients(self._features)
        factor, failed = torch.linalg.cholesky_ex(signal + self.noise_covariance(hyperparameters))
        if failed:
            return _NOT_POSITIVE_DEFINITE, torch.zeros_like(vector)
        precision = torch.cholesky_inverse(factor)
        residual = self._values - hyperparameters.mean
        weights = precision @ residual
        # The derivative of the log marginal likelihood by each entry of the covariance.
        by_covariance = 0.5 * (torch.outer(weights, weights) - precision)

        gradient = torch.zeros_like(vector)
        gradient[:count] = (by_lengthscale * by_covariance).sum(dim=(1, 2))
        gradient[count] = 2 * (signal * by_covariance).sum()
        noise_variance = hyperparameters.noise_sd**2
        gradient[count + 1] = 2 * noise_variance * by_covariance.diagonal().sum()
        if self._same_round is not None:
            batch_variance = hyperparameters.batch_effect_sd**2
            gradient[count + 2] = 2 * batch_variance * (self._same_round * by_covariance).sum()
        gradient[count + 3] = weights.sum()
        gradient[count + 4] = (by_interaction * by_covariance).sum()

        prior_z = (vector - self._prior_mean) / self._prior_sd
        log_root_determinant = factor.diagonal().log().sum()
        value = -0.5 * residual @ weights - log_root_determinant - 0.5 * prior_z @ prior_z
        return value.item(), gradient - prior_z / self._prior_sd

    def maximise(self, start: torch.Tensor | None = None) -> torch.Tensor:
        """The vector (p + 5) with the highest value, by L-BFGS-B from `start` or a default."""
        if start is None:
            start = self._prior_mean.clone()
            start[: self._count] = math.log(0.5 * math.sqrt(self._count))
            # Logit 0: from an interaction near 1 the search does not find additive objectives.
            start[self._count + 4] = 0.0

        def loss(vector: Array) -> tuple[float, Array]:
            value, gradient = self(torch.as_tensor(vector))
            return -value, -np.asarray(gradient.numpy())

        found = minimize(
            loss,
            start.numpy(),
            jac=True,
            method="L-BFGS-B",
            bounds=[_BOUNDS] * len(start),
            options={"maxiter": _MAX_ITERATIONS},
        )
        return torch.as_tensor(found.x)

    def leave_one_out_z(self, vector: torch.Tensor) -> Array:
        """Each observation's residual from what all others predict for it, in sds (m).

        (Rasmussen and Williams 2006, equation 5.12.)
        """
        hyperparameters = self.unpack(vector)
        precision = torch.cholesky_inverse(cholesky_factor(self.covariance(hyperparameters)))
        residual = self._values - hyperparameters.mean
        return np.asarray((precision @ residual / precision.diagonal().sqrt()).numpy())

    def posterior_draws(self, best: torch.Tensor, number: int, seed: int) -> list[torch.Tensor]:
        """`number` vectors (p + 5) that represent the posterior of the hyperparameters.

        Sampling importance resampling from a multivariate t distribution about the maximum.

        Args:
            best: the maximum; it is the first of the answer.
            number: how many, 1 or more.
            seed: decides the draws.
        """
        if number == 1:
            return [best]
        rng = np.random.default_rng(seed)
        size, candidates = len(best), _CANDIDATES_PER_DRAW * number
        curvatures, axes = torch.linalg.eigh(self._negative_hessian(best))
        standardised = self._standard_t(rng, candidates, size)
        inverse_sds = curvatures.clamp_min(_MIN_CURVATURE).sqrt()
        vectors = (best + standardised / inverse_sds @ axes.T).clamp(*_BOUNDS)

        squared_norm = (standardised**2).sum(dim=1)
        log_proposal = (
            -(_PROPOSAL_DEGREES + size) / 2 * torch.log1p(squared_norm / _PROPOSAL_DEGREES)
        )
        log_target = torch.tensor([self(vector)[0] for vector in vectors], dtype=torch.float64)
        weights = torch.softmax(log_target - log_proposal, dim=0)
        # Truncated, so that no single draw dominates (Ionides 2008, "Truncated Importance
        # Sampling").
        weights = weights.clamp_max(1 / math.sqrt(candidates))
        chosen = _systematic_resample(weights, number - 1, rng)
        return [best, *vectors[chosen]]

    def _negative_hessian(self, vector: torch.Tensor) -> torch.Tensor:
        """By central differences of the gradient, made symmetric."""
        steps = _DIFFERENCE_STEP * torch.eye(len(vector), dtype=torch.float64)
        rows = [
            (self(vector - step)[1] - self(vector + step)[1]) / (2 * _DIFFERENCE_STEP)
            for step in steps
        ]
        hessian = torch.stack(rows)
        return (hessian + hessian.T) / 2

    @staticmethod
    def _standard_t(rng: np.random.Generator, number: int, size: int) -> torch.Tensor:
        """Draws (number x size) from a multivariate t distribution of unit scale."""
        scales = np.sqrt(rng.chisquare(_PROPOSAL_DEGREES, number) / _PROPOSAL_DEGREES)
        return torch.as_tensor(rng.standard_normal((number, size)) / scales[:, None])


def _systematic_resample(
    weights: torch.Tensor, number: int, rng: np.random.Generator
) -> torch.Tensor:
    """Indices of `number` draws by weight: evenly spaced points with one random offset.

    (Kitagawa 1996, "Monte Carlo Filter and Smoother": systematic resampling.)
    """
    cumulative = weights.cumsum(dim=0) / weights.sum()
    points = (torch.arange(number) + rng.random()) / number
    indices = torch.searchsorted(cumulative, points)
    # Rounding can leave the last cumulative weight just below 1.
    return indices.clamp_max(len(weights) - 1)


def cholesky_factor(covariance: torch.Tensor) -> torch.Tensor:
    """The lower Cholesky factor (n x n) of a covariance (n x n).

    Raises:
        torch.linalg.LinAlgError: the covariance is not numerically positive definite.
    """
    factor: torch.Tensor = torch.linalg.cholesky(covariance)
    return factor


@contextmanager
def single_threaded() -> Iterator[None]:
    """Torch and BLAS on one thread and without autograd: the same numbers on every run.

    The matrices are small: with two threads on two busy cores a campaign cost twice the
    CPU-seconds.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad(), _THREADPOOLS.limit(limits=1):
            yield
    finally:
        torch.set_num_threads(threads)
