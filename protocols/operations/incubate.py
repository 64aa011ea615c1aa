"""Incubate the whole plate for a time, at a temperature."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import PlateOperation, PlateTemplate
from protocols.quantities import Duration, Temperature
from protocols.references import OrParameter


class IncubateTemplate(PlateTemplate):
    """Incubate the plate."""

    do: Literal["incubate"]
    duration: OrParameter[Duration]
    temperature: OrParameter[Temperature]


class Incubate(PlateOperation):
    """Incubate the whole plate for `duration_s` at `temperature_c`."""

    template = IncubateTemplate
    leaves_volume = True
    typical: ClassVar = {"duration_s": 1.0, "temperature_c": 37.0}

    kind: Literal["incubate"] = "incubate"
    duration_s: float = Field(ge=0)
    temperature_c: float

    @property
    def nominal_s(self) -> float:
        """As long as it says."""
        return self.duration_s

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"leave the plate for {self.duration_s / 60:g} min at {self.temperature_c:g} °C"
