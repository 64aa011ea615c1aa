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
_EFFECT_PRIOR = (-4.0, 1.6)


class MeasurementNoise(Noise):
    """Covariance of what a measurement adds to the true value.

        noise of each well + random effects that wells share + extra variance of outliers

    The effects are those of rounds, plates and covariates (`random_effects`), each with a variance
    of its own, as in a linear mixed model. A new measurement has the noise alone, so that what is
    predicted is the true value in an average round, on an average plate.
    """

    def __init__(
        self, effects: Tensor, extra: Tensor, batch_shape: torch.Size | None = None
    ) -> None:
        """Of observations with these effects (k x n x n), and extra variance of each (n)."""
        super().__init__()
        shape = (*(batch_shape or torch.Size()), 1)
        positive = {"transform": torch.exp, "inv_transform": torch.log}
        self.register_parameter("raw_noise", torch.nn.Parameter(torch.full(shape, -4.0)))
        self.register_constraint("raw_noise", Positive(**positive))
        self.register_prior(
            "noise_prior", LogNormalPrior(*_NOISE_PRIOR), lambda m: m.noise, _set_noise
        )
        self.register_buffer("effects", effects)
        self.register_buffer("extra", extra)
        if len(effects):
            raw = torch.full((*shape[:-1], len(effects)), -4.0)
            self.register_parameter("raw_effects", torch.nn.Parameter(raw))
            self.register_constraint("raw_effects", Positive(**positive))
            self.register_prior(
                "effects_prior",
                LogNormalPrior(*_EFFECT_PRIOR),
                lambda m: m.effect_variances,
                _set_effects,
            )

    @property
    def noise(self) -> Tensor:
        """The variance of a measurement (batch shape x 1)."""
        found: Tensor = self.raw_noise_constraint.transform(self.raw_noise)
        return found

    @property
    def effect_variances(self) -> Tensor:
        """The variance of each random effect (batch shape x k)."""
        if not len(self.effects):
            return self.noise[..., :0]
        found: Tensor = self.raw_effects_constraint.transform(self.raw_effects)
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
        variances = self.effect_variances[..., None, None]
        for index, effect in enumerate(self.effects):
            covariance = covariance + variances[..., index, :, :] * effect
        return DenseLinearOperator(covariance.expand(*shape[:-1], count, count))


def _set_noise(module: MeasurementNoise, value: Tensor) -> None:
    module.initialize(raw_noise=module.raw_noise_constraint.inverse_transform(value))


def _set_effects(module: MeasurementNoise, value: Tensor) -> None:
    module.initialize(raw_effects=module.raw_effects_constraint.inverse_transform(value))


class MeasurementLikelihood(_GaussianLikelihoodBase):
    """Gaussian, with `MeasurementNoise`."""

    def __init__(
        self, effects: Tensor, extra: Tensor, batch_shape: torch.Size | None = None
    ) -> None:
        """As for `MeasurementNoise`."""
        super().__init__(MeasurementNoise(effects, extra, batch_shape))
