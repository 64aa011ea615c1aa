"""The update of posterior paths where BoTorch's own would take too much memory."""

from typing import Any

import torch
from botorch.sampling.pathwise import GeneralizedLinearPath, gaussian_update
from botorch.sampling.pathwise.features import KernelEvaluationMap
from botorch.sampling.pathwise.utils import (
    get_input_transform,
    get_train_inputs,
    get_train_targets,
)
from botorch.utils.transforms import is_ensemble
from gpytorch.models import ExactGP
from linear_operator.operators import SumLinearOperator
from torch import Tensor

_LARGEST = 2**30
"""Bytes that BoTorch's update may take: it copies the Cholesky factor for each sample."""


def path_update(samples: int, observations: int) -> Any:
    """The update strategy for so many samples of a model of so many observations.

    BoTorch's `gaussian_update`, or the same with each member's Cholesky factor once: the equations
    of all samples are solved together (Wilson et al. 2021, equation 12).
    """
    size = samples * observations**2 * torch.finfo(torch.double).bits // 8
    return gaussian_update if size <= _LARGEST else _update


def _update(model: ExactGP, sample_values: Tensor, **_: Any) -> GeneralizedLinearPath:
    """`sample_values` are samples x members x observations, as are the weights."""
    (points,) = get_train_inputs(model, transformed=True)
    noise = model.likelihood.noise_covar(shape=points.shape[:-1])
    # Samples are columns: as a dimension of their own each would have a copy of every matrix.
    drawn = noise.cholesky() @ torch.randn_like(sample_values).movedim(0, -1)
    targets = get_train_targets(model, transformed=True).unsqueeze(-1)
    errors = targets - sample_values.movedim(0, -1) - drawn
    factor = SumLinearOperator(model.covar_module(points), noise).cholesky().to_dense()
    weight = torch.cholesky_solve(errors, factor).movedim(-1, 0)
    feature_map = KernelEvaluationMap(
        kernel=model.covar_module, points=points, input_transform=get_input_transform(model)
    )
    return GeneralizedLinearPath(
        feature_map=feature_map, weight=weight, is_ensemble=is_ensemble(model)
    )
