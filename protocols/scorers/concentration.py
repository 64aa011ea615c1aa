"""A scorer of absorbances: the concentration, by a standard curve or by Beer and Lambert's law."""

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

import numpy as np
import scipy  # its parts are loaded when one is used
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.jobs import Reading
from protocols.plate_reference import Blank, blank_of, number_in, reference_wells
from protocols.scoring import Score

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_GOOD = 0.98
"""The coefficient of determination below which a curve is flagged."""


class Standard(BaseModel):
    """A standard: its concentration, and its reading or the well of the plate that holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concentration: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    reading: _Finite | None = None
    well: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.reading is None) == (self.well is None):
            raise ValueError("a standard has either a reading or a well")
        return self


class Curve(NamedTuple):
    """A fitted standard curve: its function of the concentration, and how sure it is.

    `coefficients` (p) with their `covariance` (p x p), `residual_sd` of a reading, the coefficient
    of determination, and the lowest and highest concentration of the standards.
    """

    function: Callable[..., NDArray[np.float64]]
    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    residual_sd: float
    determination: float
    low: float
    high: float

    def concentration(self, reading: float) -> tuple[float, float] | None:
        """The concentration of a reading, and its standard deviation; None beyond the curve.

        By inverse prediction: the variance of a new reading and that of the curve, divided by the
        square of its slope (Miller and Miller, Statistics and Chemometrics for Analytical
        Chemistry, section 5.6, for the line).
        """
        margin = 0.25 * (self.high - self.low)
        low, high = max(self.low - margin, 0.0) if self.low >= 0 else self.low, self.high + margin

        def off(at: float) -> float:
            return float(self.function(np.array([at]), *self.coefficients)[0]) - reading

        if off(low) * off(high) > 0:
            return None
        found = float(scipy.optimize.brentq(off, low, high, xtol=1e-12 * max(1.0, abs(high))))
        step = 1e-6 * (self.high - self.low)
        slope = (off(found + step) - off(max(found - step, 0.0))) / (
            found + step - max(found - step, 0.0)
        )
        gradient = np.array([self._change(found, k) for k in range(len(self.coefficients))])
        variance = self.residual_sd**2 + float(gradient @ self.covariance @ gradient)
        return found, float(np.sqrt(variance)) / abs(slope)

    def _change(self, at: float, k: int) -> float:
        """By how much the curve rises at a concentration with one of its coefficients."""
        step = 1e-6 * max(1.0, abs(self.coefficients[k]))
        moved = self.coefficients.copy()
        moved[k] += step
        here, there = (
            float(self.function(np.array([at]), *values)[0])
            for values in (self.coefficients, moved)
        )
        return float((there - here) / step)


def _line(x: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
    return a + b * x


def _parabola(x: NDArray[np.float64], a: float, b: float, c: float) -> NDArray[np.float64]:
    return a + b * x + c * x**2


def _logistic(
    x: NDArray[np.float64], bottom: float, top: float, middle: float, slope: float
) -> NDArray[np.float64]:
    ratio = np.power(np.maximum(x, 1e-300) / abs(middle), abs(slope))
    return np.asarray(top + (bottom - top) / (1 + ratio))


_FUNCTIONS: dict[str, Callable[..., NDArray[np.float64]]] = {
    "linear": _line,
    "quadratic": _parabola,
    "four_parameter": _logistic,
}
_COEFFICIENTS = {"linear": 2, "quadratic": 3, "four_parameter": 4}
Fit = Literal["linear", "quadratic", "four_parameter"]


def fitted(concentrations: Sequence[float], readings: Sequence[float], fit: Fit) -> Curve:
    """The curve through standards, by least squares.

    Args:
        concentrations: of the standards (n).
        readings: of the standards (n).
        fit: a line, a parabola, or the four-parameter logistic of immunoassays.

    Raises:
        ValueError: there are not more standards than coefficients, or no curve goes through them.
    """
    x, y = np.array(concentrations, dtype=np.float64), np.array(readings, dtype=np.float64)
    function, number = _FUNCTIONS[fit], _COEFFICIENTS[fit]
    if len(x) <= number or len(set(concentrations)) < number:
        raise ValueError(f"{len(x)} standards for {number} coefficients")
    rises = np.corrcoef(x, y)[0, 1] >= 0
    start = {
        "linear": [y.mean(), 0.0],
        "quadratic": [y.mean(), 0.0, 0.0],
        "four_parameter": [*((y.min(), y.max()) if rises else (y.max(), y.min())),
                           float(np.median(x[x > 0])), 1.0],
    }[fit]  # fmt: skip
    try:
        coefficients, covariance = scipy.optimize.curve_fit(function, x, y, p0=start, maxfev=20_000)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    residuals = y - function(x, *coefficients)
    spread = float(((y - y.mean()) ** 2).sum())
    left = float((residuals**2).sum())
    return Curve(
        function,
        coefficients,
        covariance,
        float(np.sqrt(left / (len(x) - number))),
        1.0 - left / spread if spread else 0.0,
        float(x.min()),
        float(x.max()),
    )


class Concentration:
    """The concentration of a well, from its absorbance or another reading, with its uncertainty.

    Either `standards` (their readings, or wells of the same plate) give a curve, or `absorptivity`
    gives it by Beer and Lambert's law: absorbance / (absorptivity x pathlength). The blank is
    subtracted from samples and standards.
    """

    version: ClassVar[str] = "1"

    class Options(BaseModel):
        """What a campaign file says of it."""

        model_config = ConfigDict(frozen=True, extra="forbid")

        blank: Blank = 0.0
        pathlength_cm: _Positive = Field(1.0, description="of the light through the well")
        absorptivity: _Positive | None = Field(
            None, description="of a concentration of 1 in the outcome's unit, per cm"
        )
        standards: tuple[Standard, ...] = ()
        fit: Fit = "linear"
        dilution: _Positive = Field(1.0, description="by which the sample was diluted")
        saturated: _Finite = Field(4.0, description="above it the reader is not linear")

        @model_validator(mode="after")
        def _check(self) -> Self:
            if (self.absorptivity is None) == (not self.standards):
                raise ValueError("either standards or an absorptivity is needed")
            if self.standards and len(self.standards) <= _COEFFICIENTS[self.fit]:
                raise ValueError(
                    f"{self.fit} needs at least {_COEFFICIENTS[self.fit] + 1} standards"
                )
            return self

    def __init__(self, options: Options) -> None:
        """With the options of the campaign's outcome."""
        self._options = options

    @property
    def reference_wells(self) -> frozenset[str]:
        """The wells of the plate that hold blanks and standards."""
        wells = (standard.well for standard in self._options.standards)
        return reference_wells(self._options.blank) | reference_wells(
            tuple(well for well in wells if well is not None)
        )

    def score(self, reading: Reading) -> Score:
        """The concentration, and its standard deviation where there is a curve.

        Flags: `no_number`, `saturated`, `no_reference` (the plate table lacks a blank or a
        standard), `no_curve`, `poor_curve`, `beyond_standards`, `below_blank`.
        """
        options = self._options
        blank = blank_of(reading, options.blank)
        if reading.number is None:
            return Score(value=None, flags=("no_number",))
        if blank is None:
            return Score(value=None, flags=("no_reference",))
        flags = ["saturated"] if reading.number > options.saturated else []
        net = reading.number - blank
        if options.absorptivity is not None:
            value = options.dilution * net / (options.absorptivity * options.pathlength_cm)
            flags += ["below_blank"] if net < -0.1 * abs(blank or 1.0) else []
            return Score(value=value, flags=tuple(flags))
        known = [
            (standard.concentration, number - blank)
            for standard in options.standards
            if (number := number_in(reading, standard.well, standard.reading)) is not None
        ]
        if len(known) < len(options.standards):
            flags.append("no_reference")
        try:
            curve = fitted([c for c, _ in known], [r for _, r in known], options.fit)
        except ValueError:
            return Score(value=None, flags=(*flags, "no_curve"))
        flags += ["poor_curve"] if curve.determination < _GOOD else []
        found = curve.concentration(net)
        if found is None:
            return Score(value=None, flags=(*flags, "beyond_standards"))
        value, sd = found
        # Within its own uncertainty a value at the end of the curve is no reason for distrust.
        beyond = value > curve.high + 2 * sd or value < curve.low - 2 * sd
        flags += ["beyond_standards"] if beyond else []
        return Score(value=options.dilution * value, sd=options.dilution * sd, flags=tuple(flags))
