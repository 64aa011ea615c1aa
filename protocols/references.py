"""References to parameters in a protocol, and their values in a well on one day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from protocols.conditions import Condition
from protocols.errors import Finding, Loc, refuse
from protocols.parameters import Name, Parameter
from protocols.quantities import Quantity, conversion


class TemplatePart(BaseModel):
    """A part of a protocol in which fields may refer to a parameter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: ClassVar[Mapping[str, str]] = {}
    """Field -> the unit into which the number of a parameter is converted there.

    Without one any unit will do.
    """
    labelled: ClassVar[frozenset[str]] = frozenset()
    """Fields that take the label of a category, not a number."""


class ParameterRef(TemplatePart):
    """In place of a value: that which the well's condition has for this parameter."""

    parameter: Name


T = TypeVar("T")


def _reference_or_value(value: Any) -> str:
    return "reference" if isinstance(value, dict | ParameterRef) else "value"


OrParameter = Annotated[
    Annotated[ParameterRef, Tag("reference")] | Annotated[T, Tag("value")],
    Discriminator(_reference_or_value),
]
"""A value, or `{parameter: NAME}`."""


PositiveDays = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Window(TemplatePart):
    """The first or the last so many days of the step; outside of them it is left out."""

    units: ClassVar = {"first": "day", "last": "day"}

    first: OrParameter[PositiveDays] | None = None
    last: OrParameter[PositiveDays] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.first is None) == (self.last is None):
            refuse(
                [
                    Finding(
                        loc=(),
                        message="needs either first or last",
                        expected="{first: DAYS} or {last: DAYS}",
                    )
                ]
            )
        return self


class Reference(NamedTuple):
    """A field that names a parameter: where, which, and what the field takes.

    `loc` leads to it; what it takes is as `TemplatePart` has it.
    """

    loc: Loc
    parameter: str
    field: str
    unit: str | None
    labelled: bool


def references(part: TemplatePart, loc: Loc) -> Iterator[Reference]:
    """Where a part of a protocol refers to a parameter; `loc` leads to the part."""
    for field in type(part).model_fields:
        value = getattr(part, field)
        if isinstance(value, ParameterRef):
            yield Reference(
                (*loc, field), value.parameter, field, part.units.get(field), field in part.labelled
            )
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                yield from references(item, (*loc, field, index))
        elif isinstance(value, TemplatePart):
            yield from references(value, (*loc, field))


@dataclass(frozen=True)
class WellOnDay:
    """One well on one day of a step: resolves a template's references.

    `days_before` and `days_after` are those of the step that came before this day, and that are
    still to come.
    """

    name: str
    condition: Condition
    parameters: Mapping[str, Parameter]
    days_before: int
    days_after: int

    def within(self, window: Window | None) -> bool:
        """Whether the day lies in a window of the step; without a window it does."""
        if window is None:
            return True
        if window.first is not None:
            return self.days_before < self.number(window.first, window.units["first"])
        assert window.last is not None
        return self.days_after < self.number(window.last, window.units["last"])

    def number(self, value: float | Quantity | ParameterRef, unit: str) -> float:
        """A number in `unit`, from a quantity, a reference to a parameter, or a number."""
        if isinstance(value, Quantity):
            return value.to(unit)
        if isinstance(value, ParameterRef):
            parameter = self.parameters[value.parameter]
            return conversion(
                float(self.condition[value.parameter]), parameter.unit or "dimensionless", unit
            )
        return value

    def quantity(self, value: Quantity | ParameterRef) -> Quantity:
        """A quantity in the unit of its own or of its parameter."""
        if isinstance(value, Quantity):
            return value
        return Quantity(
            float(self.condition[value.parameter]), self.parameters[value.parameter].unit
        )

    def label(self, value: str | ParameterRef) -> str:
        """A text, or the label of the level that the condition has for a category."""
        if isinstance(value, ParameterRef):
            return self.parameters[value.parameter].label(self.condition[value.parameter])
        return value
