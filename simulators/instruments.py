"""The instruments of a virtual lab: balance, plate reader and detector, with their noise."""

from collections.abc import Sequence

import numpy as np

from protocols.jobs import Reading
from protocols.operations import AddSolid, Operation, Record
from protocols.traces import Axis, Trace
from simulators.robot_log import Performed

BLANK_AU, FULL_AU = 0.05, 2.0
"""Absorbance of an empty well, and by how much that of a full one is higher."""

NOISE_AU, NOISE_MG = 0.005, 0.05
"""Standard deviations of a reading."""

_POINTS = 241
_RUN_MIN, _SOLVENT_MIN, _PRODUCT_MIN, _WIDTH_MIN = 10.0, 1.2, 5.0, 0.15
"""A chromatogram: its length, where its two peaks are, and their standard deviation."""


def absorbance(ratio: float, rng: np.random.Generator) -> float:
    """The absorbance (AU) of a well of whose full colour there is the share `ratio`."""
    return float(BLANK_AU + FULL_AU * ratio + rng.normal(0, NOISE_AU))


def mass_mg(history: Sequence[Performed], rng: np.random.Generator) -> float:
    """The mass of what was put into a well, mg; a microlitre of any liquid is a milligram."""
    total = 0.0
    for done in history:
        added, operation = done.operation.added, done.operation
        total += 0.0 if added is None else added.volume_ul
        total += operation.mass_mg if isinstance(operation, AddSolid) else 0.0
        if operation.kind in ("aspirate", "collect", "inject"):
            total -= float(operation.model_dump()["volume_ul"])
    return float(max(total, 0.0) + rng.normal(0, NOISE_MG))


def trace_of(ratio: float, operation: Record, rng: np.random.Generator) -> Trace:
    """A progress curve over time, to `absorbance` with a third of the duration as time constant.

    Over anything else a chromatogram: a solvent peak, and a product peak of the area `ratio` (AU
    min).
    """
    if operation.over == "time":
        end_s = operation.duration_s or 600.0
        x = np.linspace(0, end_s, _POINTS)
        y = BLANK_AU + FULL_AU * ratio * -np.expm1(-3 * x / end_s)
        name, unit = "time", "s"
    else:
        x = np.linspace(0, _RUN_MIN, _POINTS)
        y = 0.4 * _peak(x, _SOLVENT_MIN) + ratio * _peak(x, _PRODUCT_MIN)
        name, unit = operation.over, "min"
    y = y + rng.normal(0, NOISE_AU, len(x))
    axis = Axis(name=name, unit=unit, values=tuple(map(float, x)))
    channel = Axis(name=operation.quantity, unit="AU", values=tuple(map(float, y)))
    return Trace(x=axis, channels=(channel,))


def _peak(x: np.ndarray, at: float) -> np.ndarray:
    """A Gaussian with the area 1."""
    scaled = (x - at) / _WIDTH_MIN
    return np.asarray(np.exp(-0.5 * scaled**2) / (_WIDTH_MIN * np.sqrt(2 * np.pi)))


def number_of(
    operation: Operation, ratio: float, history: Sequence[Performed], rng: np.random.Generator
) -> tuple[float, str]:
    """A number that an operation reads in a well, and its unit."""
    if operation.kind == "weigh":
        return mass_mg(history, rng), "mg"
    return absorbance(ratio, rng), "AU"


def plate_reading(numbers: dict[str, float]) -> Reading:
    """A plate reader's table."""
    return Reading(kind="plate", numbers=dict(numbers), unit="AU")
