"""The protocol of a campaign: ordered steps, when they occur, and their operations."""

from collections.abc import Collection, Iterator, Sequence
from datetime import time, timedelta
from functools import cached_property
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

from protocols.conditions import MOST
from protocols.errors import Finding, duplicate_names, refuse
from protocols.operations import OperationTemplate
from protocols.parameters import Name
from protocols.quantities import Duration, Quantity
from protocols.references import Reference, references
from protocols.step_timing import (
    MOST_OCCURRENCES,
    After,
    Days,
    StepName,
    Until,
    repeats,
    span,
)
from protocols.working_hours import TimeOfDay

_MORNING = time(9, 0)
"""The time of day of a step that says none."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_NAME_SCHEMA = TypeAdapter(Name).json_schema()
_ONE_OR_MORE = {
    "anyOf": [
        _NAME_SCHEMA,
        {"type": "array", "items": _NAME_SCHEMA, "minItems": 1, "maxItems": MOST},
    ]
}


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Step(_Model):
    """One step of the protocol: when it occurs, which robots do it, and what is done.

    It occurs on `days` at a time of day, or `after` another step; either time once, again and again
    (`every`, `for`), or `until` an outcome has reached a value.
    """

    name: StepName
    title: str = ""
    robots: Annotated[
        tuple[Name, ...], BeforeValidator(_one_or_more), WithJsonSchema(_ONE_OR_MORE)
    ] = Field(
        alias="robot",
        min_length=1,
        max_length=MOST,
        description="a name, or a list of robots that share the plates",
    )
    days: Days | None = Field(None, description="days of the round, from 0")
    at: TimeOfDay | None = Field(
        None,
        description="time of day at which the step is due, HH:MM; 09:00 if absent, or where rounds "
        "start at once the time at which the round starts",
    )
    after: After | None = Field(None, description="in place of days: the step that it follows")
    every: Duration | None = Field(None, description="it comes again after so long")
    lasting: Duration | None = Field(
        None, alias="for", description="how long it comes again and again, with `every`"
    )
    until: Until | None = Field(None, description="it comes again until an outcome has a value")
    tolerance: Duration | None = Field(
        None,
        description="how late it may begin; 12 hours if absent, and of what is repeated no later "
        "than its next time",
    )
    operations: tuple[OperationTemplate, ...] = Field(min_length=1, max_length=MOST)

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(list(self._timing_findings()))
        return self

    def _timing_findings(self) -> Iterator[Finding]:
        if (self.days is None) == (self.after is None):
            message = "missing" if self.days is None else "either days or after, not both"
            expected = "a day of the round such as 0, or after: {step: NAME, wait: 30 min}"
            yield Finding(loc=("days",), message=message, expected=expected)
        if self.after is not None and self.at is not None:
            message = "a step that follows another one has no time of day"
            yield Finding(loc=("at",), message=message, expected="days, or no at")
        if (self.every is None) != (self.lasting is None):
            missing = "every" if self.every is None else "for"
            expected = "every: 10 min with for: 2 hour"
            yield Finding(loc=(missing,), message="missing", expected=expected)
        if self.until is not None and self.every is not None:
            message = "a step that is repeated until a state is reached has its own interval"
            yield Finding(loc=("every",), message=message, expected="until: {check: ...}")
        if self.until is not None and self.days is not None and len(list(self.days)) > 1:
            message = "a step that is repeated until a state is reached begins on one day"
            yield Finding(loc=("days",), message=message, expected="one day")
        if self.every is not None and not self.every.magnitude:
            yield Finding(loc=("every",), message="is no time", expected="such as 10 min")
        elif self.repeats * len(list(self.days or (0,))) > MOST_OCCURRENCES:
            message = f"the step would come {self.repeats} times"
            expected = f"at most {MOST_OCCURRENCES} times a round"
            where = "every" if self.every is not None else "until"
            yield Finding(loc=(where,), message=message, expected=expected)

    @property
    def interval(self) -> Quantity | None:
        """How long from one occurrence to the next, where it is repeated."""
        return self.until.check if self.until is not None else self.every

    @property
    def repeats(self) -> int:
        """How often it comes on each of its days, or after its step: at most, with `until`."""
        if self.until is not None:
            return repeats(self.until.check, self.until.at_most)
        if self.every is None or self.lasting is None or not self.every.magnitude:
            return 1
        return repeats(self.every, self.lasting)

    @property
    def time_of_day(self) -> time:
        """The time of day at which it is due, unless rounds start at once."""
        return self.at or _MORNING

    @property
    def lateness(self) -> Quantity:
        """How late it may begin; what is repeated may not be later than its next time."""
        own = None if self.after is None else self.after.tolerance
        given = own or self.tolerance
        if given is not None:
            return given
        longest = Quantity(12, "hour")
        return min(longest, self.interval or longest, key=lambda found: found.to("s"))

    @property
    def when(self) -> str:
        """When it is due on its days, in words."""
        first = self.after.words if self.after is not None else f"{self.time_of_day:%H:%M}"
        if self.until is not None:
            until = self.until
            return (
                f"{first}, then every {until.check} until {until.wanted}, at most {until.at_most}"
            )
        return f"{first}, every {self.every} for {self.lasting}" if self.every else first

    def robot_of(self, plate: int, place: int = 0) -> str:
        """Which of its robots a plate (from 1) goes to; plates go to robots in turn."""
        return self.robots[(plate - 1 + place) % len(self.robots)]

    def references(self) -> Iterator[Reference]:
        """Where the step's operations refer to a parameter; the keys lie inside the step."""
        for index, operation in enumerate(self.operations):
            yield from references(operation, ("operations", index))


