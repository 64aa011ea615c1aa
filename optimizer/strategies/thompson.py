"""Thompson sampling: each position gets the best condition of another posterior sample."""

from itertools import repeat

import numpy as np

from optimizer.encoding import Rows
from optimizer.fitting import fit
from optimizer.neighbours import neighbours
from optimizer.strategies.space_filling import sobol_proposals
from optimizer.strategy import NoOptions, Request, predicted
from optimizer.untried import tried_rows, untried_rows
from protocols.conditions import Proposal

_POOL = 1000
_GENERATIONS = 6
_SURVIVORS = 4
_CHILDREN = 6
_SHRINK = 0.6


class ThompsonStrategy:
    """Batches spread by chance, with as much exploration as the model is uncertain (Thompson 1933).

    The functions are posterior samples of the default model; each is maximised over permitted
    conditions that its position allows. With fewer than two usable observations: a Sobol sequence.
    """

    Options = NoOptions

    def __init__(self, options: NoOptions) -> None:
        """Without options."""

    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says."""
        fitted = fit(request.space, request.observations)
        if fitted is None:
            return sobol_proposals(request)
        encoding, (_, observed, model) = request.encoding, fitted
        rng = np.random.default_rng(request.seed)
        samples = model.posterior_samples(len(request.positions), request.seed)

        def candidates(index: int) -> Rows:
            """Permitted rows, those first for which the function of this position is highest."""
            decided = request.positions[index]
            near = encoding.decide(
                np.unique(observed, axis=0), [decided] * len(np.unique(observed, axis=0))
            )
            rows = np.vstack([encoding.random(_POOL, decided, rng), near[encoding.permits(near)]])
            for generation in range(_GENERATIONS + 1):
                utility = request.objective.utility(samples(encoding.features(rows))[index])
                rows = rows[np.argsort(-utility, kind="stable")]
                if generation < _GENERATIONS:
                    parents = np.repeat(rows[:_SURVIVORS], _CHILDREN, axis=0)
                    children = neighbours(
                        encoding, parents, rng, frozenset(decided), _SHRINK**generation
                    )
                    rows = np.vstack(
                        [rows[: _SURVIVORS * _CHILDREN], children[encoding.permits(children)]]
                    )
            return rows

        tried = tried_rows(encoding, request.observations, request.pending)
        rows = untried_rows(encoding, request.positions, candidates, tried, rng)
        reason = "the best condition of a function that the observations allow (Thompson sampling)"
        conditions = encoding.conditions(rows)
        return predicted(conditions, repeat(reason), *model.predict(encoding.features(rows)))
