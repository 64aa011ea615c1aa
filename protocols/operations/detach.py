"""Detach the cells of a well by pipetting, a period after the enzyme was added."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Duration, Speed
from protocols.references import OrParameter


class DetachTemplate(WellTemplate):
    """Detach the cells of each well by pipetting, a period after the enzyme was added."""

    do: Literal["detach"]
    period: OrParameter[Duration]
    speed: OrParameter[Speed]
    stroke: OrParameter[str]


class Detach(WellOperation):
    """Detach the cells of a well by pipetting, `period_s` after the enzyme was added to the plate.

    `speed_mm_s` is the plunger speed; `stroke` names where the pipette strokes (`short`, `long`).
    """

    template = DetachTemplate
    seconds = 60.0
    typical: ClassVar = {"period_s": 1.0, "speed_mm_s": 20.0, "stroke": "short"}

    kind: Literal["detach"] = "detach"
    period_s: float = Field(ge=0)
    speed_mm_s: float = Field(gt=0)
    stroke: str

    @property
    def delay_s(self) -> float:
        """The period: the last operation that was no detachment added the enzyme."""
        return self.period_s

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        how = f"{self.stroke} strokes at {self.speed_mm_s:g} mm/s"
        return f"{self.well}: {self.period_s / 60:g} min after the enzyme, detach with {how}"
