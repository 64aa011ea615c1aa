"""Scorers of time courses: where they end, and how steep they are."""

from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
import scipy  # its parts are loaded when one is used: half a second each
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.jobs import Reading
from protocols.quantities import conversion, same_dimension
from protocols.scoring import Score

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_FEWEST = 3


class Points(NamedTuple):
    """Points of a trace, x (n) and y (n), and the unit of x."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    unit: str


class TraceOptions(BaseModel):
    """Which part of a trace is looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str = Field("", description="the first one if absent")
    start: _Finite | None = Field(None, description="from here on, in the unit of the axis")
    end: _Finite | None = Field(None, description="up to here, in the unit of the axis")
    saturated: _Finite | None = Field(None, description="above it the instrument is not linear")

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("start lies behind end")
        return self

    def points(self, reading: Reading) -> Points | Score:
        """The points of a reading's trace in the window, or the score of one that has none.

        Flags: `no_trace`, `no_channel`, `outside_window`.
        """
        if reading.trace is None:
            return Score(value=None, flags=("no_trace",))
        channel = reading.trace.channel(self.channel)
        if channel is None:
            return Score(value=None, flags=("no_channel",))
        x, y = reading.trace.x.array, channel.array
        low = -np.inf if self.start is None else self.start
        high = np.inf if self.end is None else self.end
        inside = (x >= low) & (x <= high)
        if not inside.any():
            return Score(value=None, flags=("outside_window",))
        return Points(x[inside], y[inside], reading.trace.x.unit)

    def flags(self, y: NDArray[np.float64]) -> tuple[str, ...]:
        """`saturated` where a point is."""
        return ("saturated",) if self.saturated is not None and y.max() > self.saturated else ()


class Endpoint:
    """The mean of the last `points` values of a trace."""

    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("trace",)

    class Options(TraceOptions):
        """What a campaign file says of it."""

        points_at_end: int = Field(1, ge=1)

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The value, in the channel's unit. Flags: see `TraceOptions`, and `too_few_points`."""
        found = self._options.points(reading)
        if isinstance(found, Score):
            return found
        last = found.y[-self._options.points_at_end :]
        flags = ("too_few_points",) if len(last) < self._options.points_at_end else ()
        return Score(value=float(last.mean()), flags=(*flags, *self._options.flags(last)))


class Slope:
    """The slope of a trace, by least squares; of all of it, or where it is steepest."""

    version: ClassVar[str] = "1"
    reads: ClassVar[tuple[str, ...]] = ("trace",)

    class Options(TraceOptions):
        """What a campaign file says of it."""

        per: str = Field("", description="unit of the axis in the slope's, such as min")
        steepest: int | None = Field(
            None, ge=_FEWEST, description="so many neighbouring points, where they are steepest"
        )

        @model_validator(mode="after")
        def _unit(self) -> Self:
            same_dimension(self.per or "dimensionless", "dimensionless")
            return self

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    def score(self, reading: Reading) -> Score:
        """The slope and its standard error, per `per` or the axis' own unit.

        Flags: see `TraceOptions`, `too_few_points`, and `other_unit` where the axis cannot be
        expressed in `per`.
        """
        options = self._options
        found = options.points(reading)
        if isinstance(found, Score):
            return found
        x, y, unit = found
        try:
            scale = conversion(1.0, unit, options.per) if options.per and unit else 1.0
        except ValueError:
            return Score(value=None, flags=("other_unit",))
        wide = options.steepest or len(x)
        if len(x) < max(wide, _FEWEST):
            return Score(value=None, flags=("too_few_points",))
        fits = [
            (scipy.stats.linregress(x[k : k + wide] * scale, y[k : k + wide]), k)
            for k in range(len(x) - wide + 1)
        ]
        fit, at = max(fits, key=lambda one: abs(one[0].slope))
        flags = options.flags(y[at : at + wide])
        return Score(value=float(fit.slope), sd=float(fit.stderr), flags=flags)
