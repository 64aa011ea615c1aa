"""Conditions compared over several runs: the run is the unit, not the well.

Wells of one run share its lot, donor and day. How a condition differs between runs (condition x
run) is no noise of wells, and more wells in one run do not make it smaller: a test over wells of
one run takes it for an effect. Here each condition has one value a run, the mean of its wells, and
runs are the blocks of a two-way table (Montgomery, "Design and Analysis of Experiments", chapter
4). With as many wells everywhere this is the mixed model with random runs and random condition x
run, whose exact test has a t distribution with (runs - 1)(conditions - 1) degrees of freedom.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import studentized_range, t, tukey_hsd

from orchestrator.studies.dunnett import critical, exceeded
from protocols.confirmation_plan import Link

_LEAST_DEGREES = 0.5  # with which a condition has an sd of its own
_RATIOS = 1e-6, 1e6  # beyond which a variance is as good as none beside the other
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

    Welch's t test on one plate, and on several as `in_one_run` has it. It says nothing of other
    runs.
    """
    return in_one_run(groups, plates, alpha, margin)[0]


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

    Equivalence is tested for each by itself.
    """
    error, degrees = _error(means)
    count = means.shape[1] - 1
    differences = (means[:, :-1] - means[:, -1:]).mean(axis=0)
    return _together(differences, [error] * count, [1.0] * count, [degrees] * count, alpha, margin)


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
    groups: Sequence[Sequence[float]],
    plates: Sequence[Sequence[int]],
    alpha: float = 0.05,
    margin: float | None = None,
) -> list[Contrast]:
    """Each condition of one run against the last over wells (Dunnett), plates as blocks.

    Of two conditions on one plate it is Welch's t test.

    Least squares on conditions and plates. Each condition has an sd of its own, from what is left
    over of its wells, and each comparison the degrees of freedom of Satterthwaite: Hasler and
    Hothorn 2008, "Multiple Contrast Tests in the Presence of Heteroscedasticity", Biometrical
    Journal 50, 793-800. Plates that cannot be told from the conditions are left out. It says
    nothing of other runs.

    Args:
        groups: the values of each condition, two or more.
        plates: the plate of each of these values.
        alpha: probability of a false alarm of all comparisons together.
        margin: within which two conditions are called equivalent; each is tested by itself.
    """
    values = np.array([value for some in groups for value in some])
    plate = np.array([number for some in plates for number in some])
    of_conditions = np.repeat(np.eye(len(groups)), [len(some) for some in groups], axis=0)
    design = np.hstack([of_conditions, plate[:, None] == np.unique(plate)[1:]])
    if np.linalg.matrix_rank(design) < design.shape[1] or len(design) == design.shape[1]:
        design = of_conditions
    solved = np.linalg.pinv(design)
    weights = solved @ values
    # What a condition leaves over has as many degrees of freedom as the fit left to its wells.
    left_over = (values - design @ weights) ** 2 @ of_conditions
    degrees = (1 - np.einsum("ij,ji->i", design, solved)) @ of_conditions
    contrasts = solved[: len(groups) - 1] - solved[len(groups) - 1]
    if degrees.min() >= _LEAST_DEGREES:
        parts = contrasts**2 @ of_conditions * (left_over / degrees)
        with np.errstate(invalid="ignore"):  # of values that are all equal
            free = parts.sum(axis=1) ** 2 / (parts**2 / degrees).sum(axis=1)
    else:  # the plates take nearly all of it: one sd of all wells
        parts = contrasts**2 @ of_conditions * (left_over.sum() / degrees.sum())
        free = np.full(len(contrasts), degrees.sum())
    of_candidates = np.maximum(parts[:, :-1].sum(axis=1), np.finfo(float).tiny)
    ratios = np.clip(parts[:, -1] / of_candidates, *_RATIOS)
    rounding = 1e-12 * float(np.abs(values).max())
    differences, errors = (
        np.where(np.abs(found) > rounding, found, 0.0)
        for found in (contrasts @ values, parts.sum(axis=1) ** 0.5)
    )
    return _together(differences, errors, ratios, free, alpha, margin)


def pairs_in_one_run(groups: Sequence[Sequence[float]], alpha: float = 0.05) -> list[Contrast]:
    """Each pair of conditions of one run over its wells, by Tukey's honest significance test."""
    tukey = tukey_hsd(*groups)
    interval = tukey.confidence_interval(1 - alpha)
    statistic, p = np.asarray(tukey.statistic), np.asarray(tukey.pvalue)
    low, high = np.asarray(interval.low), np.asarray(interval.high)
    return [
        Contrast(i, j, float(statistic[i, j]), float(low[i, j]), float(high[i, j]), float(p[i, j]))
        for i in range(len(groups))
        for j in range(i + 1, len(groups))
    ]


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


def _together(
    differences: NDArray[np.float64],
    errors: Sequence[float] | NDArray[np.float64],
    ratios: Sequence[float] | NDArray[np.float64],
    degrees: Sequence[float] | NDArray[np.float64],
    alpha: float,
    margin: float | None,
) -> list[Contrast]:
    """Contrasts with one control, their p and intervals for all together; see `exceeded`."""
    shape = tuple(float(ratio) for ratio in ratios)
    found = []
    each = zip(differences, errors, degrees, strict=True)
    for number, (value, error, free) in enumerate(map(float, one) for one in each):
        half = critical(shape, free, alpha) * error if error else 0.0
        p = exceeded(abs(value) / error, shape, free) if error else float(value == 0)
        equivalent = _equivalence(value, error, free, margin)
        found.append(
            Contrast(number, len(errors), value, value - half, value + half, p, equivalent)
        )
    return found


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
