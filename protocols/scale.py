"""The scale of an outcome: its unit, its natural range, and how its values are written."""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

_FINE, _ROUGH = 5, 3
"""Significant digits of values and of predictions, where no natural range says what is small."""

_MARGIN = 0.06


class Scale(NamedTuple):
    """How values of an outcome are called, written, checked and placed on an axis.

    `natural_range` has the lowest and the highest value that there can be, in `unit`; None where
    values have no ends.
    """

    title: str
    unit: str = ""
    natural_range: tuple[float, float] | None = None

    @property
    def is_ratio(self) -> bool:
        """Whether values are shares, 0 to 1, without a unit."""
        return not self.unit and self.natural_range == (0.0, 1.0)

    @property
    def label(self) -> str:
        """The title with the unit, for an axis or the head of a column."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def described(self) -> str:
        """The title with what is known of the scale, such as `yield, 0 to 100 percent`."""
        if self.natural_range is None:
            return f"{self.title} in {self.unit}" if self.unit else self.title
        low, high = self.natural_range
        return f"{self.title}, {low:g} to {high:g} {self.unit}".rstrip()

    @property
    def expected(self) -> str:
        """What a value may be, for a person who enters one."""
        if self.natural_range is None:
            return f"a number in {self.unit}" if self.unit else "a number"
        low, high = self.natural_range
        return f"a number from {low:g} to {high:g} {self.unit}".rstrip()

    def allows(self, value: float) -> bool:
        """Whether a value is finite and within the natural range."""
        if self.natural_range is None:
            return math.isfinite(value)
        return self.natural_range[0] <= value <= self.natural_range[1]

    def refusal(self, value: float) -> str:
        """Why a value is not allowed, to stand behind it."""
        if self.is_ratio:
            return "is not a ratio"
        return "is outside the natural range" if math.isfinite(value) else "is not a finite number"

    def clipped(self, value: float) -> float:
        """The value, or the end of the natural range that it lies beyond."""
        if self.natural_range is None:
            return value
        return min(max(value, self.natural_range[0]), self.natural_range[1])

    def number(self, value: float | None, spread: float | None = None) -> str:
        """A value without its unit: to a thousandth of the natural range, or to five digits.

        Args:
            value: the value; None: there is none.
            spread: the smallest standard deviation (or width) of what stands together. Without a
                natural range numbers end at its second digit, all at the same place.
        """
        decimals = self._decimals(3)
        if value is None or decimals is not None or not spread or not math.isfinite(spread + value):
            return _written(value, decimals, _FINE)
        last = Decimal(f"{spread:.1e}").adjusted() - 1
        if spread >= 1e-4 and max(abs(value), spread) < 1e9:
            return f"{value:.{max(0, -last)}f}"
        if abs(value) >= spread * 1e15:
            return _written(value, None, _FINE)
        ending = Decimal(value).quantize(Decimal(1).scaleb(last))
        return f"{ending:e}" if ending else "0"

    def rough(self, value: float | None) -> str:
        """A value with fewer digits, for predictions."""
        return _written(value, self._decimals(2), _ROUGH)

    def text(self, value: float | None, spread: float | None = None) -> str:
        """A value with its unit; `spread` as for `number`."""
        unit = f" {self.unit}" if self.unit and value is not None else ""
        return self.number(value, spread) + unit

    def with_sd(self, mean: float, sd: float) -> str:
        """A predicted mean with its standard deviation, without the unit: `1.01 ± 0.36`.

        The mean is within the natural range: a model does not know where it ends. Without one the
        standard deviation has two significant digits, and the mean ends where it does.
        """
        decimals = self._decimals(3)
        if decimals is None and (not sd or not math.isfinite(sd) or not math.isfinite(mean)):
            return f"{self.number(mean)} ± {self.number(sd)}"
        if decimals is None and not (sd >= 1e-4 and max(sd, abs(mean)) < 1e9):
            if not mean or 1e-4 <= abs(mean) < 1e9:
                return f"{self.number(mean)} ± {sd:.1e}"
            size = math.floor(math.log10(abs(mean))) - math.floor(math.log10(sd))
            return f"{mean:.{max(size + 1, 0)}e} ± {sd:.1e}"
        if decimals is None:
            decimals = 1 - math.floor(math.log10(sd))
        shown = max(decimals, 0)
        return f"{round(self.clipped(mean), decimals):.{shown}f} ± {round(sd, decimals):.{shown}f}"

    def change(self, value: float, spread: float | None = None) -> str:
        """A difference of two values, with its sign and without the unit; `spread` as above."""
        return ("-" if math.copysign(1.0, value) < 0 else "+") + self.number(abs(value), spread)

    def ends(self, values: Iterable[float]) -> tuple[float, float]:
        """The ends of an axis: those of the natural range, or a little beyond the values."""
        if self.natural_range is not None:
            return self.natural_range
        found = [value for value in values if math.isfinite(value)]
        if not found:
            return 0.0, 1.0
        low, high = min(found), max(found)
        margin = _MARGIN * (high - low) or _MARGIN * abs(low) or 1.0
        return low - margin, high + margin

    def _decimals(self, digits: int) -> int | None:
        """So many digits behind the point that the range has `digits` or more of them."""
        if self.natural_range is None:
            return None
        width = self.natural_range[1] - self.natural_range[0]
        return max(0, digits - math.floor(math.log10(width)))


def probability_text(value: float) -> str:
    """A probability by the model, as finely as 1000 samples resolve it: none is 0 or 1."""
    return "above 0.99" if value > 0.99 else "below 0.01" if value < 0.01 else f"{value:.2f}"


def p_text(p: float) -> str:
    """A p value to two digits, such as `p = 0.013`, or `p < 1e-06`: below that none is exact."""
    return "p < 1e-06" if p < 1e-6 else f"p = {p:.2g}"


def share(value: float, ends: tuple[float, float]) -> float:
    """Where a value lies between two ends, 0..1; what lies beyond is at the end."""
    low, high = ends
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _written(value: float | None, decimals: int | None, digits: int) -> str:
    if value is None:
        return "-"
    if decimals is not None:
        return f"{value:.{decimals}f}"
    size = abs(value)
    if not math.isfinite(value) or (size and not 1e-4 <= size < 1e9):
        return f"{value:.{digits}g}"
    before = math.floor(math.log10(size)) + 1 if size else 1
    text = f"{value:.{max(0, digits - before)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
