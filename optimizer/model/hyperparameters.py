"""The hyperparameters of a model: fitted to the observations, and drawn from their posterior."""

import math
import warnings

import torch
from botorch.exceptions import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from gpytorch.mlls import ExactMarginalLogLikelihood
from torch import Tensor

from optimizer.model.gp import ConditionGP, Training

_MAX_ITERATIONS = 60
_ATTEMPTS = 2
_PROPOSAL_DEGREES = 8  # degrees of freedom of the proposal for draws of hyperparameters
_CANDIDATES_PER_DRAW = 4
_DIFFERENCE_STEP = 0.05
_MIN_CURVATURE = 0.3  # the sd of the proposal is at most 1 / sqrt(0.3) along any axis
_BOUNDS = (-9.0, 9.0)


def fit_vector(training: Training, start: Tensor | None = None) -> Tensor:
    """The hyperparameters (h) of highest posterior density, by BoTorch's `fit_gpytorch_mll`.

    Args:
        training: the observations, values standardised.
        start: where the search begins; the model's own start if absent.
    """
    model = ConditionGP(training)
    if start is not None:
        model.set_vector(start)
    first = model.vector()
    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    try:
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            fit_gpytorch_mll(
                likelihood,
                max_attempts=_ATTEMPTS,
                optimizer_kwargs={"options": {"maxiter": _MAX_ITERATIONS}},
            )
    except ModelFittingError:  # no optimum was found: the start is sensible
        return first
    return model.vector().clamp(*_BOUNDS)


def posterior_draws(
    training: Training, best: Tensor, number: int, generator: torch.Generator
) -> Tensor:
    """`number` vectors (number x h) that represent the posterior of the hyperparameters.

    Sampling importance resampling from a multivariate t distribution about the maximum (Rubin
    1988): all evaluations are in two batches, where those of a Markov chain are in a row.

    Args:
        training: the observations.
        best: the maximum (h); it is the first of the answer.
        number: how many, 1 or more.
        generator: decides the draws.
    """
    if number == 1:
        return best[None]
    size, candidates = len(best), _CANDIDATES_PER_DRAW * number
    steps = _DIFFERENCE_STEP * torch.eye(size, dtype=best.dtype)
    _, gradients = _log_density(training, torch.cat([best + steps, best - steps]))
    hessian = (gradients[size:] - gradients[:size]) / (2 * _DIFFERENCE_STEP)
    curvatures, axes = torch.linalg.eigh((hessian + hessian.T) / 2)
    normals = torch.randn(candidates, size, dtype=best.dtype, generator=generator)
    chi = (
        torch.randn(candidates, _PROPOSAL_DEGREES, dtype=best.dtype, generator=generator)
        .square()
        .mean(dim=1)
    )
    standardised = normals / chi.sqrt()[:, None]
    vectors = best + standardised / curvatures.clamp_min(_MIN_CURVATURE).sqrt() @ axes.T
    vectors = vectors.clamp(*_BOUNDS)
    log_target, _ = _log_density(training, vectors)
    log_proposal = (
        -(_PROPOSAL_DEGREES + size)
        / 2
        * torch.log1p(standardised.square().sum(dim=1) / _PROPOSAL_DEGREES)
    )
    weights = torch.softmax(log_target - log_proposal, dim=0)
    # Truncated, so that no single draw dominates (Ionides 2008, "Truncated Importance Sampling").
    weights = weights.clamp_max(1 / math.sqrt(candidates))
    cumulative = weights.cumsum(dim=0) / weights.sum()
    points = (torch.arange(number - 1) + torch.rand(1, generator=generator)) / (number - 1)
    chosen = torch.searchsorted(cumulative, points.to(cumulative)).clamp_max(candidates - 1)
    return torch.cat([best[None], vectors[chosen]])


def _log_density(training: Training, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Log posterior density (k) of vectors (k x h), up to a constant, and its gradients."""
    model = ConditionGP(training, len(vectors))
    model.set_vector(vectors)
    model.train()
    likelihood = ExactMarginalLogLikelihood(model.likelihood, model)
    with torch.enable_grad():
        density = likelihood(model(*model.train_inputs), model.train_targets) * len(training.values)
        gradients = torch.autograd.grad(density.sum(), list(model.parameters()))
    return density.detach(), torch.cat(
        [part.reshape(len(vectors), -1) for part in gradients], dim=1
    )
