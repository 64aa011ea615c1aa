"""The strategies beside each other, by a protocol that was fixed before any setting was chosen.

    noise sd     0, 0.01, 0.03, 0.07, 0.15 (true values are about 0 to 1)
    batches      40 of 1, 10 of 4, 6 of 8, 3 of 48
    functions    landscapes of 2, 4, 7 and 12 parameters, with and without categories and levels,
                 beside those of `benchmarks.functions`; settings are chosen on `tuning` ones and
                 reported on the others
    seeds        20, the same chance for the same well whatever the strategy
    judged by    mean rank, and the geometric mean of the regret of the recommended condition
                 beside the reference's, with a 90 % bootstrap interval over campaigns; the worst
                 decile; CPU-seconds a batch

`--short` takes one noise level, two batch sizes, four functions and three seeds.
"""

import argparse
import itertools
import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.beside_peers import SPACE_FILLING, Ask, measured, strategy
from benchmarks.functions import Function, by_name, reported, tuning
from protocols.conditions import Observation, Value
from protocols.parameters import CategoryParameter, ContinuousParameter, SteppedParameter
from protocols.search_space import SearchSpace

NOISE = (0.0, 0.01, 0.03, 0.07, 0.15)
BATCHES = ((1, 40), (4, 10), (8, 6), (48, 3))
DIMENSIONS = (2, 4, 7, 12)
SEEDS = 20
REFERENCE = "qlognei"
_LEAST = 1e-4  # a regret below is as good as none


class Setting(NamedTuple):
    """A function, the sd of its measurements, and the wells and rounds of a campaign."""

    function: Function
    noise_sd: float
    wells: int
    rounds: int


class Result(NamedTuple):
    """The regret of the recommended condition, and the CPU-seconds of all batches."""

    regret: float
    seconds: float


def landscape(dimension: int, seed: int, mixed: bool) -> Function:
    """Three hills of different height and width; mixed: with steps and a category."""
    rng = np.random.default_rng([dimension, seed, mixed])
    numbers = dimension - mixed
    parameters: list[ContinuousParameter | SteppedParameter | CategoryParameter] = []
    for index in range(numbers):
        name = f"x{index}"
        if mixed and index % 2:
            levels = tuple(round(0.1 * level, 1) for level in range(11))
            parameters.append(
                SteppedParameter(name=name, step="A", kind="stepped", levels=levels, standard=0.0)
            )
        else:
            parameters.append(
                ContinuousParameter(
                    name=name, step="A", kind="continuous", low=0, high=1, standard=0.1
                )
            )
    if mixed:
        parameters.append(
            CategoryParameter(
                name="kind", step="A", kind="category", levels=("a", "b", "c"), standard="a"
            )
        )
    centres = np.round(rng.uniform(0.1, 0.9, (3, numbers)), 1)
    heights = np.array([1.0, 0.8, 0.6])
    widths = rng.uniform(0.35, 0.7, (3, numbers)) * math.sqrt(numbers / 2)
    best = rng.permutation(3)

    def value(values: Mapping[str, Value]) -> float:
        x = np.array([float(values[f"x{index}"]) for index in range(numbers)])
        hills = heights * np.exp(-0.5 * (((x - centres) / widths) ** 2).sum(axis=1))
        if mixed:
            hills = hills * np.where(best == "abc".index(str(values["kind"])), 1.0, 0.7)
        return float(hills.max())

    optimum = 1.0  # at the highest hill's centre, which is on every grid
    name = f"landscape{dimension}{'mixed' if mixed else ''}-{seed}"
    return Function(name, SearchSpace(parameters=tuple(parameters)), value, optimum)


def functions(chosen_on: bool) -> list[Function]:
    """Those on which settings are chosen, or the others, on which they are reported."""
    seeds = (0, 1) if chosen_on else (2, 3)
    grid = itertools.product(DIMENSIONS, seeds, (False, True))
    known = tuning() if chosen_on else reported()
    return [*(landscape(*arguments) for arguments in grid), *known]


