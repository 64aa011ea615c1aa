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
from benchmarks.functions import (
    NOISE_SD,
    Function,
    ackley7,
    cliff,
    culture,
    hartmann6,
    levy7,
    rpe,
    surface,
)
from orchestrator.core.round_planning import plan_round
from orchestrator.studies.forecast import simulated, too_little
from protocols.campaign import Campaign

TARGETS = (0.15, 0.4, 0.8)
"""Above the first round's recommendation, as shares of how far that is above the median well."""
_BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Family(NamedTuple):
    """A function in another unit: `low + height * f`, measured with a share of the height."""

    name: str
    function: Function
    low: float = 0.0
    height: float = 1.0
    noise: float = NOISE_SD

    def shown(self) -> Function:
        """The function in its unit."""
        of = self.function.truth
        return self.function._replace(
            name=self.name, truth=lambda values: self.low + self.height * of(values)
        )


def families(seed: int) -> list[Family]:
    """Ten families of unlike tops, scales and shapes; those that are random differ by seed."""
    flat, _nothing = surface(200 + seed), surface(0)._replace(truth=lambda values: 0.0)
    return [
        Family("culture", culture()),
        Family("half a culture", culture(), height=0.5),
        Family("hartmann6 in thousands", hartmann6(), height=2500.0),
        Family("levy7 below 0", levy7(), low=-40.0, height=30.0),
        Family("ackley7 in parts", ackley7(), height=0.02),
        Family("cliff", cliff(), low=10.0),
        Family("surface up to 0.5", surface(60 + seed), height=0.5),
        Family("noisy surface", surface(100 + seed), height=0.3, noise=0.2),
        Family(
            "plateau",
            flat._replace(truth=lambda values: min(flat.truth(values), 0.3) / 0.3),
            height=0.5,
        ),
        Family(
            "noise alone", surface(0)._replace(truth=lambda values: 0.0), height=0.012, noise=0.5
        ),
    ]


class Outcome(NamedTuple):
    """What the surfaces gave for the condition recommended at the end, its truth, the targets.

    `unsure` says why no probability would be given.
    """

    family: str
    seed: int
    predicted: list[float]
    truth: float
    targets: list[float]
    unsure: str


def campaign(family: Family, seed: int, surfaces: int) -> Outcome:
    """Three rounds as the example plans them; the forecast is made after the first."""
    function, noise_sd = family.shown(), family.noise * family.height
    study = _study(function, seed)
    observations: Observations = []
    predicted: list[float] = []
    targets: list[float] = []
    unsure = ""
    for round_number in range(1, ROUNDS + 1):
        layout = plan_round(study, round_number, observations, rough=True).layout
        conditions = [placement.proposal.condition for placement in layout.placements]
        observations += measured(function, conditions, round_number, seed, noise_sd)
        if round_number == 1:
            predicted = [
                simulated(study, observations, 1, seed * 1000 + number)[-1][1]
                for number in range(surfaces)
            ]
            unsure = too_little(study, observations)
            found = optimizer.recommend(function.space, observations)
            assert found is not None
            typical = float(np.median([o.value for o in observations if o.value is not None]))
            targets = [found.mean + share * (found.mean - typical) for share in TARGETS]
    found = optimizer.recommend(function.space, observations)
    assert found is not None
    truth = function.truth(found.condition.root)
    return Outcome(family.name, seed, predicted, truth, targets, unsure)


def _study(function: Function, seed: int) -> Campaign:
    """The example's rounds and plates with the function's space, and values without ends."""
    example = rpe()
    outcomes = [one.model_copy(update={"natural_range": None}) for one in example.outcomes]
    fields = dict(example) | {
        "parameters": function.space.parameters,
        "constraints": function.space.constraints,
        "outcomes": tuple(
            one.model_copy(update={"unit": "", "scorer": None, "by_hand": True}) for one in outcomes
        ),
        "seed": seed,
    }
    return Campaign.model_construct(**fields)


def brier(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """The Brier score of the probabilities, and what always predicting their mean would give."""
    claims = _claims(outcomes)
    return (
        float(np.mean((claims[:, 0] - claims[:, 1]) ** 2)),
        float(np.var(claims[:, 1])),
    )


def _claims(outcomes: Sequence[Outcome]) -> np.ndarray:
    return np.array(
        [
            (
                (np.sum(np.array(o.predicted) >= target) + 0.5) / (len(o.predicted) + 1),
                o.truth >= target,
            )
            for o in outcomes
            for target in o.targets
        ],
        dtype=float,
    ).reshape(-1, 2)


def table(outcomes: Sequence[Outcome]) -> None:
    """Print the reliability table, and where the truth lay among the surfaces."""
    stated = [outcome for outcome in outcomes if not outcome.unsure]
    claims = _claims(stated)
    print(
        f'"reaches the target with probability p" after round 1, {len(stated)} of {len(outcomes)} '
        f"campaigns that say so, {len(claims)} targets"
    )
    for low, high in pairwise(_BINS):
        within = claims[(claims[:, 0] > low) & (claims[:, 0] <= high)]
        if len(within):
            print(f"  p {low:.1f} to {high:.1f}: predicted {within[:, 0].mean():.3f}, true "
                  f"{within[:, 1].mean():.3f} "
                  f"of {len(within)}")  # fmt: skip
    score, constant = brier(stated)
    print(f"  Brier score {score:.3f}; always the mean: {constant:.3f}")
    print("where the truth lay among the quarters of the surfaces")
    for name in [*dict.fromkeys(o.family for o in outcomes), "all"]:
        some = [o for o in outcomes if name in (o.family, "all")]
        ranks = np.array([np.mean(np.array(o.predicted) < o.truth) for o in some])
        quarters = np.histogram(ranks, (0, 0.25, 0.5, 0.75, 1.0001))[0] / len(some)
        unsure = sum(bool(o.unsure) for o in some)
        print(
            f"  {name:24} {' '.join(f'{q:.2f}' for q in quarters)}   of {len(some)}, "
            f"{unsure} without a probability"
        )


def _campaign(job: tuple[int, int, int]) -> Outcome:
    number, seed, surfaces = job
    return campaign(families(seed)[number], seed, surfaces)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--surfaces", type=int, default=10)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    jobs = [
        (number, seed, arguments.surfaces)
        for seed in range(arguments.seeds)
        for number in range(len(families(0)))
    ]
    with ProcessPoolExecutor(arguments.processes) as pool:
        begun = track(
            pool.map(_campaign, jobs), "campaigns", total=len(jobs), console=Console(stderr=True)
        )
        outcomes = list(begun)
    table(outcomes)


if __name__ == "__main__":
    main()
