"""Call an action that a driver declares, with its arguments."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from protocols.operations.base import EachOperation, EachTemplate
from protocols.operations.setting import AnyValue, PlainValue, plain, words_of
from protocols.references import OrParameter, WellOnDay


class CallTemplate(EachTemplate):
    """Call an action of a device for the plate, or for each well."""

    do: Literal["call"]
    action: OrParameter[str] = Field(description="one that the robot's driver declares")
    arguments: dict[str, OrParameter[AnyValue]] = Field(
        default_factory=dict, alias="with", description="argument -> value"
    )

    def fields_in(self, well: WellOnDay) -> dict[str, Any]:
        """With the value and the unit of each argument."""
        found = ((name, plain(well.either(given))) for name, given in self.arguments.items())
        arguments = tuple(
            Argument(name=name, value=value, unit=unit) for name, (value, unit) in found
        )
        return {"action": well.label(self.action), "arguments": arguments}


class Argument(BaseModel):
    """An argument of an action: its name, and its value in `unit`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: PlainValue
    unit: str = ""


class Call(EachOperation):
    """Call an action that the robot's driver declares."""

    template = CallTemplate
    seconds = 30.0
    typical: ClassVar = {"action": "home", "arguments": ()}

    kind: Literal["call"] = "call"
    action: str
    arguments: tuple[Argument, ...] = ()

    def in_words(self) -> str:
        """The instruction in words, for a checklist."""
        given = ", ".join(f"{a.name} {words_of(a.value, a.unit)}" for a in self.arguments)
        return f"{self.place}: {self.action}" + (f" with {given}" if given else "")
