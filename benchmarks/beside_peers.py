"""wellwise compared with other optimisers: the same functions, rounds, wells and noise."""

import argparse
import csv
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import wilcoxon

import optimizer
from benchmarks.functions import NOISE_SD, Function, by_name, reported
from optimizer.strategy import Recommending, Request
from optimizer.strategy_registry import make_strategy
from protocols.conditions import Condition, Observation
from protocols.environments import EnvironmentNotMade

ROUNDS, WELLS, CONTROLS = 3, 48, 2
SEEDS = 20
SEEDS_SLOW = 10
SLOW = ("baybe", "ax")
SPACE_FILLING = ("sobol", "random")
KEPT = Path(__file__).with_name("peers.csv")

Observations = list[Observation]


class Ask(NamedTuple):
    """What a method is asked for: conditions for the positions of the next round.

    Without any, a recommendation. `among` are the only conditions that there are, if not empty.
    """

    function: Function
    observations: Sequence[Observation]
    positions: Sequence[dict[str, Any]]
    seed: int
    among: tuple[Condition, ...] = ()


class Answer(NamedTuple):
    """Conditions for the positions, the recommended condition, and CPU-seconds of the former."""

    proposals: list[Condition]
    recommended: Condition | None
    seconds: float


Method = Callable[[Ask], Answer]


class Outcome(NamedTuple):
    """True values of the best well and of the recommended condition.

    CPU-seconds of the last round's proposals.
    """

    method: str
    function: str
    seed: int
    best: float
    recommended: float
    seconds: float


def wellwise(ask: Ask) -> Answer:
    """This project's optimiser: the default strategy."""
    return strategy(None)(ask)


def strategy(name: str | None) -> Method:
    """A strategy that is installed, as a campaign would use it; None: the default."""

    def asked(ask: Ask) -> Answer:
        if not ask.positions:
            return Answer([], _recommended(name, ask), 0.0)
        made = make_strategy(name)
        request = Request(
            space=ask.function.space,
            observations=tuple(ask.observations),
            positions=tuple(ask.positions),
            seed=ask.seed,
            among=ask.among,
        )
        begin = time.process_time()
        proposals = made.propose(request)
        # Of Ax and BayBE without the time that their interpreters take to start.
        seconds = time.process_time() - begin + getattr(made, "cpu_s", 0.0)
        return Answer([p.condition for p in proposals], None, seconds)

    return asked


def _recommended(name: str | None, ask: Ask) -> Condition | None:
    """By the strategy itself, as the best measured, or by the default model."""
    space, known = ask.function.space, tuple(ask.observations)
    made = make_strategy(name)
    if isinstance(made, Recommending):
        request = Request(space=space, observations=known, positions=(), among=ask.among)
        return made.recommend(request)
    if name in SPACE_FILLING:
        values: dict[Condition, list[float]] = {}
        for observation in known:
            if observation.usable and observation.value is not None:
                values.setdefault(observation.condition, []).append(observation.value)
        return max(values, key=lambda condition: float(np.mean(values[condition])))
    return optimizer.most_promising(space, known, among=ask.among)


def measured(
    function: Function,
    conditions: Sequence[Condition],
    round_number: int,
    seed: int,
    noise_sd: float = NOISE_SD,
) -> Observations:
    """What the wells of a round give; the same chance for the same well, whatever the method."""
    rng = np.random.default_rng([seed, round_number, *function.name.encode()])
    shift = rng.normal(0, function.round_sd) if function.round_sd else 0.0
    noise = rng.normal(0, noise_sd, len(conditions))
    strange = rng.random(len(conditions)) < function.outliers
    anything = rng.random(len(conditions))
    lost = rng.random(len(conditions)) < function.lost
    truths = [function.truth(condition.root) for condition in conditions]
    return [
        Observation(
            condition=condition,
            value=None
            if lost[i]
            else float(anything[i] if strange[i] else truths[i] + shift + noise[i]),
            round=round_number,
        )
        for i, condition in enumerate(conditions)
    ]


def campaign(name: str, method: Method, function: Function, seed: int) -> Outcome:
    """Three rounds of 48 wells.

    First 47 conditions and the standard, then twice 46 and the two best of before.
    """
    observations: Observations = []
    seconds = math.nan
    for round_number in range(1, ROUNDS + 1):
        seated, positions = seats(function, observations, round_number)
        answer = method(Ask(function, observations, positions, seed))
        seconds = answer.seconds
        observations += measured(function, [*seated, *answer.proposals], round_number, seed)
    recommended = method(Ask(function, observations, [], seed)).recommended
    assert recommended is not None
    best = max(function.truth(o.condition.root) for o in observations if o.value is not None)
    return Outcome(name, function.name, seed, best, function.truth(recommended.root), seconds)


def seats(
    function: Function, observations: Observations, round_number: int
) -> tuple[list[Condition], list[dict[str, Any]]]:
    """Who sits already in a round (the standard, or the best two of the one before).

    What the other wells decide.
    """
    decided = [dict(function.positions[well % len(function.positions)]) for well in range(WELLS)]
    if round_number == 1:
        seated = [function.space.standard(decided[-1] or free_standard(function))]
    else:
        found = [
            (o, o.value)
            for o in observations
            if o.round == round_number - 1 and o.value is not None
        ]
        before = [o for o, _ in sorted(found, key=lambda pair: -pair[1])]
        seated = list(dict.fromkeys(o.condition for o in before))[:CONTROLS]
    return seated, decided[: WELLS - len(seated)]


