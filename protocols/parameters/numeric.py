"""Parameters whose values are numbers."""

import math
from abc import abstractmethod
from typing import Literal

from pydantic import Field

from protocols.conditions import Finite, Value
from protocols.errors import Finding
from protocols.parameters.base import BaseParameter, DecidedByWell

_DIGITS = 6


class NumericParameter(BaseParameter):
    """A parameter whose values are numbers, on a linear or a logarithmic scale."""

    numeric = True

    scale: Literal["linear", "log"] = "linear"
    standard: Finite | None = Field(
        None, description="today's hand-made practice; absent if the well decides"
    )
    decided_by_well: DecidedByWell | None = None

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest allowed value."""

    @property
    def extremes(self) -> tuple[float, float]:
        """The bounds."""
        return self.bounds

    def observed(self, value: Value) -> Value | None:
        """An allowed value, or any other number that the scale has a place for."""
        snapped = self.snap(value)
        if snapped is not None or isinstance(value, str) or not math.isfinite(value):
            return snapped
        return None if self.log_scale and value <= 0 else value

    @property
    def log_scale(self) -> bool:
        """Whether its scale is logarithmic."""
        return self.scale == "log"

    def to_unit_interval(self, value: Value) -> float:
        """Where `value` lies on the parameter's scale: 0 at the lowest, 1 at the highest."""
        (low, high), number = self.bounds, float(value)
        if self.scale == "log":
            low, high, number = math.log(low), math.log(high), math.log(number)
        return (number - low) / (high - low)

    def from_unit_interval(self, share: float) -> float:
        """The inverse of `to_unit_interval`; the result is in range but not yet on a level."""
        low, high = self.bounds
        if self.scale == "log":
            return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        return low + share * (high - low)

    def feature(self, value: Value) -> float:
        """Its share of the range, on the parameter's scale."""
        return self.to_unit_interval(value)

    def value_of(self, entry: float) -> Value:
        """The choice with this index, or the value at this share of the range.

        Such a value has six significant digits, which are finer than any instrument and print well;
        more where the range is narrow for its place (1,000,000 to 1,000,010).
        """
        if self.choices is not None:
            return self.choices[int(entry)]
        low, high = self.bounds
        narrow = math.floor(math.log10(max(abs(low), abs(high)) / (high - low)))
        value = float(f"{self.from_unit_interval(entry):.{min(_DIGITS + max(narrow, 0), 17)}g}")
        return min(max(value, low), high)

    def _standard_findings(self) -> list[Finding]:
        if self.standard is not None and not self.allows(self.standard):
            return [
                Finding(
                    loc=("standard",),
                    message=f"{self.standard:g} is not allowed",
                    expected=self.allowed,
                )
            ]
        return []
