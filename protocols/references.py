"""References to parameters in a protocol, and their values in a well on one day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    Self,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from protocols.conditions import Condition
from protocols.errors import Finding, Loc, refuse
from protocols.parameters import Name, Parameter
from protocols.quantities import Dimension, Quantity, conversion


class TemplatePart(BaseModel):
    """A part of a protocol in which fields may refer to a parameter.

    What a field takes of a parameter follows from its type; see `takes`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: ClassVar[Mapping[str, str]] = {}
    """Field -> the unit of its numbers, where its type does not say it."""
    labelled: ClassVar[frozenset[str]] = frozenset()
    """Fields that take the label of a category, where their type does not say it."""


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


class Takes(NamedTuple):
    """What a field takes of a parameter: a number in a unit (None: any), a label, or either.

    `whole`: the number is a whole one.
    """

    what: Literal["number", "label", "either"]
    unit: str | None = None
    whole: bool = False


@cache
def takes(part: type[TemplatePart]) -> Mapping[str, Takes]:
    """What each field that may refer to a parameter takes of it, from the field's type.

    Of a quantity that is a number in the unit of its dimension, of a text the label of a category,
    and of what may be several things whatever the parameter gives.
    """
    found = {}
    for name, field in part.model_fields.items():
        types = list(_types(field.annotation))
        if any(kind is ParameterRef for kind, _ in types):
            values = [found for found in types if found[0] not in (ParameterRef, type(None))]
            given = _taken(values)
            if name in part.labelled:
                given = Takes("label")
            found[name] = given._replace(unit=part.units.get(name, given.unit))
    return found


def _types(
    annotation: Any, metadata: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The types of which an annotation is a union, each with its metadata."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inside, *more = get_args(annotation)
        yield from _types(inside, (*metadata, *more))
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _types(member, metadata)
    elif origin is dict:
        yield from _types(get_args(annotation)[1], metadata)
    else:
        yield annotation, metadata


def _taken(values: list[tuple[Any, tuple[Any, ...]]]) -> Takes:
    if len(values) != 1:
        return Takes("either")
    [(kind, metadata)] = values
    if kind is str:
        return Takes("label")
    known = next((found.unit for found in metadata if isinstance(found, Dimension | InUnit)), None)
    if kind is Quantity:
        return Takes("number", known)
    return Takes("number", known or "dimensionless", kind is int)


@dataclass(frozen=True)
class InUnit:
    """Annotation for a number: the unit that it is in."""

    unit: str


PositiveDays = Annotated[float, Field(gt=0, le=3_650, allow_inf_nan=False), InUnit("day")]


class Window(TemplatePart):
    """The first or the last so many days of the step; outside of them it is left out."""

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
    """A field that names a parameter: where, which, and what the field takes; `loc` leads to it."""

    loc: Loc
    parameter: str
    field: str
    takes: Takes


def references(part: TemplatePart, loc: Loc) -> Iterator[Reference]:
    """Where a part of a protocol refers to a parameter; `loc` leads to the part."""
    for field, info in type(part).model_fields.items():
        yield from _references(part, field, getattr(part, field), (*loc, info.alias or field))


def _references(part: TemplatePart, field: str, value: Any, loc: Loc) -> Iterator[Reference]:
    if isinstance(value, ParameterRef):
        yield Reference(loc, value.parameter, field, takes(type(part))[field])
    elif isinstance(value, TemplatePart):
        yield from references(value, loc)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _references(part, field, item, (*loc, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _references(part, field, item, (*loc, key))


Given = float | str | bool | Quantity
"""What a field has in a well: a number in the unit that it takes, a quantity, a text."""


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

    def has(self, part: TemplatePart) -> bool:
        """Whether its condition has every parameter that a part's own fields refer to."""
        own = (getattr(part, field) for field in type(part).model_fields)
        values = (item for it in own for item in (it.values() if isinstance(it, dict) else (it,)))
        return all(
            value.parameter in self.condition.root
            for value in values
            if isinstance(value, ParameterRef)
        )

    def gets(self, part: TemplatePart, window: Window | None) -> bool:
        """Whether a part is for this well on this day."""
        return self.has(part) and self.within(window)

    def within(self, window: Window | None) -> bool:
        """Whether the day lies in a window of the step; without a window it does."""
        if window is None:
            return True
        if not self.has(window):
            return False
        if window.first is not None:
            return self.days_before < self.number(window.first, "day")
        assert window.last is not None
        return self.days_after < self.number(window.last, "day")

    def given(self, part: TemplatePart, field: str) -> Any:
        """What a field of a part of the protocol has in this well; None if it is left out.

        A field that takes a number has it in its unit, or is a quantity if any unit will do.
        """
        value, wanted = getattr(part, field), takes(type(part))[field]
        if value is None:
            return None
        if wanted.what == "label":
            return self.label(value)
        if wanted.what == "either":
            return self.either(value)
        if wanted.unit is None:
            return self.quantity(value)
        number = self.number(value, wanted.unit)
        return round(number) if wanted.whole else number

    def either(self, value: Given | ParameterRef) -> Given:
        """A value as it is, or what the condition has: a number with its unit, or a label."""
        if not isinstance(value, ParameterRef):
            return value
        parameter = self.parameters[value.parameter]
        if not parameter.numeric:
            return self.label(value)
        return (
            self.quantity(value) if parameter.unit else cast(float, self.condition[parameter.name])
        )

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
