"""A virtual liquid chromatograph: five substances in every vial, separated by a gradient.

Retention by linear solvent strength, log k = log kw - S phi, and the fundamental equation of
gradient elution (Snyder and Dolan, "High-Performance Gradient Elution", 2007, chapters 1 and 9);
van't Hoff's temperature; plates by van Deemter's equation. The constants are made up, in usual
ranges.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import cumulative_trapezoid

from protocols.operations import Inject, Record, Set
from protocols.traces import Axis, Trace
from simulators.robot_log import Performed

_LENGTH_MM, _DEAD_ML, _DWELL_ML = 150.0, 1.5, 0.8
_END = 0.95
"""The share of organic solvent with which every gradient ends."""

_A_MM, _B_MM, _C_MM = 0.008, 0.004, 0.004
"""Van Deemter's terms of the plate height at a flow of 1 mL/min, mm."""

_REFERENCE_K, _GAS_KJ_MOL_K = 313.15, 0.008314
_NOISE_MAU, _DRIFT_MAU, _FLOW_SD = 0.3, 4.0, 0.001
_POINTS_MIN = 240


class Retention(NamedTuple):
    """How a substance is held back in one solvent: log k in water, and S."""

    log_kw: float
    slope: float


class Substance(NamedTuple):
    """A substance by solvent, with its heat of retention and the area of its peak at 1 mL/min."""

    acetonitrile: Retention
    methanol: Retention
    heat_kj_mol: float
    area_mau_min: float


SUBSTANCES = (
    Substance(Retention(1.75, 3.1), Retention(1.90, 2.6), heat_kj_mol=9, area_mau_min=6),
    Substance(Retention(1.98, 3.9), Retention(2.10, 2.9), heat_kj_mol=16, area_mau_min=4),
    Substance(Retention(2.12, 3.6), Retention(2.48, 3.5), heat_kj_mol=6, area_mau_min=8),
    Substance(Retention(2.45, 4.6), Retention(2.62, 3.6), heat_kj_mol=13, area_mau_min=3),
    Substance(Retention(2.95, 4.9), Retention(3.20, 4.2), heat_kj_mol=10, area_mau_min=5),
)


class Method(NamedTuple):
    """How a vial was run: shares of organic solvent from 0 to 1, min, mL/min and degrees C."""

    start: float = 0.05
    gradient_min: float = 10.0
    flow_ml_min: float = 1.0
    temperature_c: float = 40.0
    solvent: Literal["acetonitrile", "methanol"] = "acetonitrile"

    @property
    def dead_min(self) -> float:
        """How long what is not held back takes."""
        return _DEAD_ML / self.flow_ml_min

    @property
    def dwell_min(self) -> float:
        """How long the gradient takes to the column."""
        return _DWELL_ML / self.flow_ml_min

    @property
    def plates(self) -> float:
        """The number of theoretical plates."""
        height = _A_MM + _B_MM / self.flow_ml_min + _C_MM * self.flow_ml_min
        return _LENGTH_MM / height

    def retention_factors(
        self, substance: Substance, minutes: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Retention factors at the column's inlet so long after the injection (n)."""
        passed = np.clip((minutes - self.dwell_min) / self.gradient_min, 0.0, 1.0)
        share = self.start + (_END - self.start) * passed
        kelvin = self.temperature_c + 273.15
        warm = substance.heat_kj_mol / _GAS_KJ_MOL_K * (1 / kelvin - 1 / _REFERENCE_K)
        held = substance.methanol if self.solvent == "methanol" else substance.acetonitrile
        return np.asarray(10 ** (held.log_kw - held.slope * share) * math.exp(warm))


def retention(method: Method, substance: Substance) -> tuple[float, float]:
    """Retention time and standard deviation of a peak, min.

    The time solves the fundamental equation, in which the integral of 1 / (t0 k) over time becomes
    1 when the peak has been t0 less than its retention time in the column.
    """
    minutes = np.linspace(0.0, 200.0, 20_001)
    factors = method.retention_factors(substance, minutes)
    migrated = cumulative_trapezoid(1 / (method.dead_min * factors), minutes, initial=0)
    inside = float(np.interp(1.0, migrated, minutes))
    at_exit = float(np.interp(inside, minutes, factors))
    sd = method.dead_min * (1 + at_exit) / math.sqrt(method.plates)
    return inside + method.dead_min, sd


def method_of(history: Sequence[Performed]) -> Method:
    """The settings with which a vial was injected; what was not set is as the device starts."""
    given: dict[str, float | str] = {}
    for done in (done.operation for done in history):
        if isinstance(done, Set):
            given[done.setting] = done.value
    share = float(given.get("organic solvent at the start", 5.0)) / 100
    return Method(
        start=min(max(share, 0.0), _END - 0.01),
        gradient_min=float(given.get("gradient", 10.0)),
        flow_ml_min=float(given.get("flow", 1.0)),
        temperature_c=float(given.get("oven", 40.0)),
        solvent="methanol" if given.get("solvent") == "methanol" else "acetonitrile",
    )


def strength(history: Sequence[Performed]) -> float:
    """What a vial absorbs, as a share of full colour: the same whatever is done to it."""
    return 0.5


def chromatogram(
    history: Sequence[Performed], operation: Record, rng: np.random.Generator
) -> Trace:
    """What the detector sees of a vial, mAU over min: flat where nothing was injected."""
    method = method_of(history)
    method = method._replace(flow_ml_min=method.flow_ml_min * (1 + rng.normal(0, _FLOW_SD)))
    long = (operation.duration_s or 1200.0) / 60
    x = np.linspace(0.0, long, int(long * _POINTS_MIN) + 1)
    y = _DRIFT_MAU * np.clip((x - method.dwell_min - method.dead_min) / method.gradient_min, 0, 1)
    injected = [done.operation for done in history if isinstance(done.operation, Inject)]
    amount = injected[-1].volume_ul / 10 if injected else 0.0
    for substance in SUBSTANCES if amount else ():
        at, sd = retention(method, substance)
        area = amount * substance.area_mau_min / method.flow_ml_min
        y = y + area * np.exp(-0.5 * ((x - at) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
    y = y + rng.normal(0, _NOISE_MAU, len(x))
    axis = Axis(name=operation.over, unit="min", values=tuple(map(float, x)))
    channel = Axis(name=operation.quantity, unit="mAU", values=tuple(map(float, y)))
    return Trace(x=axis, channels=(channel,))
