"""Strategies that learn nothing: a Sobol sequence, and conditions at random."""

from typing import ClassVar, Literal

import numpy as np
from scipy.stats import qmc

from optimizer.encoding import Encoding, Rows
from optimizer.strategy import NoOptions, Request
from optimizer.untried import tried_rows, untried_rows
from protocols.conditions import Proposal


class SobolStrategy:
    """A scrambled Sobol sequence that goes on from batch to batch: an even cover."""

    Options = NoOptions
    several_outcomes: ClassVar[Literal[True]] = True

    def __init__(self, options: NoOptions) -> None:
        """Without options."""

    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says."""
        return sobol_proposals(request)


class RandomStrategy:
    """Every permitted condition with the same probability: what any other strategy has to beat."""

    Options = NoOptions
    several_outcomes: ClassVar[Literal[True]] = True

    def __init__(self, options: NoOptions) -> None:
        """Without options."""

    def propose(self, request: Request) -> list[Proposal]:
        """As the contract says."""
        rng = np.random.default_rng([request.seed, len(request.observations), len(request.pending)])
        encoding = request.encoding

        def candidates(index: int) -> Rows:
            return encoding.random(1, request.positions[index], rng)

        tried = tried_rows(encoding, request.observations, request.pending)
        rows = untried_rows(encoding, request.positions, candidates, tried, rng)
        return space_filling_proposals(encoding, rows, "at random")


def sobol_proposals(request: Request) -> list[Proposal]:
    """The next points of a Sobol sequence; forbidden and tried ones are replaced at random."""
    encoding = request.encoding
    own = [observation for observation in request.observations if not observation.study]
    before, number = len(own) + len(request.pending), len(request.positions)
    sobol = qmc.Sobol(len(request.space.parameters), rng=np.random.default_rng(request.seed))
    points = sobol.random_base2(max(before + number - 1, 1).bit_length())[before : before + number]
    wanted = encoding.from_unit_cube(points, request.positions)
    tried = tried_rows(encoding, request.observations, request.pending)
    rng = np.random.default_rng([request.seed, before])
    rows = untried_rows(
        encoding, request.positions, lambda index: wanted[index : index + 1], tried, rng
    )
    return space_filling_proposals(encoding, rows, "the next point of a Sobol sequence")


def space_filling_proposals(encoding: Encoding, rows: Rows, reason: str) -> list[Proposal]:
    """Rows as proposals without a prediction."""
    return [
        Proposal(condition=found, role="initial", reason=reason)
        for found in encoding.conditions(rows)
    ]
