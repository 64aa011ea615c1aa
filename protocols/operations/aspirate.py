"""Remove a volume from a well and discard it."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Volume
from protocols.references import OrParameter


class AspirateTemplate(WellTemplate):
    """Remove and discard a volume from each well."""

    left_out_at_zero = frozenset({"volume"})

    do: Literal["aspirate"]
    volume: OrParameter[Volume]


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

    @property
    def removed_ul(self) -> float:
        """The volume."""
        return self.volume_ul
