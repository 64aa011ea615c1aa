"""Conditions compared over several runs: the run is the unit, not the well.

Wells of one run share its lot, donor and day. How a condition differs between runs (condition x
run) is no noise of wells, and more wells in one run do not make it smaller: a test over wells of
one run takes it for an effect. Here each condition has one value a run, the mean of its wells, and
runs are the blocks of a two-way table (Montgomery, "Design and Analysis of Experiments", chapter
4). With as many wells everywhere this is the mixed model with random runs and random condition x
run, whose exact test has a t distribution with (runs - 1)(conditions - 1) degrees of freedom.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import dunnett, multivariate_t, nct, studentized_range, t, tukey_hsd

from protocols.confirmation_plan import Link
from protocols.errors import WellwiseError

_LEAST_SHARE = 0.0005  # half of the last digit that a ratio is written with
_MOST_RUNS = 100
_MOST_WELLS = 1000
_USUAL_WELLS = 6


class Contrast(NamedTuple):
    """A difference of two conditions, first less second, with its interval and adjusted p.

    `equivalence_p` is that of two one-sided tests (TOST; Schuirmann 1987) against the margin: the
    probability of what was seen, or more, if they differed by the margin. None without one.
    """

    first: int
    second: int
    difference: float
    low: float
    high: float
    p: float
    equivalence_p: float | None = None


class Components(NamedTuple):
    """Variance components as sds: of runs, of a condition between runs, of wells in a run."""

    run: float
    condition_by_run: float
    well: float


def linked(values: Sequence[float], link: Link) -> NDArray[np.float64]:
    """The values on the scale on which they are compared; ratios of 0 and 1 stay finite."""
    found = np.asarray(values, dtype=np.float64)
    if link == "identity":
        return found
    return np.asarray(logit(np.clip(found, _LEAST_SHARE, 1 - _LEAST_SHARE)))


def cell_means(
    cells: Mapping[int, Sequence[Sequence[float]]], link: Link = "identity"
) -> NDArray[np.float64]:
    """Mean of each condition in each run that has all of them (runs x conditions).

    Args:
        cells: run -> the values of each condition, in the order of conditions.
        link: see `linked`.
    """
    return np.array(
        [
            [linked(values, link).mean() for values in several]
            for _, several in sorted(cells.items())
            if all(len(values) for values in several)
        ]
    )


def paired(
    means: NDArray[np.float64], alpha: float = 0.05, margin: float | None = None
) -> Contrast:
    """Two conditions (runs x 2): Student's t test of the differences within runs.

    Raises:
        ValueError: there are fewer than two runs.
    """
    if len(means) < 2:
        raise ValueError(f"{len(means)} runs (expected 2 or more that have both conditions)")
    differences = means[:, 0] - means[:, 1]
    degrees = len(differences) - 1
    mean = float(differences.mean())
    error = float(differences.std(ddof=1)) / len(differences) ** 0.5
    half = float(t.ppf(1 - alpha / 2, degrees)) * error
    p = _two_sided(mean, error, degrees)
    return Contrast(
        0, 1, mean, mean - half, mean + half, p, _equivalence(mean, error, degrees, margin)
    )


def against_control(
    means: NDArray[np.float64], alpha: float = 0.05, margin: float | None = None
) -> list[Contrast]:
    """Each condition against the last (runs x conditions), by Dunnett's procedure.

    The statistics of k comparisons with one control have a multivariate t distribution with
    correlation 1/2 (Dunnett 1955). Equivalence is tested for each by itself.
    """
    error, degrees = _error(means)
    count = means.shape[1] - 1
    shape = np.full((count, count), 0.5) + 0.5 * np.eye(count)
    joint = multivariate_t(shape=shape, df=degrees, seed=0)

    def exceeded(size: float) -> float:
        return 1 - float(joint.cdf(np.full(count, size), lower_limit=np.full(count, -size)))

    critical = _root(exceeded, alpha)
    found = []
    for number, difference in enumerate((means[:, :-1] - means[:, -1:]).mean(axis=0)):
        value = float(difference)
        p = min(1.0, max(0.0, exceeded(abs(value) / error)))
        half = critical * error
        equivalent = _equivalence(value, error, degrees, margin)
        found.append(Contrast(number, count, value, value - half, value + half, p, equivalent))
    return found


def all_pairs(means: NDArray[np.float64], alpha: float = 0.05) -> list[Contrast]:
    """Each pair of conditions (runs x conditions), by Tukey's studentized range."""
    error, degrees = _error(means)
    count = means.shape[1]
    root = 2**0.5
    half = float(studentized_range.ppf(1 - alpha, count, degrees)) / root * error
    averages = means.mean(axis=0)
    found = []
    for first in range(count):
        for second in range(first + 1, count):
            value = float(averages[first] - averages[second])
            p = float(studentized_range.sf(abs(value) / error * root, count, degrees))
            found.append(Contrast(first, second, value, value - half, value + half, p))
    return found


