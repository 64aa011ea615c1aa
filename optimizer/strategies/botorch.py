"""The default strategy: the mixture model, and batches chosen by noisy expected improvement."""

import numpy as np

from optimizer.batch import ROUGH, THOROUGH, choose_batch
from optimizer.encoding import Encoding
from optimizer.fitting import fit, predict_rows
from optimizer.initial import initial_design
from optimizer.strategy import NoOptions, Request
from optimizer.untried import tried_rows
from protocols.conditions import Proposal

_GOOD = 0.7  # share of the way from the worst to the best predicted so far


class BotorchStrategy:
    """An initial design with fewer than two usable observations, afterwards `choose_batch`."""

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None:
        """Without options."""

    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says."""
        fitted = fit(request.space, request.observations)
        if fitted is None:
            return _initial(request)
        encoding, observed, model = fitted
        utility = request.objective.utility
        choices = choose_batch(
            encoding,
            model,
            np.vstack([observed, encoding.rows(request.pending)]) if request.pending else observed,
            request.positions,
            request.seed,
            ROUGH if request.rough else THOROUGH,
            request.objective,
            barred=tried_rows(encoding, request.observations),
        )
        expected = utility(model.mean(encoding.features(observed)))
        predictions = predict_rows(fitted, np.array([choice.row for choice in choices]))
        return [
            Proposal(
                condition=found.condition,
                role="proposed",
                reason=_reason(utility(found.mean), found.sd, expected, choice.gain),
                mean=_rounded(found.mean),
                sd=_rounded(found.sd),
                gain=_rounded(choice.gain),
            )
            for found, choice in zip(predictions, choices, strict=True)
        ]


def _initial(request: Request) -> list[Proposal]:
    encoding = Encoding(request.space)
    tried = tried_rows(encoding, request.observations, request.pending)
    rows = initial_design(encoding, request.positions, request.seed, tried)
    reason = "initial design: spread evenly over the search space"
    return [
        Proposal(condition=condition, role="initial", reason=reason)
        for condition in encoding.conditions(rows)
    ]


def _reason(mean: float, sd: float, expected: np.ndarray, gain: float) -> str:
    """In words, from the predicted utility beside that of what was observed."""
    best, worst = float(expected.max()), float(expected.min())
    if mean + 0.5 * sd >= best:
        why = "may well beat the best so far"
    elif mean >= worst + _GOOD * (best - worst):
        why = "good, and could be better than it looks"
    else:
        why = "little is known here"
    return f"optimiser: {why}; expected to add {gain:.4g} to the best of the batch"


def _rounded(value: float) -> float:
    """Five digits: finer than any well can be read, on any scale."""
    return float(f"{value:.5g}")
