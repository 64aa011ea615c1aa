"""Bring to a temperature: heat and cool, with a ramp and a time to hold it."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import EachOperation, EachTemplate
from protocols.quantities import Duration, Heating, Temperature
from protocols.references import OrParameter


class _Template(EachTemplate):
    temperature: OrParameter[Temperature]
    ramp: OrParameter[Heating] | None = Field(
        None, description="how fast, such as 2 degC/min; as fast as the device can if absent"
    )
    hold: OrParameter[Duration] | None = Field(
        None, description="how long it is kept there before the next operation"
    )


class HeatTemplate(_Template):
    """Heat the plate, or each well, to a temperature."""

    do: Literal["heat"]


class CoolTemplate(_Template):
    """Cool the plate, or each well, to a temperature."""

    do: Literal["cool"]


class _Operation(EachOperation):
    seconds = 60.0
    typical: ClassVar = {"temperature_c": 37.0, "hold_s": 1.0}

    temperature_c: float = Field(gt=-273.15)
    ramp_c_min: float | None = Field(None, gt=0)
    hold_s: float = Field(0.0, ge=0)

    @property
    def nominal_s(self) -> float:
        """A minute, and as long as it is held: from which temperature it begins is not known."""
        return self.seconds + self.hold_s

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        ramp = "" if self.ramp_c_min is None else f" at {self.ramp_c_min:g} °C/min"
        hold = f", hold for {self.hold_s / 60:g} min" if self.hold_s else ""
        return f"{self.place}: {self.kind} to {self.temperature_c:g} °C{ramp}{hold}"


class Heat(_Operation):
    """Heat the plate or a well to `temperature_c`, and hold it for `hold_s`."""

    template = HeatTemplate

    kind: Literal["heat"] = "heat"


class Cool(_Operation):
    """Cool the plate or a well to `temperature_c`, and hold it for `hold_s`."""

    template = CoolTemplate
    typical: ClassVar = {"temperature_c": 4.0, "hold_s": 1.0}

    kind: Literal["cool"] = "cool"
