"""Plates that differ: what the model's plate effect is worth, beside the model without it.

Campaigns of 3 rounds of 24 wells on 2 or 4 plates; all wells of a plate share a shift of known sd,
and conditions are put on plates at random. Printed are the estimated sd of the shift, and with and
without the plates the root mean squared error elsewhere, the coverage of 90 % intervals, and the
regret of the recommended condition (geometric mean, and its ratio with a 90 % bootstrap interval).
`--strategy random` judges the model alone, in a fraction of the time.
"""

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

import optimizer
from benchmarks.beside_peers import Observations, measured
from benchmarks.functions import by_name
from optimizer.fitting import fit
from protocols.conditions import Condition, Observation

FUNCTIONS = ("hartmann6", "levy7", "cliff", "surface50", "surface51")
SHIFTS = (0.0, 0.03, 0.1)
PLATES = (2, 4)
NOISE_SD = 0.03
_WELLS, _ROUNDS, _ELSEWHERE, _LEAST = 24, 3, 60, 1e-3


class Setting(NamedTuple):
    """A function, plates a round, the sd of their shifts, and whether the model knows of plates."""

    function: str
    plates: int
    shift_sd: float
    known: bool
    seed: int
    strategy: str


class Result(NamedTuple):
    """The estimated sd of the shift, and how good predictions and the recommendation are."""

    estimate: float
    error: float
    coverage: float
    regret: float


def campaign(setting: Setting) -> Result:
    """All rounds of one campaign."""
    function = by_name(setting.function)
    observations: Observations = []
    for number in range(1, _ROUNDS + 1):
        proposals = optimizer.propose(
            function.space,
            observations,
            number=_WELLS,
            seed=setting.seed,
            rough=True,
            strategy=setting.strategy,
        )
        conditions = [proposal.condition for proposal in proposals]
        observations += _on_plates(setting, conditions, number)
    space = function.space
    found = optimizer.recommend(space, observations, seed=setting.seed)
    assert found is not None
    elsewhere = optimizer.propose(space, [], number=_ELSEWHERE, seed=setting.seed + 1000)
    wide = float(norm.ppf(0.95))
    predicted = optimizer.predict(space, observations, [p.condition for p in elsewhere])
    errors = np.array([function.truth(p.condition.root) - p.mean for p in predicted])
    held = np.abs(errors) < wide * np.array([p.sd for p in predicted])
    fitted = fit(space, observations)
    assert fitted is not None
    regret = function.optimum - function.truth(found.condition.root)
    return Result(
        estimate=fitted.model.effect_sds.get("plate", 0.0),
        error=float(np.sqrt((errors**2).mean())),
        coverage=float(held.mean()),
        regret=max(regret, _LEAST),
    )


def _on_plates(setting: Setting, conditions: list[Condition], number: int) -> Iterator[Observation]:
    rng = np.random.default_rng([setting.seed, number, setting.plates])
    plates = rng.permutation(np.arange(len(conditions)) % setting.plates)
    shifts = rng.normal(0, setting.shift_sd, setting.plates)
    function = by_name(setting.function)
    for observation, plate in zip(
        measured(function, conditions, number, setting.seed, NOISE_SD), plates, strict=True
    ):
        assert observation.value is not None
        changed: dict[str, object] = {"value": observation.value + float(shifts[plate])}
        if setting.known:
            changed["plate"] = int(plate) + 1
        yield observation.model_copy(update=changed)


def _summary(results: Sequence[Result]) -> str:
    error, coverage = (np.mean([r[i] for r in results]) for i in (1, 2))
    regret = np.exp(np.mean(np.log([result.regret for result in results])))
    return f"error {error:.4f} coverage {coverage:.3f} regret {regret:.4f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", nargs="+", default=list(FUNCTIONS))
    parser.add_argument("--plates", nargs="+", type=int, default=list(PLATES))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--strategy", default="botorch")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    with ProcessPoolExecutor(arguments.processes) as pool:
        for plates, shift_sd in product(arguments.plates, SHIFTS):
            cases = list(product(arguments.functions, range(arguments.seeds)))
            found = {
                known: list(
                    pool.map(
                        campaign,
                        [
                            Setting(f, plates, shift_sd, known, s, arguments.strategy)
                            for f, s in cases
                        ],
                    )
                )
                for known in (True, False)
            }
            ratios = np.array(
                [
                    np.log(one.regret / other.regret)
                    for one, other in zip(found[True], found[False], strict=True)
                ]
            )
            draws = ratios[rng.integers(len(ratios), size=(2000, len(ratios)))].mean(axis=1)
            low, high = np.exp(np.quantile(draws, [0.05, 0.95]))
            estimates = [result.estimate for result in found[True]]
            cells = [
                f"{word}: {_summary(results)}"
                for word, results in zip(("with", "without"), found.values(), strict=True)
            ]
            print(
                f"{plates} plates, sd {shift_sd:<4g}  estimated {np.median(estimates):.3f} "
                f"({np.quantile(estimates, 0.1):.3f} to {np.quantile(estimates, 0.9):.3f})  "
                f"{'  '.join(cells)}  ratio {np.exp(ratios.mean()):.2f} ({low:.2f} to {high:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
