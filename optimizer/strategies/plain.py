"""BoTorch's own Gaussian process on the encoded conditions, as it is delivered."""

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import torch
from botorch.exceptions import ModelFittingError
from botorch.fit import fit_gpytorch_mll
from botorch.models import MixedSingleTaskGP, ModelListGP, SingleTaskGP
from gpytorch.kernels import RBFKernel, ScaleKernel
from gpytorch.mlls import ExactMarginalLogLikelihood

from optimizer.encoding import Encoding, Rows
from optimizer.strategy import Request, predicted
from protocols.conditions import Condition, Observation, Proposal


class PlainModel(NamedTuple):
    """The encoding, the features (n x f) of the usable observations, and their model.

    The model has one output for each outcome of the goals, in their order. A category is one
    feature, the index of its level; with descriptors these are its features, 0..1 each. Or it is
    `one_hot`, a feature for each level.
    """

    encoding: Encoding
    observed: torch.Tensor
    model: Any
    one_hot: bool = False

    def predict(self, rows: Rows) -> tuple[Sequence[float], Sequence[float]]:
        """Mean and sd of the first objective's true value (n each) of rows (n x p), in its unit."""
        with torch.no_grad():
            posterior = self.model.posterior(self.tensor(rows).unsqueeze(1))
            first = posterior.mean[..., 0], posterior.variance[..., 0]
            return first[0].flatten().tolist(), first[1].flatten().sqrt().tolist()

    def tensor(self, rows: Rows) -> torch.Tensor:
        """Rows (n x p) -> features (n x f)."""
        return _features(self.encoding, rows, self.one_hot)

    def best_observed(self, request: Request) -> Condition:
        """The observed condition with the best predicted mean.

        Those whose means meet the constraints on outcomes come first.
        """
        conditions = [o.condition for o in request.observations if o.usable]
        with torch.no_grad():
            means = self.model.posterior(self.tensor(self.encoding.rows(conditions))).mean
        utility = request.objective.utility(means[..., 0])
        outcomes = request.goals.outcomes
        for rule in request.goals.constraints:
            broken = rule.excess(means[..., outcomes.index(rule.outcome)]) > 0
            utility = torch.where(broken, utility - utility.max() + utility.min() - 1, utility)
        return conditions[int(utility.argmax())]

    def proposals(
        self, rows: Rows, reasons: Sequence[str], gains: Iterable[float | None] = repeat(None)
    ) -> list[Proposal]:
        """Rows as proposals with their predictions."""
        return predicted(self.encoding.conditions(rows), reasons, *self.predict(rows), gains)


def fit_plain_model(request: Request) -> PlainModel:
    """A `SingleTaskGP`, or a `MixedSingleTaskGP` where there are categories, for each outcome.

    Categories with descriptors are numbers to it: levels that are alike do alike.
    """
    encoding = request.encoding
    widths = [
        encoding.coordinates[index].shape[1] if index in encoding.coordinates else 1
        for index in range(len(encoding.levels))
    ]
    starts = np.cumsum([0, *widths])
    categories = [
        int(starts[index])
        for index in np.flatnonzero(encoding.levels)
        if index not in encoding.coordinates
    ]
    models, observed = [], []
    for outcome in request.goals.outcomes:
        features, values = _data(encoding, request.usable_of(outcome), one_hot=False)
        model = (
            MixedSingleTaskGP(features, values, categories)
            if categories
            else SingleTaskGP(features, values)
        )
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        models.append(model)
        observed.append(features)
    if len(models) == 1:
        return PlainModel(encoding, observed[0], models[0])
    return PlainModel(encoding, torch.unique(torch.cat(observed), dim=0), ModelListGP(*models))


def fit_rbf_model(request: Request) -> PlainModel:
    """A `SingleTaskGP` with an RBF kernel; BoTorch's own where that has no optimum."""
    encoding = request.encoding
    features, values = _data(encoding, request.usable, one_hot=True)
    model = SingleTaskGP(
        features, values, covar_module=ScaleKernel(RBFKernel(ard_num_dims=features.shape[1]))
    )
    try:
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    except ModelFittingError:  # it has no priors
        model = SingleTaskGP(features, values)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return PlainModel(encoding, features, model, one_hot=True)


def _data(
    encoding: Encoding, usable: Sequence[Observation], one_hot: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = encoding.rows([observation.condition for observation in usable])
    values = torch.tensor([[float(o.value or 0.0)] for o in usable], dtype=torch.float64)
    return _features(encoding, rows, one_hot), values


def _features(encoding: Encoding, rows: Rows, one_hot: bool) -> torch.Tensor:
    features = encoding.features(rows)
    tables = dict.fromkeys(np.flatnonzero(encoding.levels)) if one_hot else encoding.coordinates
    if tables:
        columns = [features[:, index : index + 1] for index in range(len(encoding.levels))]
        for index, table in tables.items():
            of_levels = np.eye(encoding.levels[index]) if table is None else _unit(table)
            columns[index] = of_levels[features[:, index].astype(int)]
        features = np.hstack(columns)
    return torch.as_tensor(features)


def _unit(descriptors: Rows) -> Rows:
    """Descriptors (levels x d), each from 0 to 1."""
    low = descriptors.min(axis=0)
    return np.asarray((descriptors - low) / (descriptors.max(axis=0) - low))
