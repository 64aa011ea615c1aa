"""Add a liquid with its supplements to a well."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from protocols.conditions import MOST
from protocols.operations.base import Liquid, Supplement, WellOperation, WellTemplate
from protocols.quantities import Concentration, Volume
from protocols.references import OrParameter, TemplatePart, WellOnDay, Window


class SupplementTemplate(TemplatePart):
    """A substance in a dispensed liquid, at a fixed concentration or that of a parameter."""

    substance: OrParameter[str]
    concentration: OrParameter[Concentration]
    during: Window | None = None

    def in_well(self, well: WellOnDay) -> Supplement:
        """The supplement at the concentration of one well."""
        concentration = well.quantity(self.concentration)
        return Supplement(
            substance=well.label(self.substance),
            concentration=concentration.magnitude,
            unit=concentration.unit,
        )


class DispenseTemplate(WellTemplate):
    """Add a liquid with its supplements to each well."""

    left_out_at_zero = frozenset({"volume"})

    do: Literal["dispense"]
    liquid: OrParameter[str]
    volume: OrParameter[Volume]
    supplements: tuple[SupplementTemplate, ...] = Field((), max_length=MOST)

    def fields_in(self, well: WellOnDay) -> dict[str, Any]:
        """With the supplements that the well gets on this day."""
        found = tuple(s.in_well(well) for s in self.supplements if well.gets(s, s.during))
        return super().fields_in(well) | {"supplements": found}


class Dispense(WellOperation):
    """Add `volume_ul` of a liquid with its supplements to a well."""

    template = DispenseTemplate
    seconds = 6.0
    typical: ClassVar = {"liquid": "water", "volume_ul": 50.0}

    kind: Literal["dispense"] = "dispense"
    liquid: str
    volume_ul: float = Field(gt=0)
    supplements: tuple[Supplement, ...] = ()

    @property
    def tip_ul(self) -> float:
        """The volume dispensed."""
        return self.volume_ul

    @property
    def added(self) -> Liquid:
        """The liquid dispensed."""
        return Liquid(self.liquid, self.volume_ul, self.supplements)

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        contained = ", ".join(
            f"{s.substance} {s.concentration:g} {s.unit}" for s in self.supplements
        )
        return f"{self.well}: add {self.volume_ul:g} uL {self.liquid}" + (
            f" with {contained}" if contained else ""
        )
