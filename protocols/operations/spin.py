"""Spin the plate in a centrifuge."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from protocols.conditions import Positive
from protocols.errors import Finding, refuse
from protocols.operations.base import PlateOperation, PlateTemplate
from protocols.quantities import Duration, Rotation
from protocols.references import OrParameter


class SpinTemplate(PlateTemplate):
    """Spin the plate in a centrifuge."""

    left_out_at_zero = frozenset({"duration"})

    do: Literal["spin"]
    duration: OrParameter[Duration]
    rcf: OrParameter[Positive] | None = Field(
        None, description="relative centrifugal force, times g"
    )
    speed: OrParameter[Rotation] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.rcf is None) == (self.speed is None):
            message = "missing" if self.rcf is None else "rcf and speed both say how fast"
            expected = "either rcf (times g) or speed (rpm)"
            refuse([Finding(loc=("rcf",), message=message, expected=expected)])
        return self


class Spin(PlateOperation):
    """Spin the plate for `duration_s` at `rcf` times g, or at `speed_rpm`."""

    template = SpinTemplate
    typical: ClassVar = {"duration_s": 1.0, "rcf": 300.0}

    kind: Literal["spin"] = "spin"
    duration_s: float = Field(gt=0)
    rcf: float | None = Field(None, gt=0)
    speed_rpm: float | None = Field(None, gt=0)

    @property
    def nominal_s(self) -> float:
        """As long as it says."""
        return self.duration_s

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        fast = f"{self.rcf:g} x g" if self.speed_rpm is None else f"{self.speed_rpm:g} rpm"
        return f"spin the plate for {self.duration_s / 60:g} min at {fast}"