def free_standard(function: Function) -> dict[str, Any]:
    """The lowest value of each parameter that a well would decide."""
    return {parameter.name: parameter.bounds[0] for parameter in function.space.decided}


def kept() -> dict[tuple[str, str, int], Outcome]:
    """The outcomes of the file."""
    if not KEPT.exists():
        return {}
    with KEPT.open() as lines:
        rows = csv.reader(line for line in lines if not line.startswith("#"))
        next(rows)
        outcomes = [
            Outcome(m, f, int(s), float(b), float(r), float(t)) for m, f, s, b, r, t in rows
        ]
    return {(o.method, o.function, o.seed): o for o in outcomes}


def keep(outcome: Outcome) -> None:
    """Add an outcome to the file."""
    with KEPT.open("a") as lines:
        values = (f"{value:.4f}" for value in (outcome.best, outcome.recommended, outcome.seconds))
        lines.write(",".join([outcome.method, outcome.function, str(outcome.seed), *values]) + "\n")


def table(outcomes: Sequence[Outcome]) -> None:
    """Print medians of the regret of best well and recommended condition, and CPU-seconds."""
    for name in dict.fromkeys(outcome.function for outcome in outcomes):
        print(name)
        optimum = by_name(name).optimum
        for method in dict.fromkeys(outcome.method for outcome in outcomes):
            found = [o for o in outcomes if (o.function, o.method) == (name, method)]
            if not found:
                continue
            best = np.quantile([optimum - o.best for o in found], [0.25, 0.5, 0.75])
            recommended = np.quantile([optimum - o.recommended for o in found], [0.25, 0.5, 0.75])
            print(f"  {method:10} {len(found):3} seeds"
                  f"  regret of the best well {best[1]:.3f} ({best[0]:.3f} to {best[2]:.3f})"
                  f"  of the recommended {recommended[1]:.3f} ({recommended[0]:.3f} to "
                  f"{recommended[2]:.3f})"
                  f"  {np.median([o.seconds for o in found]):6.1f} CPU-s")  # fmt: skip


def comparisons(outcomes: Sequence[Outcome]) -> None:
    """Print differences between wellwise and each other method, by seeds that both have.

    Of the regret of the recommended condition, and of CPU-seconds.

    p is of Wilcoxon's signed-rank test, two-sided. The last lines have, for each function,
    wellwise's median regret and CPU-seconds as ratios to those of the method of least median regret
    among the others.
    """
    print("\nwellwise less another, regret of the recommended, same function and seed")
    methods = [
        method for method in dict.fromkeys(o.method for o in outcomes) if method != "wellwise"
    ]
    lines = []
    for name in dict.fromkeys(outcome.function for outcome in outcomes):
        found = {(o.method, o.seed): o for o in outcomes if o.function == name}
        medians: dict[str, tuple[float, float]] = {}
        for method in methods:
            seeds = [seed for m, seed in found if m == method and ("wellwise", seed) in found]
            if not seeds:
                continue
            pairs = [(found["wellwise", seed], found[method, seed]) for seed in seeds]
            less = np.array([theirs.recommended - ours.recommended for ours, theirs in pairs])
            p = wilcoxon(less).pvalue if np.any(less) else 1.0
            print(f"  {name:14} {method:10} {len(seeds):3} seeds  median {np.median(less):+.3f}"
                  f"  better in {np.mean(less < 0):4.0%}  p {p:.3f}")  # fmt: skip
            theirs = [theirs for _, theirs in pairs]
            regret = by_name(name).optimum - float(np.median([o.recommended for o in theirs]))
            medians[method] = regret, float(np.median([o.seconds for o in theirs]))
        if medians:
            best = min(medians, key=lambda method: medians[method][0])
            ours = [o for (method, _), o in found.items() if method == "wellwise"]
            regret = by_name(name).optimum - float(np.median([o.recommended for o in ours]))
            seconds = float(np.median([o.seconds for o in ours]))
            lines.append((name, best, regret / medians[best][0], seconds / medians[best][1]))
    for name, best, regret, seconds in lines:
        print(
            f"  {name:14} regret {regret:.2f} of the best other's ({best}), CPU-seconds "
            f"{seconds:.2f}"
        )
    if lines:
        print(
            f"  median over functions: regret {np.median([line[2] for line in lines]):.2f} of the "
            "best other's"
        )


def main() -> None:
    """Print wellwise compared with the kept results of the others, and with what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", default=["wellwise"])
    parser.add_argument("--functions", nargs="+", default=[f.name for f in reported()])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument(
        "--again", action="store_true", help="make results again although they are kept"
    )
    parser.add_argument(
        "--keep", action="store_true", help=f"add the results of others to {KEPT.name}"
    )
    arguments = parser.parse_args()
    for method in arguments.methods:
        try:
            make_strategy(None if method == "wellwise" else method)
        except (LookupError, EnvironmentNotMade) as error:
            parser.error(str(error))
    outcomes = {} if arguments.again else kept()
    for seed in range(arguments.seeds):
        for name in arguments.functions:
            for method in arguments.methods:
                if (method, name, seed) in outcomes or (method in SLOW and seed >= SEEDS_SLOW):
                    continue
                asked = strategy(None if method == "wellwise" else method)
                outcomes[method, name, seed] = campaign(method, asked, by_name(name), seed)
                if arguments.keep and method != "wellwise":
                    keep(outcomes[method, name, seed])
    shown = [
        o
        for o in outcomes.values()
        if o.function in arguments.functions and o.seed < arguments.seeds
    ]
    table(shown)
    comparisons(shown)


if __name__ == "__main__":
    main()
