"""Scorers of whole chromatograms: how well the worst pair is resolved, and the last peak."""

from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from protocols.jobs import Reading
from protocols.scorers.kinetics import Points
from protocols.scorers.peaks import WhatIsAPeak, peaks_of
from protocols.scoring import Score

_BY_HALF_WIDTHS = 1.18
"""2 sqrt(2 ln 2) / 2: widths at half height of Gaussian peaks instead of those at the base."""


class PeakResolution:
    """The smallest resolution between neighbouring peaks, 1.18 (t2 - t1) / (w1 + w2).

    With the widths w at half height (United States Pharmacopeia, chapter 621): 1.5 is separated to
    the base line.
    """

    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("trace",)
    unit: ClassVar[str] = ""

    class Options(WhatIsAPeak):
        """What a campaign file says of it."""

        peaks: int = Field(ge=2, description="how many substances there are")

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The resolution; 0 where peaks are fewer than substances: two coincide, or one is missing.

        Flags: see `TraceOptions`; `no_peak` where there is none, `more_peaks` where there are more
        than substances.
        """
        points = self._options.points(reading)
        if isinstance(points, Score):
            return points
        y, tops = peaks_of(points, self._options)
        flags = self._options.flags(points.y)
        if not len(tops):
            return Score(value=0.0, flags=("no_peak",))
        if len(tops) < self._options.peaks:
            return Score(value=0.0, flags=flags)
        if len(tops) > self._options.peaks:
            flags = (*flags, "more_peaks")
        widths = _half_height_widths(Points(points.x, y, points.unit), tops)
        at = points.x[tops]
        worst = min(
            _BY_HALF_WIDTHS * (at[k + 1] - at[k]) / (widths[k] + widths[k + 1])
            for k in range(len(tops) - 1)
        )
        return Score(value=float(worst), flags=flags)


def _half_height_widths(points: Points, tops: NDArray[np.intp]) -> list[float]:
    """Widths of peaks at half of their heights, in the axis' unit.

    Heights are above the line through the lowest points before the first and behind the last top.
    Where a neighbour covers one flank, the peak is as wide there as at the other.
    """
    x, y = points.x, points.y
    feet = [int(y[: tops[0]].argmin()), int(tops[-1] + y[tops[-1] :].argmin())]
    above = y - np.interp(x, x[feet], y[feet])
    valleys = [
        feet[0],
        *(int(a + above[a:b].argmin()) for a, b in pairwise(tops)),
        feet[1],
    ]
    widths = []
    for top, left, right in zip(tops, valleys, valleys[1:], strict=False):
        half = above[top] / 2
        flanks = [
            abs(x[top] - crossed)
            for crossed in (
                _crossing(x[left : top + 1][::-1], above[left : top + 1][::-1], half),
                _crossing(x[top : right + 1], above[top : right + 1], half),
            )
            if crossed is not None
        ]
        # Covered on both sides it is at least as narrow as its valleys are apart.
        widths.append(2 * float(np.mean(flanks)) if flanks else float(x[right] - x[left]))
    return widths


def _crossing(x: NDArray[np.float64], falling: NDArray[np.float64], level: float) -> float | None:
    """Where values first fall below a level, between two points; None where they never do."""
    below = np.flatnonzero(falling < level)
    if not len(below):
        return None
    k = int(below[0])
    share = (falling[k - 1] - level) / (falling[k - 1] - falling[k])
    return float(x[k - 1] + share * (x[k] - x[k - 1]))


class LastPeak:
    """Where the top of the last peak is: how long a run has to be, in the unit of the axis."""

    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("trace",)
    Options: ClassVar[type[WhatIsAPeak]] = WhatIsAPeak

    def __init__(self, options: WhatIsAPeak) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The position. Flags: see `TraceOptions`, and `no_peak` where there is none."""
        points = self._options.points(reading)
        if isinstance(points, Score):
            return points
        _, tops = peaks_of(points, self._options)
        if not len(tops):
            return Score(value=None, flags=("no_peak",))
        return Score(value=float(points.x[tops[-1]]), flags=self._options.flags(points.y))
