"""The default strategy: a Gaussian process, and batches chosen by noisy expected improvement."""

import numpy as np

from optimizer.batch import ROUGH, THOROUGH, choose_batch
from optimizer.encoding import Encoding
from optimizer.fitting import fit, predict_rows
from optimizer.initial import initial_design
from optimizer.strategy import NoOptions, Request
from optimizer.untried import tried_rows
from protocols.conditions import Proposal


class BotorchStrategy:
    """With fewer than two usable observations an initial design, afterwards the batch of `choose_batch`."""

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None:
        """Without options."""

    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says."""
        fitted = fit(request.space, request.observations)
        if fitted is None:
            encoding = Encoding(request.space)
            tried = tried_rows(encoding, request.observations, request.pending)
            rows = initial_design(encoding, request.positions, request.seed, tried)
            reason = "initial design: spread evenly over the search space"
            return [
                Proposal(condition=condition, role="initial", reason=reason)
                for condition in encoding.conditions(rows)
            ]
        encoding, observed, model = fitted
        tried = (
            np.vstack([observed, encoding.rows(request.pending)]) if request.pending else observed
        )
        effort = ROUGH if request.rough else THOROUGH
        choices = choose_batch(
            encoding, model, tried, request.positions, request.seed, effort, request.objective
        )
        chosen = np.array([choice.row for choice in choices])
        utility = request.objective.utility
        best = max(utility(model.mean(encoding.features(observed))))
        return [
            Proposal(
                condition=prediction.condition,
                role="proposed",
                reason=_reason(utility(prediction.mean), prediction.sd, best, choice.gain),
                mean=round(prediction.mean, 4),
                sd=round(prediction.sd, 4),
                gain=round(choice.gain, 5),
            )
            for prediction, choice in zip(predict_rows(fitted, chosen), choices, strict=True)
        ]


def _reason(mean: float, sd: float, best: float, gain: float) -> str:
    if mean + 0.5 * sd >= best:
        why = "may well beat the best so far"
    elif mean >= 0.7 * best:
        why = "good, and could be better than it looks"
    else:
        why = "little is known here"
    return f"optimiser: {why}; expected to add {gain:.4f} to the best of the batch"
