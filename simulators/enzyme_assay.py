"""A model of a colour reaction: substrate and enzyme -> the coloured share of the well."""

import math
from collections.abc import Sequence

from protocols.operations import Dispense
from simulators.robot_log import Performed


def enzyme_assay(history: Sequence[Performed]) -> float:
    """The coloured share, 0..1, by Haldane kinetics.

    Too much substrate slows the enzyme, whose volume dilutes it.
    """
    dispensed = [
        performed.operation for performed in history if isinstance(performed.operation, Dispense)
    ]
    volume = sum(operation.volume_ul for operation in dispensed)
    enzyme = sum(operation.volume_ul for operation in dispensed if operation.liquid == "enzyme")
    moles = sum(
        operation.volume_ul * supplement.concentration
        for operation in dispensed
        for supplement in operation.supplements
        if supplement.substance == "substrate"
    )
    if not volume or not moles:
        return 0.0
    substrate = moles / volume
    rate = substrate / (30 + substrate + substrate**2 / 250)
    crowding = math.exp(-0.5 * ((enzyme - 52) / 22) ** 2)
    return 0.96 * float(min(1.0, rate / 0.593)) ** 5 * crowding
