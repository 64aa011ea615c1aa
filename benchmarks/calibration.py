"""Calibration: the coverage of intervals, and how often "beats the standard" came true."""

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

import optimizer
from benchmarks.beside_peers import ROUNDS, Observations, free_standard, measured, seats
from benchmarks.functions import Function, by_name, reported
from protocols.conditions import Condition

SHARE = 0.9
_ELSEWHERE = 100
_BINS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0)


class Statement(NamedTuple):
    """What was predicted of a condition before it was known, and what is true.

    `of` says which kind of condition it is.
    """

    of: str
    mean: float
    sd: float
    truth: float


class Outcome(NamedTuple):
    """The predictions of one campaign, and its claim of the recommended against the standard.

    There is one claim a round: the probability, and whether it came true.
    """

    function: str
    statements: list[Statement]
    claims: list[tuple[float, bool]]


def campaign(function: Function, seed: int) -> Outcome:
    """Three rounds as in the comparison with other optimisers."""
    observations: Observations = []
    statements: list[Statement] = []
    claims = []
    standard = function.space.standard(free_standard(function))
    for round_number in range(1, ROUNDS + 1):
        seated, positions = seats(function, observations, round_number)
        proposals = optimizer.propose(
            function.space, observations, positions, len(positions), seed=seed
        )
        statements += [
            Statement("proposals", p.mean, p.sd, function.truth(p.condition.root))
            for p in proposals
            if p.mean is not None and p.sd is not None
        ]
        observations += measured(
            function, [*seated, *(p.condition for p in proposals)], round_number, seed
        )
        found = optimizer.recommend(function.space, observations, (standard,), seed)
        assert found is not None
        assert found.beats_standard is not None
        true = function.truth(found.condition.root)
        statements.append(Statement("recommended", found.mean, found.sd, true))
        claims.append((found.beats_standard, true > function.truth(standard.root)))
    for prediction in optimizer.predict(
        function.space, observations, list(_elsewhere(function, seed))
    ):
        true = function.truth(prediction.condition.root)
        statements.append(Statement("elsewhere", prediction.mean, prediction.sd, true))
    return Outcome(function.name, statements, claims)


def _elsewhere(function: Function, seed: int) -> Iterator[Condition]:
    for proposal in optimizer.propose(function.space, [], number=_ELSEWHERE, seed=seed + 1000):
        yield proposal.condition


def table(outcomes: Sequence[Outcome]) -> None:
    """Print the coverage of intervals by function and kind, and how reliable probabilities are."""
    wide = float(norm.ppf(0.5 + SHARE / 2))
    print(
        f"share of true values within their {SHARE:.0%} interval, and the sd of (truth - mean) / sd"
    )
    for name in [*dict.fromkeys(o.function for o in outcomes), "all"]:
        cells = []
        for kind in ("proposals", "recommended", "elsewhere"):
            found = [
                s
                for o in outcomes
                if name in (o.function, "all")
                for s in o.statements
                if s.of == kind
            ]
            z = np.array([(s.truth - s.mean) / s.sd for s in found])
            cells.append(
                f"{kind} {np.mean(np.abs(z) < wide):.2f} (sd {np.std(z):.2f}, mean "
                f"{np.mean(z):+.2f})"
            )
        print(f"  {name:18} {'   '.join(cells)}")
    print('"beats the standard with probability p": how often it did')
    for label, rounds in (("after round 1", [0]), ("after every round", range(ROUNDS))):
        claims = np.array([outcome.claims[r] for outcome in outcomes for r in rounds], dtype=float)
        for low, high in pairwise(_BINS):
            within = claims[(claims[:, 0] > low) & (claims[:, 0] <= high)]
            if len(within):
                print(
                    f"  {label:18} p {low:.2f} to {high:.2f}: "
                    f"predicted {within[:, 0].mean():.3f}, "
                    f"true {within[:, 1].mean():.3f} of {len(within)}"
                )


def _campaign(job: tuple[str, int]) -> Outcome:
    return campaign(by_name(job[0]), job[1])


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", nargs="+", default=[f.name for f in reported()])
    parser.add_argument("--seeds", type=int, default=34)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    jobs = [(name, seed) for seed in range(arguments.seeds) for name in arguments.functions]
    with ProcessPoolExecutor(arguments.processes) as pool:
        outcomes = list(pool.map(_campaign, jobs))
    table(sorted(outcomes, key=lambda outcome: arguments.functions.index(outcome.function)))


if __name__ == "__main__":
    main()
