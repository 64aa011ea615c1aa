"""The default strategy: the mixture model, and batches chosen by noisy expected improvement."""

from collections.abc import Iterator, Sequence
from operator import add
from typing import ClassVar, Literal

import numpy as np

from optimizer.batch import ROUGH, THOROUGH, Choice, choose_batch
from optimizer.cost_weights import CostOptions, CostWeights
from optimizer.criterion import Predicted, criterion, probability_met
from optimizer.fitting import FittedOutcomes, fit_outcomes
from optimizer.initial import initial_design
from optimizer.objective import Goals, Objective
from optimizer.strategies.space_filling import space_filling_proposals
from optimizer.strategy import Request, predicted
from optimizer.untried import tried_rows
from protocols.conditions import Proposal

_GOOD = 0.7  # share of the way from the worst to the best predicted so far


class BotorchStrategy:
    """An initial design with fewer than two usable observations, afterwards `choose_batch`."""

    several_outcomes: ClassVar[Literal[True]] = True

    class Options(CostOptions):
        """How far costs are weighed."""

    def __init__(self, options: Options) -> None:
        """With its options."""
        self._options = options

    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says."""
        fitted = fit_outcomes(request.space, request.observations, request.goals, request.among)
        if fitted is None:
            return _initial(request)
        encoding, observed, models = fitted
        weights = CostWeights(encoding, request.costs, self._options.per_cost)
        effort = ROUGH if request.rough else THOROUGH
        choices = choose_batch(
            encoding,
            criterion(fitted, request.goals, effort.samples, request.seed),
            np.vstack([observed, encoding.rows(request.pending)]) if request.pending else observed,
            request.positions,
            request.seed,
            effort,
            barred=tried_rows(encoding, request.observations),
            weights=weights,
        )
        rows = np.array([choice.row for choice in choices])
        features = encoding.features(rows)
        outcomes = {outcome: model.predict(features) for outcome, model in models.items()}
        reasons = (
            _reasons(fitted, request.objective, outcomes, choices)
            if request.goals.plain
            else _reasons_of_several(request.goals, outcomes, choices)
        )
        conditions = encoding.conditions(rows)
        reasons = map(add, reasons, map(weights.in_words, conditions))
        means, sds = outcomes[request.objective.outcome]
        return predicted(conditions, reasons, means, sds, (choice.gain for choice in choices))


def _initial(request: Request) -> list[Proposal]:
    encoding = request.encoding
    tried = tried_rows(encoding, request.observations, request.pending)
    rows = initial_design(encoding, request.positions, request.seed, tried)
    return space_filling_proposals(
        encoding, rows, "initial design: spread evenly over the search space"
    )


def _reasons(
    fitted: FittedOutcomes, objective: Objective, predicted: Predicted, choices: Sequence[Choice]
) -> Iterator[str]:
    """In words, from the predicted utility beside that of what was observed."""
    encoding, observed, models = fitted
    expected = objective.utility(models[objective.outcome].mean(encoding.features(observed)))
    best, worst = float(expected.max()), float(expected.min())
    means, sds = predicted[objective.outcome]
    for utility, sd, choice in zip(objective.utility(means), sds, choices, strict=True):
        if utility + 0.5 * sd >= best:
            why = "may well beat the best so far"
        elif utility >= worst + _GOOD * (best - worst):
            why = "good, and could be better than it looks"
        else:
            why = "little is known here"
        yield f"optimiser: {why}; expected to add {choice.gain:.4g} to the best of the batch"


def _reasons_of_several(
    goals: Goals, predicted: Predicted, choices: Sequence[Choice]
) -> Iterator[str]:
    """In words, with what is predicted of each outcome."""
    met = np.broadcast_to(probability_met(goals, predicted), len(choices))
    adds = "the hypervolume" if len(goals.objectives) > 1 else "the best of the batch"
    for index, choice in enumerate(choices):
        outcomes = ", ".join(
            f"{name or 'value'} {means[index]:.4g} +- {sds[index]:.2g}"
            for name, (means, sds) in predicted.items()
        )
        limits = f"; meets the constraints with {met[index]:.0%}" if goals.constraints else ""
        yield f"optimiser: {outcomes}{limits}; expected to add {choice.gain:.4g} to {adds}"
