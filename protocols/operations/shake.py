"""Shake or stir the plate, or each well."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import EachOperation, EachTemplate
from protocols.quantities import Duration, Rotation
from protocols.references import OrParameter


class ShakeTemplate(EachTemplate):
    """Shake the plate, or each well."""

    left_out_at_zero = frozenset({"duration"})

    do: Literal["shake"]
    duration: OrParameter[Duration]
    speed: OrParameter[Rotation] | None = None


class Shake(EachOperation):
    """Shake the plate or a well for `duration_s`."""

    template = ShakeTemplate
    leaves_volume = True
    typical: ClassVar = {"duration_s": 3.0, "speed_rpm": 300.0}

    kind: Literal["shake"] = "shake"
    duration_s: float = Field(ge=0)
    speed_rpm: float | None = Field(None, gt=0)

    @property
    def nominal_s(self) -> float:
        """As long as it says."""
        return self.duration_s

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        speed = "" if self.speed_rpm is None else f" at {self.speed_rpm:g} rpm"
        long = (
            f"{self.duration_s / 60:g} min" if self.duration_s >= 60 else f"{self.duration_s:g} s"
        )
        return f"{self.place}: shake for {long}{speed}"
