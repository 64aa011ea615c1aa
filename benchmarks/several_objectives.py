"""Several objectives: the hypervolume that strategies reach on BoTorch's test problems.

DTLZ2 (two and three objectives), ZDT1, Branin-Currin alone and within a constraint, and a mixture
of four components that add up to 1; true values have no noise. Hypervolumes are shares of the
greatest possible, or for the mixture of the greatest that any strategy reached.
"""

import argparse
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from botorch.test_functions.multi_objective import (
    DTLZ2,
    ZDT1,
    BraninCurrin,
    ConstrainedBraninCurrin,
)

from optimizer import Optimizer
from protocols.conditions import Value
from protocols.constraints import LinearConstraint

BATCHES, WELLS = 5, 8

Truth = Callable[[list[float]], dict[str, float]]


class Problem(NamedTuple):
    """Ranges by name, what each point gives, thresholds, outcomes that have to be 0 or more.

    `greatest` is the greatest hypervolume above the thresholds, nan if it is not known.
    """

    name: str
    space: dict[str, Any]
    truth: Truth
    thresholds: dict[str, float]
    slacks: tuple[str, ...] = ()
    greatest: float = math.nan
    constraints: tuple[LinearConstraint, ...] = ()


def of_botorch(name: str, problem: Any) -> Problem:
    """One of BoTorch's problems; its objectives are to be maximised, its slacks 0 or more."""
    low, high = problem.bounds.tolist()
    space = {f"x{i}": ends for i, ends in enumerate(zip(low, high, strict=True))}
    objectives = [f"f{index}" for index in range(problem.num_objectives)]
    slacks = tuple(f"c{index}" for index in range(getattr(problem, "num_constraints", 0)))

    def truth(point: list[float]) -> dict[str, float]:
        x = torch.tensor([point], dtype=torch.float64)
        values = problem(x)
        if slacks:
            values = torch.hstack([values, problem.evaluate_slack(x)])
        return dict(zip([*objectives, *slacks], values[0].tolist(), strict=True))

    thresholds = dict(zip(objectives, problem.ref_point.tolist(), strict=True))
    return Problem(name, space, truth, thresholds, slacks, float(problem.max_hv))


def mixture() -> Problem:
    """Conductivity against cost of four components that add up to 1; one spoils the others."""

    def truth(point: list[float]) -> dict[str, float]:
        a, b, c, d = point
        conductivity = 4 * a * b + 3 * b * c + 2 * math.sqrt(c * d) - 6 * a * d
        return {"f0": conductivity, "f1": -(5 * a + 3 * b + 2 * c + 0.5 * d)}

    space = dict.fromkeys(("a", "b", "c", "d"), (0.0, 1.0))
    whole = LinearConstraint(kind="linear", terms=dict.fromkeys(space, 1), at_least=1, at_most=1)
    return Problem("mixture", space, truth, {"f0": 0.0, "f1": -5.0}, constraints=(whole,))


def problems() -> list[Problem]:
    """All of them."""
    return [
        of_botorch("DTLZ2, 2", DTLZ2(4, num_objectives=2, negate=True)),
        of_botorch("DTLZ2, 3", DTLZ2(6, num_objectives=3, negate=True)),
        of_botorch("ZDT1", ZDT1(5, negate=True)),
        of_botorch("Branin-Currin", BraninCurrin(negate=True).double()),
        of_botorch("constrained", ConstrainedBraninCurrin(negate=True).double()),
        mixture(),
    ]


def study(problem: Problem, strategy: str, seed: int) -> tuple[float, float]:
    """The hypervolume after all batches, and the CPU-seconds of a batch."""
    optimizer = Optimizer(
        problem.space,
        dict.fromkeys(problem.thresholds, "maximise"),
        thresholds=problem.thresholds,
        outcome_constraints=dict.fromkeys(problem.slacks, (0.0, None)),
        constraints=problem.constraints,
        strategy=strategy,
        seed=seed,
    )
    seconds = 0.0
    for _ in range(BATCHES):
        begin = time.process_time()
        asked = optimizer.ask(WELLS)
        seconds += time.process_time() - begin
        optimizer.tell({**row, **problem.truth(_point(row, problem))} for row in asked)
    return optimizer.hypervolumes()[-1], seconds / BATCHES


def _point(row: dict[str, Value], problem: Problem) -> list[float]:
    return [float(row[name]) for name in problem.space]


def main() -> None:
    """Print a line for each problem and strategy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategies", nargs="+", default=["botorch", "qlognei", "sobol"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--problems", nargs="+", default=[p.name for p in problems()])
    arguments = parser.parse_args()
    for problem in problems():
        if problem.name not in arguments.problems:
            continue
        found = {
            name: np.array([study(problem, name, seed) for seed in range(arguments.seeds)])
            for name in arguments.strategies
        }
        greatest = problem.greatest
        if math.isnan(greatest):
            greatest = max(float(results[:, 0].max()) for results in found.values())
        for name, results in found.items():
            shares = results[:, 0] / greatest
            print(
                f"{problem.name:14} {name:10} hypervolume {np.median(shares):.3f} "
                f"({shares.min():.3f} to {shares.max():.3f}) of the greatest, "
                f"{np.median(results[:, 1]):.1f} CPU-s a batch of {WELLS}",
                flush=True,
            )


if __name__ == "__main__":
    main()
