"""Whether a forecast holds.

Campaigns after their first round, what was predicted of the end, and what came of it.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

import optimizer
from benchmarks.beside_peers import ROUNDS, Observations, measured
from benchmarks.functions import Function, by_name, reported, rpe
from orchestrator.core.round_planning import plan_round
from orchestrator.studies.forecast import simulated
from protocols.campaign import Campaign

TARGETS = (0.25, 0.5, 0.75)
"""Of the way from what the first round's recommendation is expected to give to 1."""
_BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Outcome(NamedTuple):
    """What the surfaces gave for the condition recommended at the end, its truth, the targets."""

    function: str
    seed: int
    predicted: list[float]
    truth: float
    targets: list[float]


def campaign(function: Function, seed: int, surfaces: int) -> Outcome:
    """Three rounds as the example plans them; the forecast is made after the first."""
    study = _study(function, seed)
    observations: Observations = []
    predicted: list[float] = []
    targets: list[float] = []
    for round_number in range(1, ROUNDS + 1):
        layout = plan_round(study, round_number, observations).layout
        conditions = [placement.proposal.condition for placement in layout.placements]
        observations += measured(function, conditions, round_number, seed)
        if round_number == 1:
            predicted = [
                simulated(study, observations, 1, seed * 1000 + number)[-1][1]
                for number in range(surfaces)
            ]
            found = optimizer.recommend(function.space, observations)
            assert found is not None
            expected = min(max(found.mean, 0.0), 1.0)
            targets = [expected + share * (1 - expected) for share in TARGETS]
    found = optimizer.recommend(function.space, observations)
    assert found is not None
    return Outcome(function.name, seed, predicted, function.truth(found.condition.root), targets)


def _study(function: Function, seed: int) -> Campaign:
    """The example's rounds and plates with the function's space."""
    fields = dict(rpe()) | {
        "parameters": function.space.parameters,
        "constraints": function.space.constraints,
        "seed": seed,
    }
    return Campaign.model_construct(**fields)


def table(outcomes: Sequence[Outcome]) -> None:
    """Print the reliability table, and where the truth lay among the surfaces."""
    claims = np.array(
        [
            (
                (np.sum(np.array(o.predicted) >= target) + 0.5) / (len(o.predicted) + 1),
                o.truth >= target,
            )
            for o in outcomes
            for target in o.targets
        ]
    )
    print(
        f'"reaches the target with probability p" after round 1, {len(outcomes)} campaigns, '
        f"{len(claims)} targets"
    )
    for low, high in pairwise(_BINS):
        within = claims[(claims[:, 0] > low) & (claims[:, 0] <= high)]
        if len(within):
            print(f"  p {low:.1f} to {high:.1f}: predicted {within[:, 0].mean():.3f}, true "
                  f"{within[:, 1].mean():.3f} "
                  f"of {len(within)}")  # fmt: skip
    print(f"  Brier score {np.mean((claims[:, 0] - claims[:, 1]) ** 2):.3f}; always the mean: "
          f"{np.var(claims[:, 1]):.3f}")  # fmt: skip
    print(
        "where the truth lay: below the lowest quarter of the surfaces, in each quarter, and by "
        "how much it was off"
    )
    kinds = {
        o.function: o.function.rstrip("0123456789") if "surface" in o.function else o.function
        for o in outcomes
    }
    for name in [*dict.fromkeys(kinds.values()), "all"]:
        some = [o for o in outcomes if name in (kinds[o.function], "all")]
        ranks = np.array([np.mean(np.array(o.predicted) < o.truth) for o in some])
        quarters = np.histogram(ranks, (0, 0.25, 0.5, 0.75, 1.0001))[0] / len(some)
        off = np.median([o.truth - np.median(o.predicted) for o in some])
        print(f"  {name:18} {' '.join(f'{q:.2f}' for q in quarters)}   median {off:+.3f}")


def _campaign(job: tuple[str, int, int]) -> Outcome:
    return campaign(by_name(job[0]), *job[1:])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", nargs="+", default=[f.name for f in reported()])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--random-surfaces", type=int, default=36)
    parser.add_argument("--surfaces", type=int, default=10)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    jobs = [
        (name, seed, arguments.surfaces)
        for seed in range(arguments.seeds)
        for name in arguments.functions
    ]
    # Beside the reported functions as many random ones, each once; none of them chose a setting.
    others = [f"surface{60 + number}" for number in range(arguments.random_surfaces)]
    jobs += [(name, 0, arguments.surfaces) for name in others]
    with ProcessPoolExecutor(arguments.processes) as pool:
        begun = track(
            pool.map(_campaign, jobs), "campaigns", total=len(jobs), console=Console(stderr=True)
        )
        outcomes = list(begun)
    table(
        sorted(
            outcomes, key=lambda outcome: [*arguments.functions, *others].index(outcome.function)
        )
    )


if __name__ == "__main__":
    main()
