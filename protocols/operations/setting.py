"""Set any named setting of a device, or have a person set it."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from protocols.operations.base import EachOperation, EachTemplate
from protocols.quantities import AnyQuantity, Quantity
from protocols.references import Given, OrParameter, WellOnDay

PlainValue = StrictBool | StrictInt | StrictFloat | str
"""A number, a text, or whether something is so."""

AnyValue = Annotated[AnyQuantity | PlainValue, Field(union_mode="left_to_right")]
"""A quantity if it reads as one, or else a number, a text, or whether something is so."""


def plain(given: Given) -> tuple[Any, str]:
    """A value as it is, and its unit; nothing of what has none."""
    return (given.magnitude, given.unit) if isinstance(given, Quantity) else (given, "")


def words_of(value: PlainValue, unit: str) -> str:
    """A value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else f"{value:g}"
    return f"{text} {unit}".rstrip()


class SetTemplate(EachTemplate):
    """Set a named setting for the plate, or for each well."""

    do: Literal["set"]
    setting: OrParameter[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        description="its name, as the device or the person knows it"
    )
    value: OrParameter[AnyValue]

    def fields_in(self, well: WellOnDay) -> dict[str, Any]:
        """With the value and its unit."""
        found = super().fields_in(well)
        value, unit = plain(found["value"])
        return found | {"value": value, "unit": unit}


class Set(EachOperation):
    """Set a named setting to a value in `unit`."""

    template = SetTemplate
    leaves_volume = True
    seconds = 10.0
    typical: ClassVar = {"setting": "stirrer speed", "value": 300.0, "unit": "rpm"}

    kind: Literal["set"] = "set"
    setting: str
    value: PlainValue
    unit: str = ""

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        what = f"set {self.setting} to {words_of(self.value, self.unit)}"
        return f"{self.well}: {what}" if self.well else what
