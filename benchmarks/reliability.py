"""Whether probabilities and intervals that are shown come true, on families of unlike functions.

After each round of simulated campaigns: "better than the standard", and the 90 % interval of the
recommended condition's true value. The families are those of the forecasts, or the reported or the
tuning functions at some levels of noise.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np

import optimizer
from benchmarks.beside_peers import Observations, free_standard, measured
from benchmarks.forecast_families import Family
from benchmarks.forecasts import families
from benchmarks.functions import reported, tuning
from protocols.recommendations import Prediction

_SHARE = 0.9
_BINS = (0.0, 0.2, 0.5, 0.65, 0.8, 0.9, 0.95, 1.0)
_OF = {"reported": reported, "tuning": tuning}


class Said(NamedTuple):
    """What was said after a round, and whether it was so.

    `beats` is the probability of being better than the standard and `better` the truth; `within`
    whether the recommended condition's true value lay in its interval.
    """

    family: str
    beats: float
    better: bool
    within: bool


def campaign(family: Family, seed: int, rounds: int, wells: int, rough: bool = False) -> list[Said]:
    """Rounds of proposals alone, `rough` or not; something is said after each of them."""
    function, said = family.shown(), []
    standard = function.space.standard(free_standard(function))
    observations: Observations = []
    for number in range(1, rounds + 1):
        proposals = optimizer.propose(
            function.space, observations, number=wells, seed=seed, rough=rough
        )
        conditions = [proposal.condition for proposal in proposals]
        noise_sd = family.noise * family.height
        observations += measured(function, conditions, number, seed, noise_sd)
        found = optimizer.recommend(function.space, observations, (standard,), seed)
        assert found is not None
        assert found.beats_standard is not None
        truth = function.truth(found.condition.root)
        low, high = Prediction(found.condition, found.mean, found.sd).interval(_SHARE)
        better = truth > function.truth(standard.root)
        said.append(Said(family.name, found.beats_standard, better, low <= truth <= high))
    return said


def studied(functions: str, noise: Sequence[float], seed: int) -> list[Family]:
    """What campaigns are of: the families of a seed, or functions at each sd of the noise."""
    if functions == "families":
        return families(seed)
    return [
        Family(f"noise sd {sd:g}, {function.name}", function, noise=sd)
        for sd in noise
        for function in _OF[functions]()
    ]


def table(said: Sequence[Said]) -> None:
    """Print how often what was said came true, by probability and by family."""
    print(f'"better than the standard with probability p", said {len(said)} times')
    claims = np.array([(one.beats, one.better) for one in said], dtype=float)
    for low, high in pairwise(_BINS):
        some = claims[(claims[:, 0] >= low) & ((claims[:, 0] < high) | (high == _BINS[-1]))]
        if len(some):
            predicted, true = some.mean(axis=0)
            print(f"  p {low:.2f} to {high:.2f}: predicted {predicted:.2f}, true {true:.2f} "
                  f"of {len(some)}")  # fmt: skip
    print(f"the {_SHARE:.0%} interval of the recommended condition held its true value")
    for name in [*dict.fromkeys(one.family.split(",")[0] for one in said), "all"]:
        held = [one.within for one in said if name in (one.family.split(",")[0], "all")]
        print(f"  {name:24} {np.mean(held):.2f} of {len(held)}")


class _Job(NamedTuple):
    """A campaign, its function by number: what makes a function does not cross processes."""

    functions: str
    noise: tuple[float, ...]
    number: int
    seed: int
    rounds: int
    wells: int


def _campaign(job: _Job) -> list[Said]:
    family = studied(job.functions, job.noise, job.seed)[job.number]
    return campaign(family, job.seed, job.rounds, job.wells)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", choices=["families", *_OF], default="families")
    parser.add_argument("--noise", nargs="+", type=float, default=[0.01, 0.03, 0.07, 0.15])
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wells", type=int, default=24)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    functions, noise = arguments.functions, tuple(arguments.noise)
    jobs = [
        _Job(functions, noise, number, seed, arguments.rounds, arguments.wells)
        for seed in range(arguments.first, arguments.first + arguments.seeds)
        for number in range(len(studied(functions, noise, seed)))
    ]
    with ProcessPoolExecutor(arguments.processes) as pool:
        table([one for some in pool.map(_campaign, jobs) for one in some])


if __name__ == "__main__":
    main()
