"""BoTorch as it is delivered: its default models and qLogNEI, on the real conditions."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from botorch.acquisition import AcquisitionFunction
from botorch.optim import optimize_acqf, optimize_acqf_mixed_alternating
from botorch.sampling import SobolQMCNormalSampler
from pydantic import Field

from optimizer.cost_weights import CostOptions, CostWeights
from optimizer.encoding import Rows
from optimizer.listed import ListedEncoding
from optimizer.neighbours import neighbours
from optimizer.single_thread import single_threaded
from optimizer.strategies.acquisition import noisy_improvement
from optimizer.strategies.plain import PlainModel, fit_plain_model
from optimizer.strategies.space_filling import sobol_proposals
from optimizer.strategy import Request
from optimizer.untried import tried_rows, untried_rows
from protocols.conditions import Condition, Proposal, Value

_POOL = 1000
_CLIMBERS = 8
_CHILDREN = 8
_GENERATIONS = 6
_SHRINK = 0.6


class QLogNEIStrategy:
    """qLogNEI (Ament et al. 2023) one condition after the other, each given those before it.

    Of several objectives it is qLogNEHVI, with a model for each outcome.

    Continuous spaces are searched by `optimize_acqf`, mixed ones by
    `optimize_acqf_mixed_alternating`, which is exact on levels; with constraints or a list of
    conditions, permitted ones compete and the best of them breed, as where costs are
    weighed or categories have descriptors, which are numbers to the model. With fewer than two
    usable observations, or values that are all equal: a Sobol sequence.
    """

    several_outcomes: ClassVar[Literal[True]] = True

    class Options(CostOptions):
        """How much is computed for each condition, and how far costs are weighed."""

        samples: int = Field(256, ge=16, description="posterior samples")
        restarts: int = Field(2, ge=1, description="starts of the search")
        raw_samples: int = Field(
            128, ge=8, description="conditions from which the starts are chosen"
        )
        iterations: int = Field(50, ge=1, description="of each search, at most")

    def __init__(self, options: Options) -> None:
        """With its options."""
        self._options = options

    @single_threaded(autograd=True)
    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says."""
        if not request.learnt:
            return sobol_proposals(request)
        torch.manual_seed(request.seed)
        rng = np.random.default_rng(request.seed)
        plain = fit_plain_model(request)
        encoding = plain.encoding
        sampler = SobolQMCNormalSampler(torch.Size([self._options.samples]), seed=request.seed)
        acquisition = noisy_improvement(plain, request, sampler)
        so_far: list[Rows] = list(encoding.rows(request.pending))
        tried = tried_rows(encoding, request.observations, request.pending)
        weights = CostWeights(encoding, request.costs, self._options.per_cost)
        chosen, gains = [], []
        for values in request.positions:

            def candidates(_: int, values: Mapping[str, Value] = values) -> Rows:
                return self._best(acquisition, plain, values, rng, weights)

            row = untried_rows(encoding, [values], candidates, tried, rng)
            with torch.no_grad():
                gains.append(float(acquisition(plain.tensor(row).unsqueeze(0)).exp()))
            tried.add(row[0].tobytes())
            chosen.append(row[0])
            so_far.append(row[0])
            acquisition.set_X_pending(plain.tensor(np.array(so_far)))
        name = "qLogNEI" if len(request.goals.objectives) == 1 else "qLogNEHVI"
        adds = "the best of the batch" if name == "qLogNEI" else "the hypervolume"
        rows = np.array(chosen)
        reasons = [
            f"{name}: expected to add {gain:.4g} to {adds}{weights.in_words(condition)}"
            for gain, condition in zip(gains, encoding.conditions(rows), strict=True)
        ]
        return plain.proposals(rows, reasons, [float(f"{gain:.4g}") for gain in gains])

    @single_threaded(autograd=True)
    def recommend(self, request: Request) -> Condition:
        """The observed condition with the best predicted mean."""
        return fit_plain_model(request).best_observed(request)

    def _best(
        self,
        acquisition: AcquisitionFunction,
        plain: PlainModel,
        decided: Mapping[str, Value],
        rng: np.random.Generator,
        weights: CostWeights,
    ) -> Rows:
        """Permitted rows with the decided values, the highest acquisition value first."""
        encoding = plain.encoding
        space = encoding.space
        continuous = [parameter.choices is None for parameter in space.parameters]
        box = any(continuous) and not encoding.coordinates
        listed = isinstance(encoding, ListedEncoding)
        if space.constraints or listed or not box or not weights.alike:
            return self._best_by_breeding(acquisition, plain, decided, rng, weights)
        start = encoding.decide(np.zeros((1, len(continuous))), [decided])
        fixed = {
            index: float(encoding.features(start)[0, index])
            for index, parameter in enumerate(space.parameters)
            if parameter.name in decided
        }
        tables = {
            index: encoding.level_features(index).tolist()
            for index, one in enumerate(continuous)
            if not one
        }
        highest = [max(tables.get(index, [1.0])) for index in range(len(continuous))]
        bounds = torch.tensor([[0.0] * len(highest), highest], dtype=torch.float64)
        effort = {"num_restarts": self._options.restarts, "raw_samples": self._options.raw_samples}
        if len(fixed) == len(continuous):
            return start
        if all(continuous):
            found, _ = optimize_acqf(
                acquisition,
                bounds,
                1,
                fixed_features=fixed or None,
                options={"maxiter": self._options.iterations},
                **effort,
            )
        else:
            categories = {index: table for index, table in tables.items() if encoding.levels[index]}
            numbers = {
                index: table for index, table in tables.items() if not encoding.levels[index]
            }
            found, _ = optimize_acqf_mixed_alternating(
                acquisition,
                bounds,
                numbers,
                categories,
                fixed_features=fixed or None,
                options={"maxiter_alternating": max(self._options.iterations // 5, 1)},
                **effort,
            )
        return encoding.from_features(found.numpy())

    def _best_by_breeding(
        self,
        acquisition: AcquisitionFunction,
        plain: PlainModel,
        decided: Mapping[str, Value],
        rng: np.random.Generator,
        weights: CostWeights,
    ) -> Rows:
        encoding = plain.encoding
        rows = encoding.random(_POOL, decided, rng)
        values = _evaluated(acquisition, plain, rows, weights)
        for generation in range(_GENERATIONS):
            order = np.argsort(-values, kind="stable")
            rows, values = rows[order], values[order]
            parents = np.repeat(rows[:_CLIMBERS], _CHILDREN, axis=0)
            children = neighbours(encoding, parents, rng, frozenset(decided), _SHRINK**generation)
            children = children[encoding.permits(children)]
            rows = np.vstack([rows, children])
            values = np.concatenate([values, _evaluated(acquisition, plain, children, weights)])
        return np.asarray(rows[np.argsort(-values, kind="stable")])


def _evaluated(
    acquisition: AcquisitionFunction, plain: PlainModel, rows: Rows, weights: CostWeights
) -> Rows:
    if not len(rows):
        return np.empty(0)
    with torch.no_grad():
        values = acquisition(plain.tensor(rows).unsqueeze(1)).numpy()
    return np.asarray(values - np.log(weights(rows)))
