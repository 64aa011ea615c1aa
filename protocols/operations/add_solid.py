"""Add a mass of a solid to a well."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.quantities import Mass
from protocols.references import OrParameter


class AddSolidTemplate(WellTemplate):
    """Add a mass of a solid to each well."""

    left_out_at_zero = frozenset({"mass"})

    do: Literal["add_solid"]
    substance: OrParameter[str]
    mass: OrParameter[Mass]


class AddSolid(WellOperation):
    """Add `mass_mg` of a solid to a well."""

    template = AddSolidTemplate
    leaves_volume = True
    seconds = 30.0
    typical: ClassVar = {"substance": "sodium chloride", "mass_mg": 5.0}

    kind: Literal["add_solid"] = "add_solid"
    substance: str
    mass_mg: float = Field(gt=0)

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        mass = f"{self.mass_mg / 1000:g} g" if self.mass_mg >= 1000 else f"{self.mass_mg:g} mg"
        return f"{self.well}: add {mass} {self.substance}"
