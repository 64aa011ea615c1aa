"""Summaries of measured values: of a round, and of the wells of one condition."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, quantiles, stdev
from typing import NamedTuple

from scipy.stats import t

_SHARE = 0.95


class Spread(NamedTuple):
    """Values of some wells: how many, median and quartiles, and range.

    A mean has no interval here: the wells of a round have conditions that differ on purpose.
    """

    wells: int
    low_quartile: float
    median: float
    high_quartile: float
    least: float
    most: float

    @property
    def width(self) -> float:
        """Between the quartiles."""
        return self.high_quartile - self.low_quartile


class Summary(NamedTuple):
    """Wells of one condition: how many, in how many runs, mean with 95 % interval, and range.

    The interval is Student's t: over the means of runs where there are several, as wells of one
    run are alike; over wells where there is one, and then it says nothing of other runs.
    """

    wells: int
    runs: int
    mean: float
    low: float | None
    high: float | None
    least: float
    most: float

    @property
    def width(self) -> float:
        """Half of the interval; without one the range."""
        if self.low is None or self.high is None:
            return self.most - self.least
        return (self.high - self.low) / 2


def spread_of(values: Sequence[float]) -> Spread | None:
    """Of the values of some wells; None of none."""
    if not values:
        return None
    if len(values) == 1:
        return Spread(1, *(values[0],) * 5)
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(len(values), low, middle, high, min(values), max(values))


def summary_of(
    values: Sequence[tuple[int, float]], clipped: Callable[[float], float] = float
) -> Summary | None:
    """Of (run, value) pairs of one condition, its interval within what values can be."""
    if not values:
        return None
    by_run: dict[int, list[float]] = {}
    for run, value in values:
        by_run.setdefault(run, []).append(value)
    whole = [value for _, value in values]
    # Wells of one run are alike, so that runs are the units where there are several.
    units = whole if len(by_run) == 1 else [fmean(several) for several in by_run.values()]
    mean, low, high = fmean(units), None, None
    if len(units) > 1:
        half = float(t.ppf(0.5 + _SHARE / 2, len(units) - 1)) * stdev(units) / len(units) ** 0.5
        low, high = clipped(mean - half), clipped(mean + half)
    return Summary(len(whole), len(by_run), mean, low, high, min(whole), max(whole))


def smallest(spreads: Iterable[float]) -> float | None:
    """The smallest spread above 0, by which numbers that stand together are written."""
    return min((spread for spread in spreads if spread > 0), default=None)