def campaign(setting: Setting, name: str, seed: int) -> Result:
    """All rounds of a campaign by a strategy."""
    asked = strategy(name)
    known: list[Observation] = []
    seconds = 0.0
    for number in range(1, setting.rounds + 1):
        positions = [{} for _ in range(setting.wells)]
        answer = asked(Ask(setting.function, known, positions, seed))
        seconds += answer.seconds
        known += measured(setting.function, answer.proposals, number, seed, setting.noise_sd)
    recommended = asked(Ask(setting.function, known, [], seed)).recommended
    assert recommended is not None
    regret = setting.function.optimum - setting.function.truth(recommended.root)
    return Result(max(regret, _LEAST), seconds / setting.rounds)


def table(results: Mapping[tuple[str, str], Mapping[str, Result]], names: Sequence[str]) -> None:
    """Print each strategy beside the reference, of results by campaign, then by strategy."""
    complete = [found for found in results.values() if len(found) == len(names)]
    regrets = np.array([[found[name].regret for name in names] for found in complete])
    ranks = (regrets[:, :, None] > regrets[:, None, :]).sum(axis=2) + 1.0
    ranks += ((regrets[:, :, None] == regrets[:, None, :]).sum(axis=2) - 1) / 2
    beside = np.log(regrets) - np.log(regrets[:, [list(names).index(REFERENCE)]])
    rng = np.random.default_rng(0)
    draws = rng.integers(len(beside), size=(1000, len(beside)))
    low, high = np.exp(np.quantile(beside[draws].mean(axis=1), [0.05, 0.95], axis=0))
    print(
        f"{len(complete)} campaigns each; regret beside {REFERENCE}'s: geometric mean and 90 % "
        "interval"
    )
    for index, name in enumerate(names):
        seconds = np.median([found[name].seconds for found in complete])
        print(
            f"  {name:10} mean rank {ranks[:, index].mean():.2f}"
            f"  regret x {np.exp(beside[:, index].mean()):.2f}"
            f" ({low[index]:.2f} to {high[index]:.2f})"
            f"  median {np.median(regrets[:, index]):.3f}"
            f"  worst decile {np.quantile(regrets[:, index], 0.9):.3f}"
            f"  {seconds:.2f} CPU-s a batch"
        )


def settings(short: bool, chosen_on: bool) -> Iterator[Setting]:
    """All of the protocol, or its short form."""
    if short:
        for name in ("hartmann6", "levy7"):
            yield Setting(by_name(name), 0.03, 8, 4)
        for mixed in (False, True):
            yield Setting(landscape(4, 2, mixed), 0.03, 4, 5)
        return
    for function in functions(chosen_on):
        for noise_sd, (wells, rounds) in itertools.product(NOISE, BATCHES):
            yield Setting(function, noise_sd, wells, rounds)


def main() -> None:
    """Print the table, after each function so far."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="minutes instead of a day")
    parser.add_argument(
        "--tuning", action="store_true", help="the functions on which settings are chosen"
    )
    parser.add_argument(
        "--strategies", nargs="+", default=["botorch", REFERENCE, "thompson", *SPACE_FILLING]
    )
    parser.add_argument("--seeds", type=int, default=0, help=f"{SEEDS}, or 3 of the short form")
    arguments = parser.parse_args()
    seeds = arguments.seeds or (3 if arguments.short else SEEDS)
    results: dict[tuple[str, str], dict[str, Result]] = defaultdict(dict)
    begin = time.monotonic()
    for setting in settings(arguments.short, arguments.tuning):
        for seed in range(seeds):
            key = (f"{setting.function.name} {setting.noise_sd:g} {setting.wells}", str(seed))
            for name in arguments.strategies:
                results[key][name] = campaign(setting, name, seed)
        print(f"{setting.function.name}: {time.monotonic() - begin:.0f} s", flush=True)
        table(results, arguments.strategies)


if __name__ == "__main__":
    main()
