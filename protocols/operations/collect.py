"""Collect a volume of a well in another place."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Volume
from protocols.references import OrParameter


class CollectTemplate(WellTemplate):
    """Collect a volume of each well."""

    left_out_at_zero = frozenset({"volume"})

    do: Literal["collect"]
    volume: OrParameter[Volume]
    to: OrParameter[str] = Field("vial", description="where it is kept, such as vial or fraction")


class Collect(WellOperation):
    """Take `volume_ul` of a well and keep it in a vial or another named place."""

    template = CollectTemplate
    seconds = 10.0
    typical: ClassVar = {"volume_ul": 50.0}

    kind: Literal["collect"] = "collect"
    volume_ul: float = Field(gt=0)
    to: str = "vial"

    @property
    def tip_ul(self) -> float:
        """The volume collected."""
        return self.volume_ul

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"{self.well}: collect {self.volume_ul:g} uL in the {self.to}"

    @property
    def removed_ul(self) -> float:
        """The volume."""
        return self.volume_ul
