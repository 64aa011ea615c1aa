"""The protocol of a campaign: ordered steps, the days on which they recur, and what is done to each well then."""

from collections.abc import Iterator
from datetime import time
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from protocols.errors import Finding, Loc, refuse
from protocols.parameters import Name, duplicate_names
from protocols.quantities import Concentration, Duration, Quantity, Speed, Temperature, Volume
from protocols.working_hours import TimeOfDay


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ParameterRef(_Model):
    """Stands where a value would stand: the value that the well's condition has for this parameter."""

    parameter: Name


T = TypeVar("T")


def _reference_or_value(value: Any) -> str:
    return "reference" if isinstance(value, dict | ParameterRef) else "value"


OrParameter = Annotated[
    Annotated[ParameterRef, Tag("reference")] | Annotated[T, Tag("value")], Discriminator(_reference_or_value)
]
"""A value, or `{parameter: NAME}`."""


PositiveDays = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Window(_Model):
    """The first or the last so many days of the step; outside of them it is left out."""

    first: OrParameter[PositiveDays] | None = None
    last: OrParameter[PositiveDays] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.first is None) == (self.last is None):
            refuse([Finding(loc=(), message="needs either first or last", expected="{first: DAYS} or {last: DAYS}")])
        return self


class SupplementTemplate(_Model):
    """A substance in a dispensed liquid: at a fixed concentration (`2 uM`) or at that of a parameter."""

    substance: str
    concentration: OrParameter[Concentration]
    during: Window | None = None


class _Template(_Model):
    during: Window | None = Field(None, description="days of the step on which the well gets this; all if absent")


class MoveTemplate(_Template):
    """Carry the plate to a named place."""

    do: Literal["move"]
    to: str


class DispenseTemplate(_Template):
    """Add a liquid with its supplements to each well."""

    do: Literal["dispense"]
    liquid: str
    volume: OrParameter[Volume]
    supplements: tuple[SupplementTemplate, ...] = ()


class AspirateTemplate(_Template):
    """Remove and discard a volume from each well."""

    do: Literal["aspirate"]
    volume: OrParameter[Volume]


class MixTemplate(_Template):
    """Draw and return a volume in each well."""

    do: Literal["mix"]
    volume: OrParameter[Volume]
    cycles: OrParameter[Annotated[int, Field(ge=1)]]


class IncubateTemplate(_Template):
    """Let the plate stand."""

    do: Literal["incubate"]
    duration: Duration
    temperature: Temperature


class DetachTemplate(_Template):
    """Detach the cells of each well by pipetting, a period after the enzyme was added."""

    do: Literal["detach"]
    period: OrParameter[Duration]
    speed: OrParameter[Speed]
    stroke: OrParameter[str]


class TransferTemplate(_Template):
    """Move the cells of each well to a fresh plate."""

    do: Literal["transfer"]
    volume: OrParameter[Volume]


class ImageTemplate(_Template):
    """Take an image of each well."""

    do: Literal["image"]


OperationTemplate = Annotated[
    MoveTemplate
    | DispenseTemplate
    | AspirateTemplate
    | MixTemplate
    | IncubateTemplate
    | DetachTemplate
    | TransferTemplate
    | ImageTemplate,
    Field(discriminator="do"),
]

FIELD_UNITS = {
    "volume": "uL",
    "period": "s",
    "speed": "mm/s",
    "cycles": "dimensionless",
    "first": "day",
    "last": "day",
}
"""The unit into which a parameter is converted where an operation's field refers to it."""


class Days(_Model):
    """The days of a round on which a step occurs, counted from 0; from, to and every, or one day."""

    first: int = Field(alias="from", ge=0)
    last: int = Field(alias="to", ge=0)
    every: int = Field(1, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _one_day(cls, value: Any) -> Any:
        return {"from": value, "to": value} if isinstance(value, int) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.last < self.first:
            message = f"day {self.last} lies before day {self.first}"
            refuse([Finding(loc=("to",), message=message, expected="from <= to")])
        return self

    def __iter__(self) -> Iterator[int]:  # type: ignore[override]  # days, not pydantic's field pairs
        return iter(range(self.first, self.last + 1, self.every))


_NAME_SCHEMA = TypeAdapter(Name).json_schema()
_ONE_OR_MORE = {"anyOf": [_NAME_SCHEMA, {"type": "array", "items": _NAME_SCHEMA, "minItems": 1}]}


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Step(_Model):
    """One stage of the protocol: when it occurs in a round, which robots do it, and what is done."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    title: str = ""
    robots: Annotated[tuple[Name, ...], BeforeValidator(_one_or_more), WithJsonSchema(_ONE_OR_MORE)] = Field(
        alias="robot", min_length=1, description="a name, or a list of robots that share the plates"
    )
    days: Days
    at: TimeOfDay = Field(time(9, 0), description="time of day at which the step is due, HH:MM")
    tolerance: Annotated[Duration, Field(validate_default=True)] = Quantity(12, "hour")
    operations: tuple[OperationTemplate, ...] = Field(min_length=1)

    def robot_of(self, plate: int) -> str:
        """Which of its robots a plate (from 1) goes to: they have them in turn, so that a plate stays with one."""
        return self.robots[(plate - 1) % len(self.robots)]

    def references(self) -> Iterator[tuple[Loc, str, str]]:
        """Where the step's operations refer to a parameter: (key inside the step, parameter, field name)."""
        for index, operation in enumerate(self.operations):
            yield from _references(operation, ("operations", index))


class Protocol(_Model):
    """The ordered steps of one round."""

    name: str
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(duplicate_names(self.steps, "steps") + step_order_findings(self.steps))
        return self

    @property
    def last_day(self) -> int:
        """The last day of a round, counted from 0."""
        return max(step.days.last for step in self.steps)


def step_order_findings(steps: tuple[Step, ...]) -> list[Finding]:
    """A finding for each step that begins before the step above it has begun."""
    return [
        Finding(
            loc=("steps", index, "days"),
            message=f"step {later.name} begins on day {later.days.first}, before step {earlier.name}",
            expected=f"day {earlier.days.first} or later",
        )
        for index, (earlier, later) in enumerate(pairwise(steps), start=1)
        if later.days.first < earlier.days.first
    ]


def _references(model: _Model, loc: Loc) -> Iterator[tuple[Loc, str, str]]:
    for field in type(model).model_fields:
        value = getattr(model, field)
        if isinstance(value, ParameterRef):
            yield (*loc, field), value.parameter, field
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                yield from _references(item, (*loc, field, index))
        elif isinstance(value, _Model):
            yield from _references(value, (*loc, field))
