"""BoTorch's own Gaussian process on the encoded conditions, as it is delivered."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from botorch.exceptions import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP, SingleTaskGP
from gpytorch.kernels import RBFKernel, ScaleKernel
from gpytorch.mlls import ExactMarginalLogLikelihood

from optimizer.encoding import Encoding, Rows
from optimizer.strategy import Request
from protocols.conditions import Condition, Proposal


class PlainModel(NamedTuple):
    """The encoding, the features (n x f) of the usable observations, and their model.

    A category is one feature, the index of its level, or `one_hot`, one for each level.
    """

    encoding: Encoding
    observed: torch.Tensor
    model: Any
    one_hot: bool = False

    def predict(self, rows: Rows) -> tuple[Sequence[float], Sequence[float]]:
        """Mean and sd of the true value (n each) of rows (n x p), in the unit of the objective."""
        with torch.no_grad():
            posterior = self.model.posterior(self.tensor(rows).unsqueeze(1))
            return posterior.mean.flatten().tolist(), posterior.variance.flatten().sqrt().tolist()

    def tensor(self, rows: Rows) -> torch.Tensor:
        """Rows (n x p) -> features (n x f)."""
        return _features(self.encoding, rows, self.one_hot)

    def best_observed(self, request: Request) -> Condition:
        """The observed condition with the best predicted mean."""
        with torch.no_grad():
            utility = request.objective.utility(self.model.posterior(self.observed).mean)
        return request.usable[int(utility.argmax())].condition

    def proposals(
        self, rows: Rows, reasons: Sequence[str], gains: Sequence[float | None]
    ) -> list[Proposal]:
        """Rows as proposals with their predictions."""
        means, sds = self.predict(rows)
        return [
            Proposal(
                condition=condition,
                role="proposed",
                reason=reason,
                mean=float(f"{mean:.5g}"),
                sd=float(f"{sd:.5g}"),
                gain=None if gain is None else float(f"{gain:.4g}"),
            )
            for condition, reason, gain, mean, sd in zip(
                self.encoding.conditions(rows), reasons, gains, means, sds, strict=True
            )
        ]


def fit_plain_model(request: Request) -> PlainModel:
    """A `SingleTaskGP`, or a `MixedSingleTaskGP` where there are categories."""
    encoding = Encoding(request.space)
    features, values = _data(encoding, request, one_hot=False)
    categories = [int(index) for index in np.flatnonzero(encoding.levels)]
    model = (
        MixedSingleTaskGP(features, values, categories)
        if categories
        else SingleTaskGP(features, values)
    )
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return PlainModel(encoding, features, model)


def fit_rbf_model(request: Request) -> PlainModel:
    """A `SingleTaskGP` with an RBF kernel; BoTorch's own where that has no optimum."""
    encoding = Encoding(request.space)
    features, values = _data(encoding, request, one_hot=True)
    model = SingleTaskGP(
        features, values, covar_module=ScaleKernel(RBFKernel(ard_num_dims=features.shape[1]))
    )
    try:
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    except ModelFittingError:  # it has no priors
        model = SingleTaskGP(features, values)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return PlainModel(encoding, features, model, one_hot=True)


def _data(encoding: Encoding, request: Request, one_hot: bool) -> tuple[torch.Tensor, torch.Tensor]:
    rows = encoding.rows([observation.condition for observation in request.usable])
    values = torch.tensor([[float(o.value or 0.0)] for o in request.usable], dtype=torch.float64)
    return _features(encoding, rows, one_hot), values


def _features(encoding: Encoding, rows: Rows, one_hot: bool) -> torch.Tensor:
    features = encoding.features(rows)
    if one_hot:
        counts = encoding.levels
        columns = [
            np.eye(count)[features[:, i].astype(int)] if count else features[:, i : i + 1]
            for i, count in enumerate(counts)
        ]
        features = np.hstack(columns)
    return torch.as_tensor(features)
