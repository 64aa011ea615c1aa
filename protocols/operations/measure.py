"""Measure a quantity of a well, which gives a number."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from protocols.operations.base import WellOperation, WellTemplate
from protocols.references import OrParameter


class MeasureTemplate(WellTemplate):
    """Measure a quantity of each well."""

    do: Literal["measure"]
    quantity: OrParameter[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        description="what is measured, such as mass or absorbance"
    )


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
