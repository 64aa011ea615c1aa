"""Remove a volume from a well and discard it."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Volume
from protocols.references import OrParameter, WellOnDay


class AspirateTemplate(WellTemplate):
    """Remove and discard a volume from each well."""

    units: ClassVar = {"volume": "uL"}

    do: Literal["aspirate"]
    volume: OrParameter[Volume]

    def in_well(self, well: WellOnDay) -> "Aspirate":
        """With the volume of one well."""
        return Aspirate(well=well.name, volume_ul=well.number(self.volume, "uL"))


class Aspirate(WellOperation):
    """Remove `volume_ul` from a well and discard it."""

    template = AspirateTemplate
    seconds = 6.0
    typical: ClassVar = {"volume_ul": 50.0}

    kind: Literal["aspirate"] = "aspirate"
    volume_ul: float = Field(gt=0)

    @property
    def tip_ul(self) -> float:
        """The volume removed."""
        return self.volume_ul

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"{self.well}: remove {self.volume_ul:g} uL"
