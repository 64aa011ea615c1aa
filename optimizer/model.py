"""The model: the posterior of the objective, given noisy observations."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm, t

from optimizer.kernel import Array, PriorSamples
from optimizer.marginal_likelihood import (
    Data,
    Hyperparameters,
    MarginalLikelihood,
    Prior,
    cholesky_factor,
    single_threaded,
)

_HYPERPARAMETER_DRAWS = 8
_MAX_FITTED = 400  # observations that choose the hyperparameters
_FOURIER_FEATURES = 256

_OUTLIER_Z = 4.0
_OUTLIER_VARIANCE = 1e3
_OUTLIER_PASSES = 2

# Of the log; from how far proposals were from their predictions on the tuning functions.
_INFLATION_PRIOR = Prior(0.9, 0.5)
_INFLATION_GRID = np.geomspace(1, 8, 60)
_INFLATION_DEGREES = 4  # degrees of freedom of the t distribution of a well's error
_MIN_HELD_OUT = 6


class _Component(NamedTuple):
    """One posterior Gaussian process of the mixture.

    The Cholesky factor (n x n) of the observations' covariance K, and K^-1 (values - mean) (n).
    """

    hyperparameters: Hyperparameters
    cholesky_factor: torch.Tensor
    weights: torch.Tensor


class GaussianProcess:
    """Posterior of the true value f, given observations y of it.

        y = f(condition) + batch effect of its round + noise

    f is a Gaussian process with the covariance of `Kernel`. The batch effect is the same for all
    wells of a round, a random intercept: its sd is fitted to conditions that were measured in
    several rounds and to the surface as a whole. An observation that the others contradict (more
    than 4 sd from its leave-one-out prediction) gets a large noise variance of its own.

    Hyperparameters are not fixed at their maximum: the posterior is an equal mixture over several
    draws of them (see `MarginalLikelihood.posterior_draws`).

    Where conditions were chosen for being high, such a posterior is overconfident: real surfaces
    are not as smooth as the kernel says, least of all at their peaks. Its sd is therefore
    multiplied by `sd_inflation`, estimated from the errors of the last round's predictions.
    Posterior samples are not inflated: batches that were chosen so did worse.
    """

    def __init__(self, data: Data, seed: int = 0) -> None:
        """Fit; up to 400 observations choose the hyperparameters, all make the posterior.

        Args:
            data: the observations, one or more, values in their own unit.
            seed: decides the draws of the hyperparameters.
        """
        self._mean, self._sd = float(data.values.mean()), max(float(data.values.std()), 1e-9)
        self._data = data._replace(values=(data.values - self._mean) / self._sd)
        self._extra_noise = torch.zeros(len(data.values), dtype=torch.float64)
        count = len(data.values)
        fitted, every = _fitted_subset(data), np.arange(count)
        # Fewer draws of many observations: each costs a factorisation of all of them.
        affordable = _HYPERPARAMETER_DRAWS * 2 * _MAX_FITTED // count
        number = max(1, min(_HYPERPARAMETER_DRAWS, affordable))
        with single_threaded():
            best = self._marginal_likelihood(fitted).maximise()
            for _ in range(_OUTLIER_PASSES):
                z = self._marginal_likelihood(every).leave_one_out_z(best)
                contradicted = np.abs(z) > _OUTLIER_Z
                if not (contradicted & ~self.outliers).any():
                    break
                self._extra_noise[torch.as_tensor(contradicted)] = _OUTLIER_VARIANCE
                best = self._marginal_likelihood(fitted).maximise(best)
            self._likelihood = self._marginal_likelihood(every)
            draws = self._marginal_likelihood(fitted).posterior_draws(best, number, seed)
            self._components = [self._component(vector) for vector in draws]

    @property
    def outliers(self) -> NDArray[np.bool_]:
        """Which observations are down-weighted as outliers (n)."""
        return np.asarray(self._extra_noise.numpy() > 0)

    @property
    def noise_sd(self) -> float:
        """The sd of a measurement of a true value, in the unit of the values."""
        variances = [component.hyperparameters.noise_sd**2 for component in self._components]
        return float(np.sqrt(np.mean(variances)) * self._sd)

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and inflated sd of the true value (n each) at features (n x p)."""
        mean, sd = self._posterior(features)
        return mean, sd * self.sd_inflation

    def mean(self, features: Array) -> Array:
        """The mean of the true value (n) at features (n x p); much cheaper than its sd."""
        with single_threaded():
            means = []
            for hyperparameters, _, weights in self._components:
                cross = hyperparameters.kernel.covariance(features, self._data.features)
                means.append(hyperparameters.mean + cross @ weights)
            return np.asarray(self._mean + self._sd * torch.stack(means).mean(dim=0).numpy())

    @cached_property
    def sd_inflation(self) -> float:
        """The factor by which the posterior's sd is multiplied, 1 to 8.

        The maximum a posteriori on a grid, given a log-normal prior and the errors with which the
        earlier rounds predict the last round's wells, outliers left out.
        """
        data = self._data
        log_posterior = norm.logpdf(
            np.log(_INFLATION_GRID), _INFLATION_PRIOR.mean, _INFLATION_PRIOR.sd
        )
        before = data.rounds < data.rounds.max()
        held_out = ~before & ~self.outliers
        if min(held_out.sum(), before.sum()) >= _MIN_HELD_OUT:
            earlier = GaussianProcess(
                Data(
                    features=data.features[before],
                    values=data.values[before],
                    rounds=data.rounds[before],
                    levels=data.levels,
                )
            )
            mean, sd = earlier._posterior(data.features[held_out])
            errors = data.values[held_out] - mean
            inflated = np.sqrt((_INFLATION_GRID[:, None] * sd) ** 2 + earlier.noise_sd**2)
            log_likelihood = np.asarray(t.logpdf(errors, _INFLATION_DEGREES, scale=inflated))
            # Errors within a round are correlated: however many wells there are, together they
            # count as the fewest that suffice.
            log_posterior += _MIN_HELD_OUT * log_likelihood.mean(axis=1)
        return float(_INFLATION_GRID[log_posterior.argmax()])

    def _posterior(self, features: Array) -> tuple[Array, Array]:
        """Mean and sd of the true value (n each) at features (n x p), not inflated."""
        means, second_moments = [], []
        with single_threaded():
            for hyperparameters, factor, weights in self._components:
                kernel = hyperparameters.kernel
                cross = kernel.covariance(features, self._data.features)
                whitened = torch.linalg.solve_triangular(factor, cross.T, upper=False)
                mean = hyperparameters.mean + cross @ weights
                variance = (kernel.signal_sd**2 - (whitened**2).sum(dim=0)).clamp_min(0)
                means.append(mean)
                second_moments.append(variance + mean**2)
        return self._mixture_moments(means, second_moments)

    def leave_one_out(self) -> tuple[Array, Array]:
        """Mean and sd of each observation as all others predict it, noise included (n each).

        Hyperparameters are those of all observations (Rasmussen and Williams 2006, equation 5.12).
        """
        means, second_moments = [], []
        values = torch.as_tensor(self._data.values)
        with single_threaded():
            for _, factor, weights in self._components:
                precision = torch.cholesky_inverse(factor).diagonal()
                mean = values - weights / precision
                # Without the extra noise: an outlier is compared with what a sound well would show.
                variance = (1 / precision - self._extra_noise).clamp_min(0)
                means.append(mean)
                second_moments.append(variance + mean**2)
        return self._mixture_moments(means, second_moments)

    def _mixture_moments(
        self, means: list[torch.Tensor], second_moments: list[torch.Tensor]
    ) -> tuple[Array, Array]:
        """Mean and sd of the mixture, in the unit of the values, from its components' moments."""
        mean = torch.stack(means).mean(dim=0)
        variance = (torch.stack(second_moments).mean(dim=0) - mean**2).clamp_min(1e-12)
        return (
            np.asarray(self._mean + self._sd * mean.numpy()),
            np.asarray(self._sd * variance.sqrt().numpy()),
        )

    def posterior_samples(self, number: int, seed: int) -> "PosteriorSamples":
        """`number` functions sampled from the posterior, which can be evaluated anywhere.

        By Matheron's rule: a function sampled from the prior, corrected by the kernel-weighted
        residuals of the observations, with noise sampled too (Wilson et al. 2020, "Efficiently
        Sampling Functions from Gaussian Process Posteriors").

        Args:
            number: functions, shared evenly between the components of the mixture.
            seed: decides them.
        """
        rng = np.random.default_rng(seed)
        values = torch.as_tensor(self._data.values)[:, None]
        share, rest = divmod(number, len(self._components))
        parts = []
        with single_threaded():
            for index, (hyperparameters, factor, _) in enumerate(self._components):
                count = share + (index < rest)
                prior = hyperparameters.kernel.sample_prior(_FOURIER_FEATURES, count, rng)
                noise_factor = cholesky_factor(self._likelihood.noise_covariance(hyperparameters))
                standard_normal = torch.as_tensor(rng.standard_normal((len(values), count)))
                noise = noise_factor @ standard_normal
                prior_values = torch.as_tensor(prior(self._data.features))
                residuals = values - hyperparameters.mean - prior_values - noise
                weights = torch.cholesky_solve(residuals, factor)
                parts.append(_ComponentSamples(hyperparameters, prior, weights))
        return PosteriorSamples(self._data.features, parts, self._mean, self._sd)

    def _marginal_likelihood(self, subset: NDArray[np.int_]) -> MarginalLikelihood:
        return MarginalLikelihood(self._data, subset, self._extra_noise)

    def _component(self, vector: torch.Tensor) -> _Component:
        hyperparameters = self._likelihood.unpack(vector)
        factor = cholesky_factor(self._likelihood.covariance(hyperparameters))
        residual = torch.as_tensor(self._data.values) - hyperparameters.mean
        weights = torch.cholesky_solve(residual[:, None], factor)[:, 0]
        return _Component(hyperparameters, factor, weights)


