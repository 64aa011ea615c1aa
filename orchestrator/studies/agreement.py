"""Agreement between two methods that measure the same wells.

Bland and Altman 1986, "Statistical methods for assessing agreement between two methods of clinical
measurement".
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import linregress, t

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

    About 95 % of differences lie within `lower` and `upper`. `slope` is by how much the difference
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
    )


def _trend(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of a straight line through the points, and the p value of its being 0."""
    if x.std() < 1e-12:
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
