"""Wait before the next operation."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import PlateOperation, PlateTemplate
from protocols.quantities import Duration
from protocols.references import OrParameter


class WaitTemplate(PlateTemplate):
    """Leave the plate where it is for a time."""

    left_out_at_zero = frozenset({"duration"})

    do: Literal["wait"]
    duration: OrParameter[Duration]


class Wait(PlateOperation):
    """Leave the plate where it is, as it is, for `duration_s`."""

    template = WaitTemplate
    leaves_volume = True
    typical: ClassVar = {"duration_s": 1.0}

    kind: Literal["wait"] = "wait"
    duration_s: float = Field(ge=0)

    @property
    def nominal_s(self) -> float:
        """As long as it says."""
        return self.duration_s

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"wait for {self.duration_s / 60:g} min"
