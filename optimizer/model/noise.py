"""What lies between a true value and a measurement."""

from typing import Any

import torch
from gpytorch.constraints import Positive
from gpytorch.likelihoods.gaussian_likelihood import _GaussianLikelihoodBase
from gpytorch.likelihoods.noise_models import Noise
from gpytorch.priors import LogNormalPrior
from linear_operator.operators import (
    ConstantDiagLinearOperator,
    DenseLinearOperator,
    LinearOperator,
)
from torch import Tensor

_JITTER = 1e-6
_NOISE_PRIOR = (-2.0, 1.5)  # of the log of the variance; from the tuning functions
_BATCH_PRIOR = (-4.0, 1.6)


class RoundNoise(Noise):
    """Covariance of what a measurement adds to the true value.

        noise of each well + batch effect that all wells of a round share + extra variance of
        outliers

    The batch effect is a random intercept; of observations of one round only it is left out, since
    it could not be told from the mean. A new measurement has the noise alone.
    """

    def __init__(
        self, rounds: Tensor, extra: Tensor, batch_shape: torch.Size | None = None
    ) -> None:
        """Of observations of these rounds (n), with this extra variance of each (n)."""
        super().__init__()
        shape = (*(batch_shape or torch.Size()), 1)
        positive = {"transform": torch.exp, "inv_transform": torch.log}
        self.register_parameter("raw_noise", torch.nn.Parameter(torch.full(shape, -4.0)))
        self.register_constraint("raw_noise", Positive(**positive))
        self.register_prior(
            "noise_prior", LogNormalPrior(*_NOISE_PRIOR), lambda m: m.noise, _set_noise
        )
        same = (rounds[:, None] == rounds[None, :]).double()
        self.register_buffer("same_round", None if bool(same.all()) else same)
        self.register_buffer("extra", extra)
        if self.same_round is not None:
            self.register_parameter("raw_batch", torch.nn.Parameter(torch.full(shape, -4.0)))
            self.register_constraint("raw_batch", Positive(**positive))
            self.register_prior(
                "batch_prior", LogNormalPrior(*_BATCH_PRIOR), lambda m: m.batch_variance, _set_batch
            )

    @property
    def noise(self) -> Tensor:
        """The variance of a measurement (batch shape x 1)."""
        found: Tensor = self.raw_noise_constraint.transform(self.raw_noise)
        return found

    @property
    def batch_variance(self) -> Tensor:
        """The variance of the batch effect (batch shape x 1)."""
        found: Tensor = self.raw_batch_constraint.transform(self.raw_batch)
        return found

    def forward(
        self, *params: Any, shape: torch.Size | None = None, **kwargs: Any
    ) -> LinearOperator:
        """Covariance (n x n) of the observations; of another number of points: of new ones."""
        if shape is None:
            shape = (params[0] if torch.is_tensor(params[0]) else params[0][0]).shape[:-1]
        count = len(self.extra)
        if shape[-1] != count:
            noise = self.noise.expand(*shape[:-1], 1)
            return ConstantDiagLinearOperator(noise, diag_shape=shape[-1])
        covariance = torch.diag_embed(
            (self.noise + _JITTER).expand(*self.noise.shape[:-1], count) + self.extra
        )
        if self.same_round is not None:
            covariance = covariance + self.batch_variance.unsqueeze(-1) * self.same_round
        return DenseLinearOperator(covariance.expand(*shape[:-1], count, count))


def _set_noise(module: RoundNoise, value: Tensor) -> None:
    module.initialize(raw_noise=module.raw_noise_constraint.inverse_transform(value))


def _set_batch(module: RoundNoise, value: Tensor) -> None:
    module.initialize(raw_batch=module.raw_batch_constraint.inverse_transform(value))


class RoundLikelihood(_GaussianLikelihoodBase):
    """Gaussian, with `RoundNoise`."""

    def __init__(
        self, rounds: Tensor, extra: Tensor, batch_shape: torch.Size | None = None
    ) -> None:
        """As for `RoundNoise`."""
        super().__init__(RoundNoise(rounds, extra, batch_shape))