class Protocol(_Model):
    """The ordered steps of one round."""

    name: str
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST)

    @model_validator(mode="after")
    def _check(self) -> Self:
        found = duplicate_names(self.steps, "steps") + step_order_findings(self.steps)
        refuse(found + after_findings(self.steps))
        return self

    def free_place(self, busy: Collection[str]) -> int:
        """The first place in the lists of robots of which none is busy; 0 if there is none."""
        shared = [step.robots for step in self.steps if len(step.robots) > 1]
        for place in range(max((len(robots) for robots in shared), default=1)):
            if not any(robots[place % len(robots)] in busy for robots in shared):
                return place
        return 0

    @cached_property
    def by_name(self) -> dict[str, Step]:
        """The steps by their names."""
        return {step.name: step for step in self.steps}

    @property
    def relative(self) -> bool:
        """Whether steps follow each other by when they really ended."""
        return any(step.after is not None for step in self.steps)

    @property
    def last_day(self) -> int:
        """The last day of a round, counted from 0, if all is done when it is due."""
        return max(max(days) for days in self.days_by_step.values())

    @property
    def days_by_step(self) -> dict[str, tuple[int, ...]]:
        """The day of each occurrence of each step, if all is done when it is due."""
        ends: dict[str, timedelta] = {}
        found = {}
        for step in self.steps:
            if step.after is not None:
                begins = [ends[step.after.step] + span(step.after.wait)]
            else:
                at = step.time_of_day
                clock = timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
                begins = [timedelta(days=day) + clock for day in step.days or ()]
            interval = timedelta(0) if step.interval is None else span(step.interval)
            moments = [
                begin + number * interval for begin in begins for number in range(step.repeats)
            ]
            ends[step.name] = moments[-1]
            found[step.name] = tuple(moment // timedelta(days=1) for moment in moments)
        return found


def step_order_findings(steps: Sequence[Step]) -> list[Finding]:
    """A finding for each step that begins before the step above it has begun."""
    fixed = [(index, step.name, step.days) for index, step in enumerate(steps) if step.days]
    return [
        Finding(
            loc=("steps", index, "days"),
            message=f"step {name} begins on day {later.first}, before step {earlier_name}",
            expected=f"day {earlier.first} or later",
        )
        for (_, earlier_name, earlier), (index, name, later) in pairwise(fixed)
        if later.first < earlier.first
    ]


def after_findings(steps: Sequence[Step]) -> list[Finding]:
    """A finding for each step that follows one which does not stand above it."""
    found: list[Finding] = []
    for index, step in enumerate(steps):
        above = [earlier.name for earlier in steps[:index]]
        if step.after is not None and step.after.step not in above:
            message = f"{step.after.step!r} is not a step above step {step.name}"
            expected = "one of " + ", ".join(above) if above else "days: 0 for the first step"
            loc = ("steps", index, "after", "step")
            found.append(Finding(loc=loc, message=message, expected=expected))
    return found
