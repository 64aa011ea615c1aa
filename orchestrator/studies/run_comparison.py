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
from scipy.stats import dunnett, multivariate_t, studentized_range, t, ttest_ind, tukey_hsd

from protocols.confirmation_plan import Link

LEAST_SHARE = 0.0005  # half of the last digit that a ratio is written with


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
    return np.asarray(logit(np.clip(found, LEAST_SHARE, 1 - LEAST_SHARE)))


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


def without_plates(
    cells: Mapping[int, Sequence[Sequence[float]]], plates: Mapping[int, Sequence[Sequence[int]]]
) -> dict[int, list[list[float]]]:
    """The values with what a plate adds to all of its wells taken out, run by run.

    Plates are blocks within a run: least squares on conditions and plates (Montgomery, chapter 4).
    A run whose plates cannot be told from its conditions is left as it is.

    Args:
        cells: run -> the values of each condition.
        plates: run -> the plate of each of these values.
    """
    return {run: _without_plates(several, plates[run]) for run, several in cells.items()}


def _without_plates(
    several: Sequence[Sequence[float]], plates: Sequence[Sequence[int]]
) -> list[list[float]]:
    as_they_are = [list(values) for values in several]
    condition = np.repeat(np.arange(len(several)), [len(values) for values in several])
    values = np.array([value for some in several for value in some])
    plate = np.array([number for some in plates for number in some])
    names = np.unique(plate)
    if len(names) < 2:
        return as_they_are
    of_conditions = condition[:, None] == np.unique(condition)
    of_plates = plate[:, None] == names[1:]
    design = np.hstack([of_conditions, of_plates]).astype(float)
    weights, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    if rank < design.shape[1]:
        return as_they_are
    effect = of_plates @ weights[of_conditions.shape[1] :]
    left = values - effect + effect.mean()
    return [[float(v) for v in left[condition == number]] for number in range(len(several))]


def within_plates(
    groups: Sequence[Sequence[float]],
    plates: Sequence[Sequence[int]],
    alpha: float = 0.05,
    margin: float | None = None,
) -> Contrast:
    """Two conditions of one run over their wells, which may vary unequally, plates as blocks.

    On one plate Welch's t test; on several least squares on condition and plates with HC3 standard
    errors (MacKinnon and White 1985). It says nothing of other runs.
    """
    import statsmodels.api as sm

    first, second = (np.asarray(values, dtype=float) for values in groups)
    names = sorted({plate for some in plates for plate in some})
    of = np.array([plate for some in plates for plate in some])
    condition = np.repeat([1.0, 0.0], [len(first), len(second)])
    blocks = [(of == name) * 1.0 for name in names[1:]]
    design = np.column_stack([condition, np.ones(len(of)), *blocks])
    if len(names) == 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        result = ttest_ind(first, second, equal_var=False)
        difference, degrees = float(first.mean() - second.mean()), float(result.df)
        error = abs(difference / float(result.statistic)) if result.statistic else 0.0
        error = error or float(
            (first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)) ** 0.5
        )
    else:
        fitted = sm.OLS(np.concatenate([first, second]), design).fit(cov_type="HC3", use_t=True)
        difference, error = float(fitted.params[0]), float(fitted.bse[0])
        degrees = float(fitted.df_resid)
    half = float(t.ppf(1 - alpha / 2, degrees)) * error
    return Contrast(
        0,
        1,
        difference,
        difference - half,
        difference + half,
        _two_sided(difference, error, degrees),
        _equivalence(difference, error, degrees, margin),
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


def _two_sided(value: float, error: float, degrees: float) -> float:
    if error == 0:
        return float(value == 0)
    return float(2 * t.sf(abs(value) / error, degrees))


def _equivalence(value: float, error: float, degrees: float, margin: float | None) -> float | None:
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
