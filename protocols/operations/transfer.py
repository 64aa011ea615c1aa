"""Move the cells of a well to a fresh plate."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Volume
from protocols.references import OrParameter


class TransferTemplate(WellTemplate):
    """Move the cells of each well to a fresh plate."""

    do: Literal["transfer"]
    volume: OrParameter[Volume]


class Transfer(WellOperation):
    """Move `volume_ul` of a well's cells to the same well of a fresh plate.

    That plate takes the place of the old one.
    """

    template = TransferTemplate
    seconds = 15.0
    typical: ClassVar = {"volume_ul": 50.0}
    fresh_plate = True

    kind: Literal["transfer"] = "transfer"
    volume_ul: float = Field(gt=0)

    @property
    def tip_ul(self) -> float:
        """The volume moved."""
        return self.volume_ul

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"{self.well}: move {self.volume_ul:g} uL to the same well of a fresh plate"
