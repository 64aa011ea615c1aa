"""Operating characteristics of confirmations, simulated: what is found that is not there, and is.

    python -m benchmarks.confirmations [--tries 2000]

Wells of sd 0.05, 8 of each condition a run; a condition varies between runs with the sd 0, 0.03 or
0.06, plates with the sd 0.1. Several candidates have as many wells as are planned for a power of
0.9. False alarms are to be 5 %, of several candidates any of them together, and `found` as often as
was planned.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from orchestrator.studies.comparison_power import (
    on_scale,
    power_of,
    power_over_runs,
    wells_a_run,
    wells_for,
)
from orchestrator.studies.run_comparison import (
    against_control,
    all_pairs,
    cell_means,
    in_one_run,
    linked,
    paired,
    within_plates,
    without_plates,
)
from protocols.confirmation_plan import ConfirmationPlan

WELLS, SD, DIFFERENCE, ALPHA = 8, 0.05, 0.15, 0.05
_SMALL, _SDS, _PLATE_SD, _MARGIN = 0.08, (0.09, 0.03), 0.1, 0.1

Random = np.random.Generator


class Case(NamedTuple):
    """The p value of a simulated confirmation with a true difference, and what was planned."""

    p: Callable[[Random, float], float]
    difference: float
    planned: float | None


class Row(NamedTuple):
    """A case: how often it found what is not there, and what is (0..1), and what was planned."""

    case: str
    false_alarms: float
    found: float
    planned: float | None


def rejected(runs: int, run_sd: float, difference: float, tries: int, seed: int = 0) -> float:
    """How often the test of a confirmation with so many runs has p < 0.05 (0..1)."""

    def p(rng: Random) -> float:
        true = rng.normal((difference, 0.0), run_sd, (runs, 2))
        wells = rng.normal(true[..., None], SD, (runs, 2, WELLS))
        if runs == 1:
            return within_plates(wells[0].tolist(), [[1] * WELLS] * 2, ALPHA).p
        return paired(wells.mean(axis=2), ALPHA).p

    return _often(p, tries, seed)


def rows(tries: int) -> Iterator[Row]:
    """Each case of a confirmation."""
    for runs in (1, 3, 4, 6):
        for run_sd in (0.0, 0.03, 0.06):
            planned = power_over_runs(runs, WELLS, DIFFERENCE, (SD, SD), run_sd, ALPHA)
            yield Row(
                f"{runs} runs, sd between runs {run_sd}",
                rejected(runs, run_sd, 0.0, tries),
                rejected(runs, run_sd, DIFFERENCE, tries),
                planned if runs > 1 else None,
            )
    for case in (*CASES, EQUIVALENCE):
        yield case_row(case, tries)


def case_row(name: str, tries: int) -> Row:
    """One of `CASES`, or `EQUIVALENCE`."""
    if name == EQUIVALENCE:
        # What is not there is equivalence of conditions that differ by just the margin.
        alarms, found = (
            _often(lambda rng, d=d: _equivalent(rng, d), tries)  # type: ignore[misc]
            for d in (_MARGIN, 0.0)
        )
        return Row(name, alarms, found, None)
    case = CASES[name]
    alarms = _often(lambda rng: case.p(rng, 0.0), tries)
    return Row(name, alarms, _often(lambda rng: case.p(rng, case.difference), tries), case.planned)


def _often(p: Callable[[Random], float], tries: int, seed: int = 0) -> float:
    rng = np.random.default_rng(seed)
    return float(np.mean([p(rng) < ALPHA for _ in range(tries)]))


def _unequal(rng: Random, difference: float) -> float:
    wells = [rng.normal(true, sd, WELLS) for true, sd in zip((difference, 0.0), _SDS, strict=True)]
    return within_plates([it.tolist() for it in wells], [[1] * WELLS] * 2, ALPHA).p


def _on_plates(rng: Random, difference: float) -> float:
    """Two plates, on which the conditions have unlike numbers of wells."""
    plates = [[1] * 5 + [2] * 3, [1] * 3 + [2] * 5]
    return within_plates(_wells_on(rng, plates, difference), plates, ALPHA).p


def _runs_on_plates(rng: Random, difference: float) -> float:
    plates = [[1] * 5 + [2] * 3, [1] * 3 + [2] * 5]
    cells = {run: _wells_on(rng, plates, difference) for run in range(4)}
    return paired(cell_means(without_plates(cells, dict.fromkeys(range(4), plates))), ALPHA).p


def _wells_on(rng: Random, plates: list[list[int]], difference: float) -> list[list[float]]:
    effect = dict(zip((1, 2), rng.normal(0, _PLATE_SD, 2), strict=True))
    return [
        [float(rng.normal(true + effect[plate], SD)) for plate in some]
        for true, some in zip((difference, 0.0), plates, strict=True)
    ]


def _plan_of_log_odds() -> ConfirmationPlan:
    return ConfirmationPlan(difference=0.06, runs=4, sd=0.03, link="logit", baseline=0.87)


def _planned_log_odds() -> float:
    difference, sds, run_sd = on_scale(_plan_of_log_odds())
    return power_over_runs(4, WELLS, difference, sds, run_sd, ALPHA)


def _log_odds(rng: Random, difference: float) -> float:
    """Ratios of beta distributions, which keep between 0 and 1."""

    def ratios(mean: float) -> NDArray[np.float64]:
        size = mean * (1 - mean) / _plan_of_log_odds().sd ** 2 - 1
        return linked(rng.beta(mean * size, (1 - mean) * size, WELLS), "logit")

    means = np.array([[ratios(m).mean() for m in (0.87 + difference, 0.87)] for _ in range(4)])
    return paired(means, ALPHA).p


def _four(rng: Random, difference: float) -> NDArray[np.float64]:
    """Means of four conditions in four runs; the first is better, so that one is to be found."""
    true = rng.normal((difference, 0.0, 0.0, 0.0), 0.03, (4, 4))
    return rng.normal(true, SD / WELLS**0.5)


class Planned(NamedTuple):
    """Several candidates against a standard, with the wells that were planned for them.

    `sd_standard` is the sd of the standard's wells, which is planned with; `noisy` that of the last
    candidate, which is not.
    """

    candidates: int
    runs: int
    run_sd: float = 0.0
    sd_standard: float = SD
    noisy: float = SD

    @property
    def wells(self) -> int:
        """Of each condition, in each run."""
        sds, candidates = (SD, self.sd_standard), self.candidates
        if self.runs == 1:
            return wells_for(_SMALL, sds, comparisons=candidates)
        return wells_a_run(self.runs, DIFFERENCE, sds, self.run_sd, comparisons=candidates)

    @property
    def case(self) -> Case:
        """The first candidate differs, or none; its power is what the plan says of it."""
        sds, wells = (SD, self.sd_standard), self.wells
        if self.runs == 1:
            return Case(self.p, _SMALL, power_of(wells, _SMALL, sds, ALPHA, self.candidates))
        planned = power_over_runs(
            self.runs, wells, DIFFERENCE, sds, self.run_sd, ALPHA, self.candidates
        )
        return Case(self.p, DIFFERENCE, planned)

    def p(self, rng: Random, difference: float) -> float:
        """Of the candidate that differs; without one the smallest of all."""
        wells = self.wells
        of_wells = np.array([SD] * (self.candidates - 1) + [self.noisy, self.sd_standard])
        true = np.array([difference] + [0.0] * self.candidates)
        if self.runs == 1:
            groups = rng.normal(true[:, None], of_wells[:, None], (len(true), wells))
            found = in_one_run(groups.tolist(), [[1] * wells] * len(true), ALPHA)
        else:
            of_means = (self.run_sd**2 + of_wells**2 / wells) ** 0.5
            found = against_control(rng.normal(true, of_means, (self.runs, len(true))), ALPHA)
        return found[0].p if difference else min(one.p for one in found)


def _tukey(rng: Random, difference: float) -> float:
    found = all_pairs(_four(rng, difference), ALPHA)
    return found[2].p if difference else min(one.p for one in found)


def _equivalent(rng: Random, difference: float) -> float:
    p = paired(_four(rng, difference)[:, :2], ALPHA, _MARGIN).equivalence_p
    assert p is not None
    return p


EQUIVALENCE = f"4 runs, equivalence within {_MARGIN}"
CASES = {
    "1 run, unequal sds": Case(_unequal, _SMALL, power_of(WELLS, _SMALL, _SDS, ALPHA)),
    "1 run, plates as blocks": Case(_on_plates, _SMALL, power_of(WELLS, _SMALL, SD, ALPHA)),
    "4 runs, unbalanced plates": Case(
        _runs_on_plates, _SMALL, power_over_runs(4, WELLS, _SMALL, (SD, SD), 0.0, ALPHA)
    ),
    "4 runs, log odds near 0.9": Case(_log_odds, 0.06, _planned_log_odds()),
    "1 run, 2 candidates": Planned(2, 1).case,
    "1 run, 4 candidates": Planned(4, 1).case,
    "3 runs, 2 candidates": Planned(2, 3, 0.03).case,
    "6 runs, 4 candidates": Planned(4, 6, 0.06).case,
    "1 run, 2 candidates, standard 0.09": Planned(2, 1, sd_standard=0.09).case,
    "1 run, 4 candidates, one 0.15": Planned(4, 1, noisy=0.15).case,
    "4 runs, 4 conditions, Tukey": Case(_tukey, DIFFERENCE, None),
}


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confirmations", description=__doc__)
    parser.add_argument("--tries", type=int, default=2000)
    tries = parser.parse_args().tries
    print(f"{'':34}  false alarms  found  planned")
    for row in rows(tries):
        planned = "-" if row.planned is None else f"{row.planned:.2f}"
        print(
            f"{row.case:34}  {row.false_alarms:12.3f}  {row.found:5.2f}  {planned:>7}", flush=True
        )


if __name__ == "__main__":
    main()