def in_one_run(
    groups: Sequence[Sequence[float]], alpha: float = 0.05, pairs: bool = False
) -> list[Contrast]:
    """Several conditions of one run over its wells: Dunnett against the last, or Tukey for pairs.

    It says nothing of other runs.
    """
    if pairs:
        tukey = tukey_hsd(*groups)
        interval = tukey.confidence_interval(1 - alpha)
        statistic, p = np.asarray(tukey.statistic), np.asarray(tukey.pvalue)
        low, high = np.asarray(interval.low), np.asarray(interval.high)
        return [
            Contrast(i, j, float(statistic[i, j]), float(low[i, j]), float(high[i, j]),
                     float(p[i, j]))
            for i in range(len(groups))
            for j in range(i + 1, len(groups))
        ]  # fmt: skip
    *others, control = groups
    result = dunnett(*others, control=control, rng=np.random.default_rng(0))
    bounds = result.confidence_interval(1 - alpha)
    lows, highs, ps = (np.asarray(it) for it in (bounds.low, bounds.high, result.pvalue))
    return [
        Contrast(number, len(others), float(np.mean(values) - np.mean(control)),
                 float(lows[number]), float(highs[number]), float(ps[number]))
        for number, values in enumerate(others)
    ]  # fmt: skip


def power_over_runs(
    runs: int,
    wells: int,
    difference: float,
    sds: tuple[float, float],
    run_sd: float,
    alpha: float = 0.05,
) -> float:
    """The power of `paired` with so many runs and wells a run of each condition.

    A run's difference has the variance 2 run_sd^2 + (sd1^2 + sd2^2) / wells; the statistic has a
    noncentral t distribution with runs - 1 degrees of freedom. The conditions' sds may differ.
    """
    if runs < 2:
        return 0.0
    sd = (2 * run_sd**2 + (sds[0] ** 2 + sds[1] ** 2) / wells) ** 0.5
    degrees, noncentrality = runs - 1, difference / sd * runs**0.5
    critical = float(t.ppf(1 - alpha / 2, degrees))
    return float(
        nct.sf(critical, degrees, noncentrality) + nct.cdf(-critical, degrees, noncentrality)
    )


def runs_for(
    wells: int,
    difference: float,
    sds: tuple[float, float],
    run_sd: float,
    power: float = 0.9,
    alpha: float = 0.05,
) -> int | None:
    """The fewest runs (2 or more) with the wanted power; None where not even a hundred have it."""
    for runs in range(2, _MOST_RUNS + 1):
        if power_over_runs(runs, wells, difference, sds, run_sd, alpha) >= power:
            return runs
    return None


def wells_a_run(
    runs: int,
    difference: float,
    sd: float,
    run_sd: float,
    power: float = 0.9,
    alpha: float = 0.05,
) -> int:
    """The fewest wells (2 or more) that each condition needs in each run for the wanted power.

    Raises:
        WellwiseError: no number is enough, as the runs are too few; says how many would do.
    """
    for wells in range(2, _MOST_WELLS + 1):
        if power_over_runs(runs, wells, difference, (sd, sd), run_sd, alpha) >= power:
            return wells
    enough = runs_for(_USUAL_WELLS, difference, (sd, sd), run_sd, power, alpha)
    remedy = (
        f"{enough} runs of {_USUAL_WELLS} wells are enough"
        if enough
        else "look for a larger difference"
    )
    raise WellwiseError(
        f"{runs} runs do not find a difference of {difference:g} however many wells they have: a "
        f"condition varies between runs by {run_sd:g} (sd); {remedy}"
    )


def components(
    cells: Mapping[int, Sequence[Sequence[float]]], link: Link = "identity"
) -> Components | None:
    """Variance components by restricted maximum likelihood (statsmodels' MixedLM).

    Fixed conditions; random runs, and random condition x run within them. None where the fit does
    not converge or there are fewer than two runs.
    """
    import warnings

    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM

    table = pd.DataFrame(
        [
            (run, condition, value)
            for run, several in cells.items()
            for condition, values in enumerate(several)
            for value in linked(values, link)
        ],
        columns=["run", "condition", "value"],
    )
    if table["run"].nunique() < 2:
        return None
    model = MixedLM.from_formula(
        "value ~ C(condition)",
        table,
        groups="run",
        vc_formula={"condition_by_run": "0 + C(condition)"},
        re_formula="1",
    )
    with warnings.catch_warnings():
        # Components at the edge, 0, are what is often found and no error.
        warnings.simplefilter("ignore")
        fitted = model.fit(reml=True)
    if not fitted.converged:
        return None
    of_runs, of_conditions = float(np.asarray(fitted.cov_re)[0, 0]), float(fitted.vcomp[0])
    return Components(
        max(of_runs, 0.0) ** 0.5, max(of_conditions, 0.0) ** 0.5, float(fitted.scale) ** 0.5
    )


def _error(means: NDArray[np.float64]) -> tuple[float, int]:
    """Standard error of a difference of two conditions, and its degrees of freedom."""
    runs, conditions = means.shape
    if runs < 2:
        raise ValueError(f"{runs} runs (expected 2 or more that have all conditions)")
    residuals = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    degrees = (runs - 1) * (conditions - 1)
    return float((2 * (residuals**2).sum() / degrees / runs) ** 0.5), degrees


def _two_sided(value: float, error: float, degrees: int) -> float:
    if error == 0:
        return float(value == 0)
    return float(2 * t.sf(abs(value) / error, degrees))


def _equivalence(value: float, error: float, degrees: int, margin: float | None) -> float | None:
    if margin is None:
        return None
    if error == 0:
        return float(abs(value) >= margin)
    return float(t.sf((margin - abs(value)) / error, degrees))


def _root(exceeded: Callable[[float], float], alpha: float) -> float:
    """Where the probability falls to alpha, to three digits: that of the integral itself."""
    low, high = 0.0, 50.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if exceeded(middle) > alpha else (low, middle)
    return (low + high) / 2
