"""The Gaussian process as a BoTorch model, alone or as a mixture over hyperparameters."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from botorch.models import SingleTaskGP
from botorch.posteriors.fully_bayesian import GaussianMixturePosterior
from gpytorch.constraints import Positive
from gpytorch.kernels import ScaleKernel
from gpytorch.means import ConstantMean
from gpytorch.priors import LogNormalPrior, NormalPrior
from torch import Tensor

from optimizer.model.kernel import ConditionKernel
from optimizer.model.noise import MeasurementLikelihood

_SIGNAL_PRIOR = (0.0, 0.4)  # of the log of the variance
_MEAN_PRIOR = (0.0, 0.7)
_ENSEMBLE_DIM = -3


class Training(NamedTuple):
    """What a model is fitted to: n observations, their values standardised.

    `effects` (k x n x n) are the covariances of their random effects, for a variance of 1.
    """

    features: Tensor
    values: Tensor
    effects: Tensor
    levels: Tensor
    extra: Tensor
    coordinates: Mapping[int, Tensor] = MappingProxyType({})

    def at(self, which: Tensor) -> "Training":
        """Some of the observations."""
        return Training(
            self.features[which],
            self.values[which],
            self.effects[:, which][:, :, which],
            self.levels,
            self.extra[which],
            self.coordinates,
        )


class ConditionGP(SingleTaskGP):
    """Posterior of the true value f, given y = f(condition) + random effects + noise.

    With `members` it is an ensemble: an equal mixture over hyperparameters, which BoTorch's
    acquisition functions average over.
    """

    def __init__(self, training: Training, members: int | None = None) -> None:
        """Not yet fitted; values are standardised already."""
        shape = torch.Size() if members is None else torch.Size([members])
        features = training.features.expand(*shape, *training.features.shape)
        values = training.values.unsqueeze(-1).expand(*shape, len(training.values), 1)
        base = ConditionKernel(training.levels, shape, training.coordinates)
        kernel = ScaleKernel(
            base,
            batch_shape=shape,
            outputscale_prior=LogNormalPrior(*_SIGNAL_PRIOR),
            outputscale_constraint=Positive(transform=torch.exp, inv_transform=torch.log),
        )
        mean = ConstantMean(constant_prior=NormalPrior(*_MEAN_PRIOR), batch_shape=shape)
        super().__init__(
            features,
            values,
            likelihood=MeasurementLikelihood(training.effects, training.extra, shape),
            covar_module=kernel,
            mean_module=mean,
            outcome_transform=None,
        )
        self._is_ensemble = members is not None
        self.to(training.features)

    def posterior(self, X: Tensor, *args: Any, **kwargs: Any) -> Any:  # noqa: N803 - BoTorch's name
        """As BoTorch's; of an ensemble a Gaussian mixture."""
        if not self._is_ensemble:
            return super().posterior(X, *args, **kwargs)
        found = super().posterior(X.unsqueeze(_ENSEMBLE_DIM), *args, **kwargs)
        return GaussianMixturePosterior(distribution=found.distribution)

    @contextmanager
    def as_batch(self) -> Iterator[None]:
        """Its members as a batch of models, for what treats them one by one."""
        ensemble, self._is_ensemble = self._is_ensemble, False
        try:
            yield
        finally:
            self._is_ensemble = ensemble

    def vector(self) -> Tensor:
        """Its hyperparameters as one vector, unconstrained (batch shape x h)."""
        shape = self.covar_module.batch_shape
        return torch.cat([p.detach().reshape(*shape, -1) for p in self.parameters()], dim=-1)

    def set_vector(self, vectors: Tensor) -> None:
        """Set them (batch shape x h)."""
        begin = 0
        shape = self.covar_module.batch_shape
        for parameter in self.parameters():
            size = parameter.numel() // shape.numel()
            parameter.data = vectors[..., begin : begin + size].reshape(parameter.shape).clone()
            begin += size
