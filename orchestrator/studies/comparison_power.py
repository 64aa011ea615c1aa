"""How many wells and runs a planned comparison needs: power of the tests of a confirmation."""

import numpy as np
from scipy.special import logit
from scipy.stats import nct, t

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
    wells: int, difference: float, sds: float | tuple[float, float], alpha: float = 0.05
) -> float:
    """The power of a two-sided Welch's t test with so many wells a group, of one sd or of two.

    The statistic has a noncentral t distribution (Cohen 1988, "Statistical Power Analysis", chapter
    2), here with the degrees of freedom of Welch and Satterthwaite: 2 wells - 2 where the sds are
    the same.
    """
    one, two = (sds, sds) if isinstance(sds, float | int) else sds
    degrees = (wells - 1) * (one**2 + two**2) ** 2 / (one**4 + two**4)
    noncentrality = difference / ((one**2 + two**2) / wells) ** 0.5
    critical = float(t.ppf(1 - alpha / 2, degrees))
    return float(
        nct.sf(critical, degrees, noncentrality) + nct.cdf(-critical, degrees, noncentrality)
    )


def wells_for(
    difference: float,
    sds: float | tuple[float, float],
    power: float = 0.9,
    alpha: float = 0.05,
) -> int:
    """The fewest wells a group (at least 2) with which the test has the wanted power.

    Raises:
        WellwiseError: it would be more than a thousand.
    """
    for wells in range(2, _MOST_WELLS + 1):
        if power_of(wells, difference, sds, alpha) >= power:
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
    sds: tuple[float, float],
    run_sd: float,
    power: float = 0.9,
    alpha: float = 0.05,
) -> int:
    """The fewest wells (2 or more) that each condition needs in each run for the wanted power.

    Raises:
        WellwiseError: no number is enough, as the runs are too few; says how many would do.
    """
    for wells in range(2, _MOST_WELLS + 1):
        if power_over_runs(runs, wells, difference, sds, run_sd, alpha) >= power:
            return wells
    enough = runs_for(_USUAL_WELLS, difference, sds, run_sd, power, alpha)
    remedy = (
        f"{enough} runs of {_USUAL_WELLS} wells are enough"
        if enough
        else "look for a larger difference"
    )
    raise WellwiseError(
        f"{runs} runs do not find a difference of {difference:g} however many wells they have: a "
        f"condition varies between runs by {run_sd:g} (sd); {remedy}"
    )
