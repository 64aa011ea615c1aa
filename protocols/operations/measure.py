"""Measure a quantity of a well, which gives a number."""

from typing import ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.references import WellOnDay


class MeasureTemplate(WellTemplate):
    """Measure a quantity of each well."""

    do: Literal["measure"]
    quantity: str = Field(
        min_length=1, max_length=100, description="what is measured, such as mass or absorbance"
    )

    def in_well(self, well: WellOnDay) -> "Measure":
        """Of one well."""
        return Measure(well=well.name, quantity=self.quantity)


class Measure(WellOperation):
    """Measure a quantity of a well; the reading is a number with the instrument's unit."""

    template = MeasureTemplate
    typical: ClassVar = {"quantity": "mass"}
    seconds = 5.0
    repeatable = True
    reads = "number"

    kind: Literal["measure"] = "measure"
    quantity: str

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        return f"{self.well}: measure {self.quantity}"
