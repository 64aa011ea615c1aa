"""Agreement between two methods that measure the same wells.

Bland and Altman 1986, "Statistical methods for assessing agreement between two methods of clinical
measurement"; intraclass correlation: McGraw and Wong 1996, "Forming inferences about some
intraclass correlation coefficients".
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import f, linregress, t

from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import BY_HAND, ObservationRow
from protocols.addresses import WellAddress
from protocols.combine import combined
from protocols.scoring import Score

_LIMITS = 1.96
FEWEST_PAIRS = 3


class Pair(NamedTuple):
    """The values of one well by a scorer and by a person."""

    address: WellAddress
    scored: float
    by_hand: float


class Agreement(NamedTuple):
    """Differences of pairs (first minus second): mean with 95 % interval, sd and limits.

    `wells` is the number of pairs.

    About 95 % of differences lie within `lower` and `upper`, each of which is known to
    +- `limit_half` (95 %). `slope` is by how much the difference
    grows with the mean of both, with its p value: small means that the bias is not the same
    everywhere.
    """

    wells: int
    bias: float
    bias_low: float
    bias_high: float
    sd: float
    lower: float
    upper: float
    slope: float
    slope_p: float
    limit_half: float


def agreement(first: Sequence[float], second: Sequence[float]) -> Agreement:
    """How far two measurements of the same wells lie apart.

    Raises:
        ValueError: there are fewer than three pairs, or not as many of one as of the other.
    """
    if len(first) != len(second) or len(first) < FEWEST_PAIRS:
        raise ValueError(
            f"{len(first)} and {len(second)} values (expected as many of each, {FEWEST_PAIRS} or "
            "more)"
        )
    left, right = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    differences, means = left - right, (left + right) / 2
    number = len(differences)
    bias, sd = float(differences.mean()), float(differences.std(ddof=1))
    half = float(t.ppf(0.975, number - 1)) * sd / number**0.5
    slope, p = _trend(means, differences)
    return Agreement(
        number,
        bias,
        bias - half,
        bias + half,
        sd,
        bias - _LIMITS * sd,
        bias + _LIMITS * sd,
        slope,
        p,
        # Bland and Altman 1986: the variance of a limit is about 3 sd^2 / n.
        float(t.ppf(0.975, number - 1)) * sd * (3 / number) ** 0.5,
    )


class Intraclass(NamedTuple):
    """The share of variance that lies between wells, ICC(A,1), with its 95 % interval."""

    icc: float
    low: float
    high: float


def intraclass(values: Sequence[Sequence[float]]) -> Intraclass:
    """Absolute agreement of single measurements: ICC(A,1) of two-way random effects.

    Args:
        values: a row a well, a column a method (n x k).

    Raises:
        ValueError: there are fewer than three wells or two methods, or all wells are the same.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or len(table) < FEWEST_PAIRS or table.shape[1] < 2 or np.ptp(table) == 0:
        raise ValueError(
            "no table of wells that differ (expected three wells, two methods or more)"
        )
    n, k = table.shape
    wells, methods = table.mean(axis=1), table.mean(axis=0)
    rest = table - wells[:, None] - methods + table.mean()
    between = k * float(wells.var(ddof=1))
    of_methods = n * float(methods.var(ddof=1))
    error = max(float((rest**2).sum()) / ((n - 1) * (k - 1)), 1e-12 * float(table.var()))
    icc = (between - error) / (between + (k - 1) * error + k * (of_methods - error) / n)
    a = k * icc / (n * (1 - icc)) if icc < 1 else np.inf
    if not np.isfinite(a):
        return Intraclass(icc, icc, icc)
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    degrees = (a * of_methods + b * error) ** 2 / (
        (a * of_methods) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    )
    upper, lower = f.ppf(0.975, n - 1, degrees), f.ppf(0.975, degrees, n - 1)
    spare = k * of_methods + (k * n - k - n) * error
    low = n * (between - upper * error) / (upper * spare + n * between)
    high = n * (lower * between - error) / (spare + n * lower * between)
    return Intraclass(float(icc), float(low), float(high))


def _trend(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of a straight line through the points, and the p value of its being 0."""
    if np.ptp(x) <= 1e-9 * np.abs(x).max():
        return 0.0, 1.0
    line = linregress(x, y)
    return float(line.slope), float(line.pvalue)


def pairs_of(journal: Journal, campaign_id: str) -> list[Pair]:
    """The wells that have a trusted score and a value by hand, by address; the latest of each."""
    rule = journal.state(campaign_id).campaign.outcome.combine
    scored: dict[WellAddress, dict[int, Score]] = defaultdict(dict)
    by_hand: dict[WellAddress, float] = {}
    for row in journal.derived(campaign_id, ObservationRow):
        address = WellAddress(campaign_id, row.round, row.plate, row.well)
        if row.scorer != BY_HAND:
            scored[address][row.reading_id] = Score(value=row.value, flags=tuple(row.flags))
        elif row.value is not None and not row.flags:
            by_hand[address] = row.value
    pairs = []
    for address, value in sorted(by_hand.items()):
        scores = [score for _, score in sorted(scored[address].items())]
        counted = combined(scores, rule) if scores else None
        if counted is not None and counted.value is not None and not counted.flags:
            pairs.append(Pair(address, counted.value, value))
    return pairs
