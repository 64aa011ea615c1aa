"""Modules on an Opentrons robot: what the server says that they measure."""

from collections import Counter
from collections.abc import Sequence

from drivers.opentrons.answers import Module
from drivers.telemetry import Measurement

_CALLED = {
    "temperatureModuleType": "temperature module",
    "thermocyclerModuleType": "thermocycler",
    "heaterShakerModuleType": "heater-shaker",
}
_MEASURED = {
    "currentTemperature": ("temperature", "degC"),
    "lidTemperature": ("temperature of the lid", "degC"),
    "currentSpeed": ("speed", "rpm"),
}
"""Key of a module's live data -> what it is, and its unit."""


def measured(modules: Sequence[Module]) -> list[Measurement]:
    """The temperatures and speeds of modules; of several of a kind by their serial numbers."""
    kinds = Counter(module.moduleType for module in modules)
    found = []
    for module in modules:
        called = _CALLED.get(module.moduleType)
        if called is None:
            continue
        if kinds[module.moduleType] > 1:
            called += f" {module.serialNumber}"
        for key, (what, unit) in _MEASURED.items():
            value = module.data.get(key)
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.append(Measurement(f"{called}, {what}", float(value), unit))
    return found
