"""A model of a lipase that makes p-nitrophenol: what was done to a well -> share of full colour."""

import math
from collections.abc import Sequence

from protocols.operations import Dispense, Heat
from simulators.robot_log import Performed

FULL_UM = 250.0
"""The concentration of product whose colour is full, uM."""

_KM_UM, _KCAT_PER_MIN = 180.0, 18.0
_ACTIVATION_J_MOL, _GAS_J_MOL_K = 42_000.0, 8.314
_REFERENCE_K = 310.15
_MELTS_C, _MELTS_OVER_C = 47.0, 2.5
_BUFFERS = {"HEPES": 1.0, "Tris-HCl": 0.8, "sodium phosphate": 0.55}


def lipase_assay(history: Sequence[Performed]) -> float:
    """The share of full colour, 0..1.

    Michaelis and Menten's rate, Arrhenius' temperature, and unfolding that glycerol puts off while
    its viscosity slows the enzyme.
    """
    dispensed = [done.operation for done in history if isinstance(done.operation, Dispense)]
    volume = sum(operation.volume_ul for operation in dispensed)
    enzyme = sum(operation.volume_ul for operation in dispensed if operation.liquid == "lipase")
    if not volume or not enzyme:
        return 0.0
    glycerol = sum(op.volume_ul for op in dispensed if op.liquid == "glycerol") / volume
    substrate = (
        sum(
            operation.volume_ul * supplement.concentration
            for operation in dispensed
            for supplement in operation.supplements
            if supplement.substance == "substrate"
        )
        / volume
    )
    factor = max((_BUFFERS.get(operation.liquid, 0.0) for operation in dispensed), default=0.0)
    product = 0.0
    for heat in (done.operation for done in history if isinstance(done.operation, Heat)):
        kelvin = heat.temperature_c + 273.15
        warm = math.exp(_ACTIVATION_J_MOL / _GAS_J_MOL_K * (1 / _REFERENCE_K - 1 / kelvin))
        melts = _MELTS_C + 25 * glycerol
        folded = 1 / (1 + math.exp((heat.temperature_c - melts) / _MELTS_OVER_C))
        slowed = math.exp(-2.5 * glycerol)
        most = _KCAT_PER_MIN * factor * warm * folded * slowed * enzyme / 20.0
        minutes = heat.hold_s / 60
        # Closed form of first order at the initial rate: it never makes more than there was.
        left = substrate - product
        product += left * -math.expm1(-most * minutes / (_KM_UM + left)) if left > 0 else 0.0
    return min(product / FULL_UM, 1.0)
