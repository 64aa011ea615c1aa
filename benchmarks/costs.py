"""What it costs to come near the optimum, by how far costs are weighed.

Campaigns of 14 rounds of 4 wells on functions whose conditions take from 1 to 10 units, rising with
two of their parameters. Printed is the cost until a condition within a regret was tried (geometric
mean, what was never reached counts as all that was spent), beside that with costs left alone, with
a 90 % bootstrap interval.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np

import optimizer
from benchmarks.beside_peers import Observations, measured
from benchmarks.functions import Function, by_name
from optimizer.cost_weights import Expense
from protocols.campaign_parts import StrategyChoice
from protocols.constraints import Cost

FUNCTIONS = ("hartmann6", "levy7", "surface50", "surface51", "surface52")
REGRETS = (0.3, 0.2, 0.1)
_WELLS, _ROUNDS, _NOISE_SD = 4, 14, 0.03


class Setting(NamedTuple):
    """A function, the strategy, and the exponent of the cost."""

    function: str
    strategy: str
    exponent: float
    seed: int


def cost_of(function: Function, seed: int) -> Cost:
    """From 1 to 10, rising with one parameter and falling with another."""
    chosen = np.random.default_rng(seed).choice(len(function.space.parameters), 2, replace=False)
    terms, fixed = {}, 1.0
    for index, sign in zip(chosen, (1, -1), strict=True):
        parameter = function.space.parameters[int(index)]
        low, high = (float(end) for end in parameter.extremes)
        terms[parameter.name] = sign * 4.5 / (high - low)
        fixed += 4.5 * (-low if sign > 0 else high) / (high - low)
    return Cost(name="price", fixed=fixed, terms=terms)


def campaign(setting: Setting) -> list[float]:
    """The cost until each of the regrets was reached."""
    function = by_name(setting.function)
    cost = cost_of(function, setting.seed)
    options = {"per_cost": {cost.name: setting.exponent}}
    observations: Observations = []
    spent, reached = 0.0, dict.fromkeys(REGRETS, np.nan)
    for number in range(1, _ROUNDS + 1):
        proposals = optimizer.propose(
            function.space,
            observations,
            number=_WELLS,
            seed=setting.seed,
            rough=True,
            strategy=StrategyChoice(name=setting.strategy, options=options),
            costs=[Expense(cost)],
        )
        conditions = [proposal.condition for proposal in proposals]
        observations += measured(function, conditions, number, setting.seed, _NOISE_SD)
        spent += sum(cost(condition.root) for condition in conditions)
        regret = function.optimum - max(
            function.truth(observation.condition.root) for observation in observations
        )
        for wanted, known in reached.items():
            if np.isnan(known) and regret <= wanted:
                reached[wanted] = spent
    return [spent if np.isnan(found) else found for found in reached.values()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", nargs="+", default=list(FUNCTIONS))
    parser.add_argument("--strategy", default="botorch")
    parser.add_argument("--exponents", nargs="+", type=float, default=[0.0, 0.5, 1.0])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    cases: Sequence[tuple[str, int]] = list(product(arguments.functions, range(arguments.seeds)))
    rng = np.random.default_rng(0)
    reference = None
    with ProcessPoolExecutor(arguments.processes) as pool:
        for exponent in arguments.exponents:
            jobs = [Setting(name, arguments.strategy, exponent, seed) for name, seed in cases]
            logs = np.log(np.array(list(pool.map(campaign, jobs))))
            reference = logs if reference is None else reference
            draws = rng.integers(len(logs), size=(2000, len(logs)))
            beside = (logs - reference)[draws].mean(axis=1)
            low, high = np.exp(np.quantile(beside, [0.05, 0.95], axis=0))
            cells = [
                f"regret {regret:g}: {np.exp(logs[:, i].mean()):.0f} "
                f"x {np.exp((logs - reference)[:, i].mean()):.2f} ({low[i]:.2f} to {high[i]:.2f})"
                for i, regret in enumerate(REGRETS)
            ]
            print(f"exponent {exponent:g}  {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
