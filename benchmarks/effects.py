"""Whether intervals of Sobol indices hold the true ones, on functions whose indices are known."""

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np

import optimizer
from benchmarks.known_indices import REPORTED, TUNING, known
from protocols.conditions import Observation
from protocols.parameters import ContinuousParameter
from protocols.search_space import SearchSpace

SHARE = 0.9
WELLS = 48


class Trial(NamedTuple):
    """The intervals of one set of results: for each index the truth, its ends and its median.

    `p_values` are those of the tests without the model, `r_squared` that of held-out results.
    """

    family: str
    noise: float
    order: list[str]
    truth: list[float]
    low: list[float]
    high: list[float]
    median: list[float]
    p_values: list[float]
    r_squared: float


def trial(family: str, noise_share: float, seed: int, wells: int = WELLS) -> Trial:
    """One design of so many wells; the noise's sd is a share of the function's, or 1."""
    truth = known(family, seed)
    names = [f"x{index + 1}" for index in range(len(truth.first))]
    space = SearchSpace(
        parameters=tuple(
            ContinuousParameter(name=n, step="A", kind="continuous", low=0, high=1, standard=0.5)
            for n in names
        )
    )
    conditions = [p.condition for p in optimizer.propose(space, [], number=wells, seed=seed)]
    unit = np.array([[float(c[name]) for name in names] for c in conditions])
    sd = noise_share * truth.sd or 1.0
    values = truth.value(unit) + np.random.default_rng([seed, 7]).normal(0, sd, wells)
    results = [
        Observation(condition=c, value=float(value), round=1)
        for c, value in zip(conditions, values, strict=True)
    ]
    found = {effect.parameter: effect for effect in optimizer.effects(space, results, seed)}
    indices = [found[name].first_order for name in names]
    indices += [found[name].total_order for name in names]
    tests = [found[name].without_model for name in names]
    return Trial(
        family,
        noise_share,
        ["first"] * len(names) + ["total"] * len(names),
        [*truth.first.tolist(), *truth.total.tolist()],
        [index.low for index in indices],
        [index.high for index in indices],
        [index.median for index in indices],
        [test.p_value for test in tests if test is not None],
        optimizer.r_squared(optimizer.cross_validate(space, results)),
    )


def covered(trials: Sequence[Trial], family: str | None, order: str, zero: bool) -> tuple[int, int]:
    """How many intervals hold the truth, and of how many; of indices that are 0 or are not."""
    hits = [
        low <= truth <= high
        for one in trials
        if family in (None, one.family)
        for which, truth, low, high in zip(one.order, one.truth, one.low, one.high, strict=True)
        if which == order and (truth == 0) == zero
    ]
    return sum(hits), len(hits)


def table(trials: Sequence[Trial], wells: int) -> None:
    """Print how many intervals held the truth, and how wide they were."""
    print(f"{SHARE:.0%} intervals that hold the true index ({wells} wells, {len(trials)} studies)")
    for family in [*dict.fromkeys(one.family for one in trials), None]:
        cells = []
        for order in ("first", "total"):
            for zero in (False, True):
                hits, number = covered(trials, family, order, zero)
                if number:
                    cells.append(
                        f"{order} order, {'0' if zero else 'above 0'}: {hits / number:.2f} "
                        f"of {number}"
                    )
        print(f"  {family or 'all':12} {'   '.join(cells)}")
        some = [one for one in trials if family in (None, one.family)]
        widths = [h - lo for one in some for lo, h in zip(one.low, one.high, strict=True)]
        off = [abs(m - t) for one in some for m, t in zip(one.median, one.truth, strict=True)]
        r_squared = np.median([one.r_squared for one in some])
        print(
            f"  {'':12} width {np.median(widths):.2f}, median off by {np.median(off):.3f}; "
            f"R2 of held-out results {r_squared:.2f}"
        )
    nothing = [p for one in trials if one.family == "noise alone" for p in one.p_values]
    if nothing:
        print(
            f"tests without the model on noise alone: p below 0.05 in "
            f"{np.mean(np.array(nothing) < 0.05):.2f} of {len(nothing)}"
        )


def _trial(job: tuple[str, float, int, int]) -> Trial:
    return trial(*job)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--functions", choices=["reported", "tuning"], default="reported")
    parser.add_argument("--noise", type=float, nargs="+", default=[0.1, 0.3])
    parser.add_argument("--wells", type=int, default=WELLS)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    names = [*REPORTED, "metafunction"] if arguments.functions == "reported" else [*TUNING]
    jobs = [
        (name, share, seed, arguments.wells)
        for name in names
        for share in (arguments.noise if name != "noise alone" else [1.0])
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    ]
    with ProcessPoolExecutor(arguments.processes) as pool:
        table(list(pool.map(_trial, jobs)), arguments.wells)


if __name__ == "__main__":
    main()
