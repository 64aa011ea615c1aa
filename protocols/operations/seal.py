"""Seal the plate."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from protocols.operations.base import PlateOperation, PlateTemplate
from protocols.references import OrParameter


class SealTemplate(PlateTemplate):
    """Seal the plate, or take its seal away."""

    do: Literal["seal"]
    material: OrParameter[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        "film", description="what seals it, such as foil, film or lid; none takes it away"
    )


class Seal(PlateOperation):
    """Seal the plate with a material; `none` takes its seal away."""

    template = SealTemplate
    leaves_volume = True
    seconds = 20.0
    typical: ClassVar = {"material": "film"}

    kind: Literal["seal"] = "seal"
    material: str = "film"

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        if self.material == "none":
            return "take the seal from the plate"
        return f"seal the plate with {self.material}"