class _ComponentSamples(NamedTuple):
    """Samples of one component: from its prior, and the weights (n x samples) that correct them."""

    hyperparameters: Hyperparameters
    prior: PriorSamples
    weights: torch.Tensor


class PosteriorSamples:
    """Functions sampled from the posterior; see `GaussianProcess.posterior_samples`."""

    def __init__(
        self, observed: Array, parts: list[_ComponentSamples], mean: float, sd: float
    ) -> None:
        """From samples of each component, of values with this mean and sd before standardising."""
        self._observed, self._parts, self._mean, self._sd = observed, parts, mean, sd

    def __call__(self, features: Array) -> Array:
        """Their values (samples x n) at features (n x p), in the unit of the observations."""
        found = []
        with single_threaded():
            for hyperparameters, prior, weights in self._parts:
                cross = hyperparameters.kernel.covariance(features, self._observed)
                correction = (cross @ weights).numpy()
                found.append(hyperparameters.mean + prior(features) + correction)
        return np.asarray(self._mean + self._sd * np.hstack(found).T)


def _fitted_subset(data: Data) -> NDArray[np.int_]:
    """Indices of all observations; of more than 400, the 200 best and 200 others at random."""
    if len(data.values) <= _MAX_FITTED:
        return np.arange(len(data.values))
    order = np.argsort(-data.values)
    half = _MAX_FITTED // 2
    others = np.random.default_rng(0).permutation(order[half:])[: _MAX_FITTED - half]
    return np.sort(np.concatenate([order[:half], others]))
