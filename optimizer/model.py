"""The model: a Gaussian process over the encoded conditions, fitted to noisy observations."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from botorch.exceptions.warnings import BotorchWarning
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.utils.gpytorch_modules import get_covar_module_with_dim_scaled_prior
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.mlls import ExactMarginalLogLikelihood
from numpy.typing import NDArray

Array = NDArray[np.float64]


class GaussianProcess:
    """Posterior of the objective, given observations.

    BoTorch's SingleTaskGP: Matern-5/2 kernel (cultures have cliffs, which a smoother kernel rings at) with a
    length-scale a feature, whose prior grows with the dimension (Hvarfner et al. 2024, "Vanilla Bayesian Optimization
    Performs Great in High Dimensions"), a fitted noise variance, standardised observations.
    """

    def __init__(self, features: Array, values: Array) -> None:
        """Fit to features (n x d, 0..1) and values (n)."""
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", BotorchWarning)
            kernel = get_covar_module_with_dim_scaled_prior(ard_num_dims=features.shape[1], use_rbf_kernel=False)
            self._model = SingleTaskGP(_tensor(features), _tensor(values).unsqueeze(-1), covar_module=kernel)
            fit_gpytorch_mll(ExactMarginalLogLikelihood(self._model.likelihood, self._model))

    def predict(self, features: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the true value (without noise) at features (n x d)."""
        with one_thread(), torch.no_grad():
            posterior = self._model.posterior(_tensor(features).unsqueeze(1))
            mean, variance = posterior.mean.flatten(), posterior.variance.flatten()
        return cast(Array, mean.numpy()), cast(Array, variance.clamp_min(0).sqrt().numpy())

    def samples(self, features: Array, number: int, seed: int) -> Array:
        """`number` joint draws of the true value at features (n x d); number x n."""
        with one_thread(), torch.no_grad():
            posterior = self._model.posterior(_tensor(features))
            assert isinstance(posterior, GPyTorchPosterior)
            base = np.random.default_rng(seed).standard_normal((number, len(features)))
            root = torch.linalg.cholesky(_jittered(posterior.distribution.covariance_matrix))
            drawn = posterior.mean.flatten() + _tensor(base) @ root.T
        return cast(Array, drawn.numpy())


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: the same numbers on every run, and no quarrel with other processes for cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tensor(array: Array) -> torch.Tensor:
    return torch.as_tensor(array, dtype=torch.float64)


def _jittered(covariance: torch.Tensor) -> torch.Tensor:
    scale = covariance.diagonal().mean()
    return covariance + torch.eye(len(covariance), dtype=covariance.dtype) * (1e-7 * scale + 1e-10)
