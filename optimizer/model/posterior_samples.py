"""Functions sampled from the posterior of a model, and linear algebra that repeats itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import gpytorch
import numpy as np
import torch
from botorch.sampling.pathwise import draw_kernel_feature_paths, draw_matheron_paths
from botorch.utils.sampling import manual_seed
from numpy.typing import NDArray

from optimizer.model.gp import ConditionGP
from optimizer.model.pathwise import path_update
from optimizer.single_thread import single_threaded

Array = NDArray[np.float64]

_CHUNK = 64  # points at a time, so that covariances stay in the cache of the processor
_FOURIER_FEATURES = 256
_EXACT = 5000  # observations up to which linear algebra is exact


class PosteriorSamples:
    """Functions sampled from the posterior; see `Surrogate.posterior_samples`."""

    def __init__(
        self,
        model: ConditionGP,
        number: int,
        seed: int,
        mean: float,
        sd: float,
        points: Callable[[Array], torch.Tensor],
        widths: Array | None = None,
    ) -> None:
        """Of values with this mean and sd before standardising; `points` are features to it.

        `widths` (number) multiply how far each function is from the mean of its member.
        """
        members = model.covar_module.batch_shape.numel()
        share = torch.Size([-(-number // members)])
        prior = partial(draw_kernel_feature_paths, num_features=_FOURIER_FEATURES)
        with deterministic(seed), model.as_batch():
            update = path_update(share.numel() * members, len(model.train_targets.mT))
            paths = draw_matheron_paths(
                model, share, prior_sampler=prior, update_strategy=update
            ).paths
        self._parts = (paths["prior_paths"], paths["update_paths"])
        prior_weights, update_weights = (part.weight for part in self._parts)
        if widths is not None:
            # Paths are linear in their weights, and those of the mean are K^-1 (values - mean).
            factors = torch.ones(share.numel() * members, dtype=update_weights.dtype)
            factors[:number] = torch.as_tensor(widths)
            factors = factors.reshape(*share, members, 1)
            of_mean = mean_weights(model)
            prior_weights = prior_weights * factors
            update_weights = of_mean + factors * (update_weights - of_mean)
        self._weights = [
            weights.permute(1, 2, 0).contiguous() for weights in (prior_weights, update_weights)
        ]
        self._constant = model.mean_module.constant.detach()[:, None, None]
        self._number, self._mean, self._sd, self._points = number, mean, sd, points

    def __call__(self, features: Array) -> Array:
        """Their values (samples x n) at features (n x p), in the unit of the observations.

        As one matrix product a part: BoTorch's own evaluation of paths multiplies each sample by
        itself, which takes forty times as long.
        """
        points = self._points(features)
        if not len(points):
            return np.empty((self._number, 0))
        with deterministic(None):
            found = [self._values(chunk) for chunk in torch.split(points, _CHUNK)]
        return np.asarray(self._mean + self._sd * torch.cat(found, dim=1).numpy())

    def _values(self, points: torch.Tensor) -> torch.Tensor:
        found = self._constant
        for part, weights in zip(self._parts, self._weights, strict=True):
            values = part.feature_map(points)
            values = values if torch.is_tensor(values) else values.to_dense()
            found = found + values @ weights
        columns: torch.Tensor = found.permute(2, 0, 1).reshape(-1, len(points))[: self._number]
        return columns


def mean_weights(model: ConditionGP) -> torch.Tensor:
    """K^-1 (values - mean) of each member (members x n), as GPyTorch keeps it."""
    (features,) = model.train_inputs
    model(features[:, :1])
    weights: torch.Tensor = model.prediction_strategy.mean_cache
    return weights


@contextmanager
def deterministic(seed: int | None) -> Iterator[None]:
    """Exact linear algebra on one thread and without autograd, with a seed for what torch draws."""
    with (
        single_threaded(),
        manual_seed(seed),
        gpytorch.settings.max_cholesky_size(_EXACT),
    ):
        yield
