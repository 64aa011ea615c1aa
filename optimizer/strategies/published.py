"""As the reference campaign did: RBF kernel, expected improvement, local penalisation."""

from collections.abc import Mapping

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import norm

from optimizer.encoding import Decided, Rows, alike, decided_by
from optimizer.single_thread import single_threaded
from optimizer.strategies.plain import PlainModel, fit_rbf_model
from optimizer.strategies.space_filling import RandomStrategy
from optimizer.strategy import NoOptions, Request
from optimizer.untried import tried_rows, untried_rows
from protocols.conditions import Condition, Proposal, Value

_MIN_POOL = 200
_SLOPES = 500


class PublishedStrategy:
    """The method of Kanda et al. 2022 (eLife 11:e77007): batches by local penalisation.

    With fewer than two usable observations, or values that are all equal: conditions at random.
    """

    class Options(BaseModel):
        """How much is computed for a batch."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        pool: int = Field(
            20000, ge=200, description="conditions at random, of which the batch is chosen"
        )

    def __init__(self, options: Options) -> None:
        """With its options."""
        self._options = options

    @single_threaded(autograd=True)
    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says."""
        if not request.learnt:
            return RandomStrategy(NoOptions()).propose(request)
        torch.manual_seed(request.seed)
        plain = fit_rbf_model(request)
        rng = np.random.default_rng([request.seed, len(request.observations)])
        penalised = _PenalisedImprovement(request, plain, rng, self._options.pool)
        for row in plain.encoding.rows(request.pending):
            penalised.keep_away(row[None])

        def candidates(index: int) -> Rows:
            ordered = penalised.ordered(request.positions[index])
            penalised.keep_away(ordered[:1])
            return ordered

        tried = tried_rows(plain.encoding, request.observations, request.pending)
        rows = untried_rows(plain.encoding, request.positions, candidates, tried, rng)
        reason = "expected improvement, away from the others of the batch (local penalisation)"
        return plain.proposals(rows, [reason] * len(rows))

    @single_threaded(autograd=True)
    def recommend(self, request: Request) -> Condition:
        """The observed condition with the best predicted mean."""
        return fit_rbf_model(request).best_observed(request)


class _PenalisedImprovement:
    """The log of expected improvement of conditions at random, penalised near what was chosen.

    (Gonzalez et al. 2016, "Batch Bayesian Optimization via Local Penalization", equation 9.)
    """

    def __init__(
        self, request: Request, plain: PlainModel, rng: np.random.Generator, pool: int
    ) -> None:
        self._plain, self._objective, self._rng = plain, request.objective, rng
        self._size = max(pool // len(alike(request.positions)), _MIN_POOL)
        self._pools: dict[Decided, Rows] = {}
        self._values: dict[Decided, Rows] = {}
        self._chosen: list[tuple[torch.Tensor, float, float]] = []
        self._top = max(request.objective.utility(float(o.value or 0.0)) for o in request.usable)
        with torch.no_grad():
            mean = plain.model.posterior(plain.observed).mean
        self._best = float(request.objective.utility(mean).max())
        some = plain.tensor(
            plain.encoding.random(_SLOPES, request.positions[0], rng)
        ).requires_grad_(True)
        slope = torch.autograd.grad(plain.model.posterior(some.unsqueeze(1)).mean.sum(), some)[0]
        self._lipschitz = max(float(slope.norm(dim=1).max()), 1e-7)

    def ordered(self, decided: Mapping[str, Value]) -> Rows:
        """Permitted rows that have the decided values, the best first."""
        key = decided_by(decided)
        if key not in self._pools:
            pool = self._plain.encoding.random(self._size, decided, self._rng)
            mean, sd = self._predict(pool)
            z = (mean - self._best) / sd
            value = np.log(np.maximum(sd * (z * norm.cdf(z) + norm.pdf(z)), 1e-300))
            self._pools[key] = pool
            self._values[key] = value + sum(self._penalty(pool, *chosen) for chosen in self._chosen)
        return np.asarray(self._pools[key][np.argsort(-self._values[key], kind="stable")])

    def keep_away(self, row: Rows) -> None:
        """From a row (1 x p), from now on."""
        mean, sd = self._predict(row)
        self._chosen.append((self._plain.tensor(row), float(mean[0]), float(sd[0])))
        for key, pool in self._pools.items():
            self._values[key] += self._penalty(pool, *self._chosen[-1])
            self._values[key][(pool == row).all(axis=1)] = -np.inf

    def _predict(self, rows: Rows) -> tuple[Rows, Rows]:
        mean, sd = (np.array(part) for part in self._plain.predict(rows))
        return np.asarray(self._objective.utility(mean)), sd

    def _penalty(self, rows: Rows, point: torch.Tensor, mean: float, sd: float) -> Rows:
        distance = (self._plain.tensor(rows) - point).norm(dim=1).numpy()
        return np.asarray(norm.logcdf((self._lipschitz * distance - self._top + mean) / sd))
