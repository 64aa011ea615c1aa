"""Scorers of peaks in chromatograms and spectra: area and height."""

from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import scipy  # its parts are loaded when one is used
from numpy.typing import NDArray
from pydantic import Field

from protocols.jobs import Reading
from protocols.scorers.kinetics import Points, TraceOptions
from protocols.scoring import Score

_BASE = 0.999
"""A peak ends where it has come down by this share of its prominence."""


class WhatIsAPeak(TraceOptions):
    """How peaks are told from noise."""

    least: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="what rises by less is no peak"
    )
    smooth: int | None = Field(
        None, ge=5, description="points of a Savitzky-Golay filter (order 2) before it is looked at"
    )


class PeakOptions(WhatIsAPeak):
    """Which peak is meant, and how it is told from noise.

    With `start` and `end` the peak is all that lies between them, above the line between the ends.
    """

    at: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="where its top should be, on the axis; the highest peak if absent"
    )
    within: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="how far from there it may be"
    )


class Peak(NamedTuple):
    """A peak above its base line: where its top is, its height and its area."""

    at: float
    height: float
    area: float


def smoothed(points: Points, options: WhatIsAPeak) -> NDArray[np.float64]:
    """The values of a trace, as smooth as its options say."""
    if options.smooth is None or len(points.y) <= options.smooth:
        return points.y
    return np.asarray(scipy.signal.savgol_filter(points.y, options.smooth | 1, 2))


def peaks_of(points: Points, options: WhatIsAPeak) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The smoothed values of a trace, and the indices of all its peaks' tops in their order."""
    y = smoothed(points, options)
    tops, _ = scipy.signal.find_peaks(y, prominence=max(options.least, np.finfo(float).tiny))
    return y, tops


def peak_in(points: Points, options: PeakOptions) -> Peak | None:
    """The peak that is meant; None if there is none.

    Its base line goes through the two points where it has come down by 0.999 of its prominence: to
    the base line of a peak that stands alone, to the valley between two that overlap. The area is
    the integral above it, by the trapezoidal rule.
    """
    x, y = points.x, smoothed(points, options)
    if options.start is not None and options.end is not None:
        return _between(x, y, 0, len(x) - 1)
    tops, _ = scipy.signal.find_peaks(y)
    prominences, left_bases, right_bases = scipy.signal.peak_prominences(y, tops)
    meant = prominences > options.least
    if options.at is not None:
        step = float(np.diff(x).max()) if len(x) > 1 else 0.0
        meant &= np.abs(x[tops] - options.at) <= max(options.within, step)
    if not meant.any():
        return None
    chosen = [int(np.argmax(np.where(meant, prominences, -1.0)))]
    given = prominences[chosen], left_bases[chosen], right_bases[chosen]
    _, _, left, right = scipy.signal.peak_widths(y, tops[chosen], _BASE, prominence_data=given)
    return _between(x, y, int(np.floor(left[0])), int(np.ceil(right[0])))


def _between(x: NDArray[np.float64], y: NDArray[np.float64], first: int, last: int) -> Peak | None:
    if last - first < 2:
        return None
    inside, values = x[first : last + 1], y[first : last + 1]
    above = values - np.interp(inside, inside[[0, -1]], values[[0, -1]])
    top = int(np.argmax(above))
    return Peak(float(inside[top]), float(above[top]), float(np.trapezoid(above, inside)))


class _PeakScorer:
    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("trace",)
    Options: ClassVar[type[PeakOptions]] = PeakOptions

    def __init__(self, options: PeakOptions) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The peak's value; 0, flagged `no_peak`, where there is none. See `TraceOptions`."""
        points = self._options.points(reading)
        if isinstance(points, Score):
            return points
        peak = peak_in(points, self._options)
        if peak is None:
            return Score(value=0.0, flags=("no_peak",))
        return Score(value=self._of(peak), flags=self._options.flags(points.y))

    def _of(self, peak: Peak) -> float:
        raise NotImplementedError


class PeakArea(_PeakScorer):
    """The area of a peak above its base line, in the channel's unit times that of the axis."""

    def _of(self, peak: Peak) -> float:
        return peak.area


class PeakHeight(_PeakScorer):
    """The height of a peak above its base line, in the channel's unit."""

    def _of(self, peak: Peak) -> float:
        return peak.height
