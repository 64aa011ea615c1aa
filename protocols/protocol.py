"""The protocol of a campaign: ordered steps, their days, and their operations."""

from collections.abc import Iterator
from datetime import time
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from protocols.errors import Finding, duplicate_names, refuse
from protocols.operations import OperationTemplate
from protocols.parameters import Name
from protocols.quantities import Duration, Quantity
from protocols.references import Reference, references
from protocols.working_hours import TimeOfDay


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


LAST_DAY = 3_650
"""The latest day of a round that a file may name: ten years."""


class Days(_Model):
    """The days of a round on which a step occurs, from 0: one day, or from, to and every."""

    first: int = Field(alias="from", ge=0, le=LAST_DAY)
    last: int = Field(alias="to", ge=0, le=LAST_DAY)
    every: int = Field(1, ge=1, le=LAST_DAY)

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
    """One step of the protocol: when it occurs, which robots do it, and what is done."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    title: str = ""
    robots: Annotated[
        tuple[Name, ...], BeforeValidator(_one_or_more), WithJsonSchema(_ONE_OR_MORE)
    ] = Field(
        alias="robot", min_length=1, description="a name, or a list of robots that share the plates"
    )
    days: Days
    at: TimeOfDay = Field(time(9, 0), description="time of day at which the step is due, HH:MM")
    tolerance: Annotated[Duration, Field(validate_default=True)] = Quantity(12, "hour")
    operations: tuple[OperationTemplate, ...] = Field(min_length=1)

    def robot_of(self, plate: int) -> str:
        """Which of its robots a plate (from 1) goes to; plates go to robots in turn."""
        return self.robots[(plate - 1) % len(self.robots)]

    def references(self) -> Iterator[Reference]:
        """Where the step's operations refer to a parameter; the keys lie inside the step."""
        for index, operation in enumerate(self.operations):
            yield from references(operation, ("operations", index))


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
            message=(
                f"step {later.name} begins on day {later.days.first}, before step {earlier.name}"
            ),
            expected=f"day {earlier.days.first} or later",
        )
        for index, (earlier, later) in enumerate(pairwise(steps), start=1)
        if later.days.first < earlier.days.first
    ]
