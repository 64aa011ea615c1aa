"""When a step occurs: on days of the round, after another step, again and again, until a state."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from statistics import fmean, median
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from protocols.conditions import Finite
from protocols.errors import Finding, refuse
from protocols.parameters import Name
from protocols.quantities import Duration, Quantity

LAST_DAY = 3_650
"""The latest day of a round that a file may name: ten years."""

MOST_OCCURRENCES = 10_000
"""How often a step may occur in a round."""

StepName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Days(_Model):
    """The days of a round on which a step occurs, from 0: one day, or from, to and every."""

    first: int = Field(alias="from", ge=0, le=LAST_DAY)
    last: int = Field(alias="to", ge=0, le=LAST_DAY)
    every: int = Field(1, ge=1, le=LAST_DAY)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Either the number of one day or first, last and interval."""
        schema = handler.resolve_ref_schema(handler(core))
        one = {"type": "integer", "minimum": 0, "maximum": LAST_DAY}
        return {"anyOf": [one, {**schema}], "title": schema.get("title", "")}

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


class After(_Model):
    """A step that is due so long after the end of another one on the same plate.

    It waits for the last occurrence of that step, and is due by when that really ended.
    """

    step: StepName
    wait: Annotated[Duration, Field(validate_default=True)] = Quantity(0, "s")
    tolerance: Duration | None = Field(
        None, description="how late it may begin; the step's tolerance if absent"
    )

    @property
    def words(self) -> str:
        """When it is due, in words."""
        return f"{self.wait} after {self.step}" if self.wait.magnitude else f"after {self.step}"


def _without_every(value: Any) -> Any:
    return value.strip().removeprefix("every ") if isinstance(value, str) else value


class Until(_Model):
    """A step that looks at each plate again and again until an outcome has reached a value.

    The next checks of a plate are left out as soon as it has, and what comes `after` the step is
    due then.
    """

    outcome: Name
    at_least: Finite | None = Field(None, description="the value that it is to reach from below")
    falls_to: Finite | None = Field(None, description="the value that it is to reach from above")
    check: Annotated[Duration, BeforeValidator(_without_every)] = Field(
        description="how long from one look to the next, such as 12 hour or every 12 hour"
    )
    at_most: Duration = Field(description="how long it is looked at, from the first look on")
    wells: Literal["all", "any", "mean", "median"] = Field(
        "all", description="what of the plate is to reach it: each of its wells, one, or an average"
    )
    otherwise: Literal["ask", "go_on"] = Field(
        "ask", description="when it was not reached in that time: ask a person, or go on"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        found = []
        if (self.at_least is None) == (self.falls_to is None):
            message = "needs either at_least or falls_to"
            expected = "{outcome: NAME, at_least: VALUE, check: 12 hour, at_most: 5 day}"
            found.append(Finding(loc=(), message=message, expected=expected))
        if not self.check.magnitude:
            expected = "a time such as 12 hour"
            found.append(Finding(loc=("check",), message="is no time", expected=expected))
        elif self.at_most.to("s") < self.check.to("s"):
            message = f"{self.at_most} is less than from one look to the next, {self.check}"
            expected = "check <= at_most"
            found.append(Finding(loc=("at_most",), message=message, expected=expected))
        refuse(found)
        return self

    def reached(self, values: Iterable[float | None]) -> bool:
        """Whether the wells of a plate have reached it; None: a well has no trusted value."""
        known = list(values)
        trusted = [value for value in known if value is not None]
        if not trusted:
            return False
        if self.wells == "any":
            return any(self._far_enough(value) for value in trusted)
        if self.wells == "all":
            return len(trusted) == len(known) and all(self._far_enough(v) for v in trusted)
        return self._far_enough((fmean if self.wells == "mean" else median)(trusted))

    def _far_enough(self, value: float) -> bool:
        if self.at_least is not None:
            return value >= self.at_least
        assert self.falls_to is not None
        return value <= self.falls_to

    @property
    def wanted(self) -> str:
        """What is waited for, in words."""
        if self.at_least is not None:
            return f"{self.outcome} is at least {self.at_least:g}"
        return f"{self.outcome} has fallen to {self.falls_to:g}"


def span(duration: Quantity) -> timedelta:
    """A duration of a campaign file as a timedelta."""
    return timedelta(seconds=duration.to("s"))


def repeats(every: Quantity, lasting: Quantity) -> int:
    """How often something occurs in a time, its begin and its end included."""
    return int(lasting.to("s") / every.to("s") + 1e-9) + 1
