"""Whether a forecast holds.

Campaigns after their first round, what was predicted of the end, and what came of it.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

import optimizer
from benchmarks.beside_peers import ROUNDS, Observations, measured
from benchmarks.forecast_families import Family, others
from benchmarks.functions import (
    Function,
    ackley7,
    cliff,
    culture,
    hartmann6,
    levy7,
    rpe,
    surface,
)
from optimizer.attainable import attainable, shape_of
from optimizer.fitting import fit
from orchestrator.core.round_planning import plan_round
from orchestrator.studies.forecast import simulated, too_little
from protocols.campaign import Campaign

TARGETS = (0.15, 0.4, 0.8)
"""Above the first round's recommendation, as shares of how far that is above the median well."""
_BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


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
    """What was said after the first round of the condition recommended at the end, and its truth.

    `predicted` is what simulated campaigns recommended on each surface. `by_rule` are the
    probabilities of the targets by `optimizer.attainable` alone. `unsure` says why no probability
    would be given.
    """

    family: str
    seed: int
    predicted: list[float]
    by_rule: list[float]
    truth: float
    targets: list[float]
    unsure: str


def campaign(family: Family, seed: int, surfaces: int) -> Outcome:
    """Three rounds as the example plans them; the forecast is made after the first."""
    function, noise_sd = family.shown(), family.noise * family.height
    planned = study(function, seed)
    observations: Observations = []
    predicted: list[float] = []
    by_rule: list[float] = []
    targets: list[float] = []
    unsure = ""
    for round_number in range(1, ROUNDS + 1):
        layout = plan_round(planned, round_number, observations, rough=True).layout
        conditions = [placement.proposal.condition for placement in layout.placements]
        observations += measured(function, conditions, round_number, seed, noise_sd)
        if round_number == 1:
            predicted = [
                simulated(planned, observations, 1, seed * 1000 + number)[-1][1]
                for number in range(surfaces)
            ]
            unsure = too_little(planned, observations)
            found = optimizer.recommend(function.space, observations)
            assert found is not None
            typical = float(np.median([o.value for o in observations if o.value is not None]))
            targets = [found.mean + share * (found.mean - typical) for share in TARGETS]
            fitted = fit(function.space, observations)
            assert fitted is not None
            reach = attainable(shape_of(fitted, observations))
            by_rule = [reach.exceeds(target) for target in targets]
    last = optimizer.most_promising(function.space, observations)
    assert last is not None
    truth = function.truth(last.root)
    return Outcome(family.name, seed, predicted, by_rule, truth, targets, unsure)


def study(function: Function, seed: int) -> Campaign:
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


def claims(outcomes: Sequence[Outcome], by_rule: bool = False) -> np.ndarray:
    """Probability and truth (n x 2) of every target of campaigns that name one."""
    return np.array(
        [
            (chance, o.truth >= target)
            for o in outcomes
            if not o.unsure
            for target, chance in zip(o.targets, o.by_rule if by_rule else _counted(o), strict=True)
        ],
        dtype=float,
    ).reshape(-1, 2)


def brier(claimed: np.ndarray) -> tuple[float, float]:
    """The Brier score of probabilities, and what always predicting their mean would give."""
    return float(np.mean((claimed[:, 0] - claimed[:, 1]) ** 2)), float(np.var(claimed[:, 1]))


def _counted(outcome: Outcome) -> list[float]:
    predicted = np.array(outcome.predicted)
    return [
        float((np.sum(predicted >= target) + 0.5) / (len(predicted) + 1))
        for target in outcome.targets
    ]


def table(outcomes: Sequence[Outcome]) -> None:
    """Print the reliability tables, and where the truth lay among the surfaces."""
    stated = [outcome for outcome in outcomes if not outcome.unsure]
    print(
        f'"reaches the target with probability p" after round 1, {len(stated)} of {len(outcomes)} '
        "campaigns that say so"
    )
    simulated_too = [outcome for outcome in outcomes if outcome.predicted]
    for title, claimed in (
        ("by simulation on surfaces", claims(simulated_too)),
        ("by the rule alone", claims(outcomes, by_rule=True)),
    ):
        if len(claimed):
            print(f"{title}, {len(claimed)} targets")
            _reliability(claimed)
    if simulated_too:
        _ranks(simulated_too)


def _reliability(claimed: np.ndarray) -> None:
    for low, high in pairwise(_BINS):
        within = claimed[(claimed[:, 0] > low) & (claimed[:, 0] <= high)]
        if len(within):
            print(f"  p {low:.1f} to {high:.1f}: predicted {within[:, 0].mean():.3f}, true "
                  f"{within[:, 1].mean():.3f} "
                  f"of {len(within)}")  # fmt: skip
    score, constant = brier(claimed)
    print(f"  Brier score {score:.3f}; always the mean: {constant:.3f}")


def _ranks(outcomes: Sequence[Outcome]) -> None:
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


def reported(functions: str, seed: int) -> list[Family]:
    """The ten families of a seed, or BoTorch's functions."""
    return families(seed) if functions == "families" else others()


def _campaign(job: tuple[str, int, int, int]) -> Outcome:
    functions, number, seed, surfaces = job
    return campaign(reported(functions, seed)[number], seed, surfaces)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", choices=["families", "others"], default="families")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--surfaces", type=int, default=10, help="0: by the rule alone")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="add what was found to this file, and read it")
    arguments = parser.parse_args()
    jobs = [
        (arguments.functions, number, seed, arguments.surfaces)
        for seed in range(arguments.first, arguments.first + arguments.seeds)
        for number in range(len(reported(arguments.functions, 0)))
    ]
    outcomes = _kept(arguments.keep)
    found = {(o.family, o.seed) for o in outcomes}
    jobs = [job for job in jobs if (reported(job[0], job[2])[job[1]].name, job[2]) not in found]
    with ProcessPoolExecutor(arguments.processes) as pool:
        begun = track(
            pool.map(_campaign, jobs), "campaigns", total=len(jobs), console=Console(stderr=True)
        )
        for outcome in begun:
            outcomes.append(outcome)
            if arguments.keep is not None:
                with arguments.keep.open("a") as file:
                    file.write(json.dumps(outcome._asdict()) + "\n")
    table(outcomes)


def _kept(file: Path | None) -> list[Outcome]:
    if file is None or not file.exists():
        return []
    return [Outcome(**json.loads(line)) for line in file.read_text().splitlines()]


if __name__ == "__main__":
    main()
