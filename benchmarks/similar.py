"""What results of a similar experiment are worth, and whether those of an unlike one do harm.

Campaigns of 4 rounds of 6 wells, with 60 results of another experiment: the same function on
another scale, one whose optimum lies elsewhere by 8 % of each range, and one with its parameters
exchanged. Printed are the root mean squared error elsewhere and the regret of the recommended
condition after each round but the first, beside those without (geometric means of ratios, 90 %
bootstrap intervals).
"""

import argparse
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np

import optimizer
from benchmarks.beside_peers import measured
from benchmarks.functions import Function, by_name
from benchmarks.strategies import landscape
from protocols.conditions import Observation, Value

FUNCTIONS = ("hartmann6", "levy7", "waves4", "landscape4", "landscape7")
RELATIONS = ("none", "same", "moved", "unlike")
_WELLS, _ROUNDS, _EARLIER, _ELSEWHERE, _NOISE_SD, _LEAST = 6, 4, 60, 80, 0.03, 3e-3
_MOVED = 0.08


class Setting(NamedTuple):
    """A function, and how the other experiment is related to it."""

    function: str
    relation: str
    seed: int


def _function(name: str) -> Function:
    if name.startswith("landscape"):
        return landscape(int(name.removeprefix("landscape")), 2, False)
    return by_name(name)


def other(function: Function, relation: str) -> Callable[[Mapping[str, Value]], float]:
    """The truth of the other experiment."""
    parameters = function.space.parameters
    names = [parameter.name for parameter in parameters]
    ends = np.array([[float(end) for end in parameter.extremes] for parameter in parameters])

    def value(values: Mapping[str, Value]) -> float:
        shares = (np.array([float(values[name]) for name in names]) - ends[:, 0]) / np.ptp(ends, 1)
        if relation == "moved":
            shares = np.clip(shares + _MOVED, 0, 1)
        elif relation == "unlike":
            shares = np.where(np.arange(len(names)) % 2, shares[::-1], 1 - shares[::-1])
        moved = ends[:, 0] + shares * np.ptp(ends, 1)
        return 40 + 25 * function.truth(dict(zip(names, moved.tolist(), strict=True)))

    return value


def campaign(setting: Setting) -> list[tuple[float, float]]:
    """Error elsewhere and regret after each round but the first."""
    function = _function(setting.function)
    space = function.space
    known: list[Observation] = []
    if setting.relation != "none":
        rng = np.random.default_rng([setting.seed, 9])
        truth = other(function, setting.relation)
        design = optimizer.propose(space, [], number=_EARLIER, seed=setting.seed + 500)
        known = [
            Observation(
                condition=proposal.condition,
                value=truth(proposal.condition.root) + 25 * float(rng.normal(0, _NOISE_SD)),
                round=1,
                study="another",
            )
            for proposal in design
        ]
    elsewhere = [
        proposal.condition
        for proposal in optimizer.propose(space, [], number=_ELSEWHERE, seed=setting.seed + 1000)
    ]
    found = []
    for number in range(1, _ROUNDS + 1):
        proposals = optimizer.propose(
            space, known, number=_WELLS, seed=setting.seed + number, rough=True
        )
        conditions = [proposal.condition for proposal in proposals]
        known += measured(function, conditions, number, setting.seed, _NOISE_SD)
        if number > 1:
            best = optimizer.recommend(space, known, seed=setting.seed)
            assert best is not None
            errors = [
                function.truth(predicted.condition.root) - predicted.mean
                for predicted in optimizer.predict(space, known, elsewhere)
            ]
            regret = function.optimum - function.truth(best.condition.root)
            found.append((float(np.sqrt(np.square(errors).mean())), max(regret, _LEAST)))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", nargs="+", default=list(FUNCTIONS))
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    cases = list(product(arguments.functions, range(arguments.seeds)))
    rng = np.random.default_rng(0)
    reference = None
    with ProcessPoolExecutor(arguments.processes) as pool:
        for relation in RELATIONS:
            jobs = [Setting(function, relation, seed) for function, seed in cases]
            logs = np.log(np.array(list(pool.map(campaign, jobs))))
            reference = logs if reference is None else reference
            beside = (logs - reference)[rng.integers(len(logs), size=(2000, len(logs)))]
            low, high = np.exp(np.quantile(beside.mean(axis=1), [0.05, 0.95], axis=0))
            means, ratios = np.exp(logs.mean(axis=0)), np.exp((logs - reference).mean(axis=0))
            for index in range(_ROUNDS - 1):
                cells = [
                    f"{word} {means[index, of]:.4f} x {ratios[index, of]:.2f} "
                    f"({low[index, of]:.2f} to {high[index, of]:.2f})"
                    for of, word in enumerate(("error", "regret"))
                ]
                print(f"{relation:7} after round {index + 2}  {'  '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
