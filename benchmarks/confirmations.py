"""How often a confirmation finds what is not there, and what is: one run against several.

    python -m benchmarks.confirmations [--tries 2000]

Two conditions with 8 wells each a run, sd of a well 0.05, and a condition that varies between runs
with the sd 0, 0.03 or 0.06. Prints how often p < 0.05 with no true difference and with one of 0.15,
and the power that was planned for it.
"""

import argparse

import numpy as np
from scipy.stats import ttest_ind

from orchestrator.studies.run_comparison import paired, power_over_runs

WELLS, SD, DIFFERENCE, ALPHA = 8, 0.05, 0.15, 0.05


def rejected(runs: int, run_sd: float, difference: float, tries: int, seed: int = 0) -> float:
    """How often the test of a confirmation with so many runs has p < 0.05 (0..1)."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(tries):
        true = rng.normal((difference, 0.0), run_sd, (runs, 2))
        wells = rng.normal(true[..., None], SD, (runs, 2, WELLS))
        if runs == 1:
            p = float(ttest_ind(wells[0, 0], wells[0, 1], equal_var=False).pvalue)
        else:
            p = paired(wells.mean(axis=2), ALPHA).p
        found += p < ALPHA
    return found / tries


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confirmations", description=__doc__)
    parser.add_argument("--tries", type=int, default=2000)
    tries = parser.parse_args().tries
    print("runs  sd between runs  false alarms  found  planned")
    for runs in (1, 3, 4, 6):
        for run_sd in (0.0, 0.03, 0.06):
            planned = power_over_runs(runs, WELLS, DIFFERENCE, (SD, SD), run_sd, ALPHA)
            shown = f"{planned:7.2f}" if runs > 1 else "      -"
            print(
                f"{runs:4}  {run_sd:15.2f}  {rejected(runs, run_sd, 0.0, tries):12.3f}  "
                f"{rejected(runs, run_sd, DIFFERENCE, tries):5.2f}  {shown}"
            )


if __name__ == "__main__":
    main()
