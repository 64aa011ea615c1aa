"""How many wells and runs a planned comparison needs: power of the tests of a confirmation."""

from bisect import bisect_left
from collections.abc import Callable

import numpy as np
from scipy.special import logit
from scipy.stats import nct, t

from orchestrator.studies import dunnett
from orchestrator.studies.run_comparison import LEAST_SHARE
from protocols.confirmation_plan import ConfirmationPlan
from protocols.errors import WellwiseError

_MOST_RUNS = 100
_MOST_WELLS = 1000
_USUAL_WELLS = 6


def on_scale(plan: ConfirmationPlan) -> tuple[float, tuple[float, float], float]:
    """Difference, both sds of wells, and the sd between runs, on the scale that is compared.

    Of log odds they are by the delta method around `baseline`, and `baseline` with the difference
    on the side where the ratio stays between 0 and 1. Without a baseline they are as planned.
    """
    sds = plan.sd, plan.sd_standard or plan.sd
    if plan.link == "identity" or plan.baseline is None:
        return plan.difference, sds, plan.run_sd
    standard = float(np.clip(plan.baseline, LEAST_SHARE, 1 - LEAST_SHARE))
    signed = plan.difference if standard + plan.difference < 1 else -plan.difference
    other = float(np.clip(standard + signed, LEAST_SHARE, 1 - LEAST_SHARE))
    slopes = [1 / (ratio * (1 - ratio)) for ratio in (other, standard)]
    difference = abs(float(logit(other) - logit(standard)))
    between = plan.run_sd * float(np.sqrt((slopes[0] ** 2 + slopes[1] ** 2) / 2))
    return difference, (sds[0] * slopes[0], sds[1] * slopes[1]), between


def power_of(
    wells: int,
    difference: float,
    sds: float | tuple[float, float],
    alpha: float = 0.05,
    comparisons: int = 1,
) -> float:
    """The power of a two-sided Welch's t test with so many wells a group, of one sd or of two.

    With several comparisons it is that of each in Dunnett's test, whatever the others are, at the
    probability `alpha` of any false alarm. Two sds are those of candidates and of the standard.

    The statistic has a noncentral t distribution (Cohen 1988, "Statistical Power Analysis", chapter
    2), here with the degrees of freedom of Welch and Satterthwaite: 2 wells - 2 where the sds are
    the same.
    """
    one, two = (sds, sds) if isinstance(sds, float | int) else sds
    degrees = (wells - 1) * (one**2 + two**2) ** 2 / (one**4 + two**4)
    noncentrality = difference / ((one**2 + two**2) / wells) ** 0.5
    ratios = ((two / one) ** 2,) * comparisons if one else (1.0,) * comparisons
    return _power(noncentrality, degrees, alpha, ratios)


def wells_for(
    difference: float,
    sds: float | tuple[float, float],
    power: float = 0.9,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> int:
    """The fewest wells a group (at least 2) with which the test has the wanted power.

    Raises:
        WellwiseError: it would be more than a thousand.
    """
    wells = _fewest(
        _MOST_WELLS, lambda it: power_of(it, difference, sds, alpha, comparisons) >= power
    )
    if wells is not None:
        return wells
    largest = sds if isinstance(sds, float | int) else max(sds)
    raise WellwiseError(
        f"a difference of {difference:g} with an sd of {largest:.3g} between wells would need more "
        f"than {_MOST_WELLS} wells "
        "a group: look for a larger difference, or make wells more alike"
    )


def power_over_runs(
    runs: int,
    wells: int,
    difference: float,
    sds: tuple[float, float],
    run_sd: float,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> float:
    """The power of `paired` with so many runs and wells a run of each condition.

    With several comparisons that of each in `against_control`; see `power_of`.

    A run's difference has the variance 2 run_sd^2 + (sd1^2 + sd2^2) / wells; the statistic has a
    noncentral t distribution with runs - 1 degrees of freedom. The conditions' sds may differ.
    """
    if runs < 2:
        return 0.0
    if comparisons > 1:
        sds = max(sds), max(sds)
    sd = (2 * run_sd**2 + (sds[0] ** 2 + sds[1] ** 2) / wells) ** 0.5
    degrees = (runs - 1) * comparisons
    return _power(difference / sd * runs**0.5, degrees, alpha, (1.0,) * comparisons)


def runs_for(
    wells: int,
    difference: float,
    sds: tuple[float, float],
    run_sd: float,
    power: float = 0.9,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> int | None:
    """The fewest runs (2 or more) with the wanted power; None where not even a hundred have it."""

    def enough(runs: int) -> bool:
        found = power_over_runs(runs, wells, difference, sds, run_sd, alpha, comparisons)
        return found >= power

    return _fewest(_MOST_RUNS, enough)


def wells_a_run(
    runs: int,
    difference: float,
    sds: tuple[float, float],
    run_sd: float,
    power: float = 0.9,
    alpha: float = 0.05,
    comparisons: int = 1,
) -> int:
    """The fewest wells (2 or more) that each condition needs in each run for the wanted power.

    Raises:
        WellwiseError: no number is enough, as the runs are too few; says how many would do.
    """

    def enough(wells: int) -> bool:
        found = power_over_runs(runs, wells, difference, sds, run_sd, alpha, comparisons)
        return found >= power

    wells = _fewest(_MOST_WELLS, enough)
    if wells is not None:
        return wells
    more = runs_for(_USUAL_WELLS, difference, sds, run_sd, power, alpha, comparisons)
    remedy = (
        f"{more} runs of {_USUAL_WELLS} wells are enough"
        if more
        else "look for a larger difference"
    )
    raise WellwiseError(
        f"{runs} runs do not find a difference of {difference:g} however many wells they have: a "
        f"condition varies between runs by {run_sd:g} (sd); {remedy}"
    )


def _power(noncentrality: float, degrees: float, alpha: float, ratios: tuple[float, ...]) -> float:
    """By the ratios of the control's variance to that of each comparison's other condition."""
    if len(ratios) == 1:
        critical = float(t.ppf(1 - alpha / 2, degrees))
    else:
        critical = dunnett.critical(ratios, degrees, alpha)
    # The far tail is below 1e-6 wherever scipy cannot compute it.
    far = float(np.nan_to_num(nct.cdf(-critical, degrees, noncentrality)))
    return float(nct.sf(critical, degrees, noncentrality)) + far


def _fewest(most: int, enough: Callable[[int], bool]) -> int | None:
    """The first number from 2 that is enough, as all behind it are; None if not even `most` is."""
    low, high = 2, 2
    while not enough(high):
        if high == most:
            return None
        low, high = high + 1, min(most, 2 * high)
    return low + bisect_left(range(low, high), True, key=enough)
