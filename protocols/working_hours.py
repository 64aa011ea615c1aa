"""Working hours: when a robot works, or people are in the lab."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from protocols.errors import Finding, refuse

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)


def _two_digits(value: Any) -> Any:
    return value.strip().zfill(5) if isinstance(value, str) else value


TimeOfDay = Annotated[time, BeforeValidator(_two_digits)]
"""A time such as 9:00 or 18:30."""


class WorkingHours(BaseModel):
    """A span of the day, on some days of the week; local time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    begin: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    days: tuple[Weekday, ...] = Field(_WEEK, min_length=1, max_length=7)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.end <= self.begin:
            message = f"{self.end:%H:%M} is not after {self.begin:%H:%M}"
            refuse([Finding(loc=("to",), message=message, expected="from < to, within one day")])
        return self

    @property
    def day_s(self) -> float:
        """Seconds of work in a day."""
        minutes = (self.end.hour - self.begin.hour) * 60 + self.end.minute - self.begin.minute
        return 60.0 * minutes + self.end.second - self.begin.second

    @property
    def week_s(self) -> float:
        """Seconds of work in a week."""
        return self.day_s * len(set(self.days))

    def cover(self, begin: datetime, end: datetime) -> bool:
        """Whether all of a span lies within the hours of one day."""
        opening, closing = self._span(begin)
        return self._works(begin) and opening <= begin <= end <= closing

    def opening(self, moment: datetime) -> datetime:
        """When work can go on: `moment` itself within the hours, else when they next begin."""
        opening, closing = self._span(moment)
        if self._works(moment) and moment < closing:
            return max(opening, moment)
        day = moment
        while True:
            day += _DAY
            if self._works(day):
                return self._span(day)[0]

    def closing(self, moment: datetime) -> datetime:
        """When the hours of a moment within them end."""
        return self._span(moment)[1]

    def closed(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The spans without work between two moments."""
        while first < last:
            opening = self.opening(first)
            if opening > first:
                yield first, min(opening, last)
            first = self.closing(opening)

    def _works(self, moment: datetime) -> bool:
        return _WEEK[moment.weekday()] in self.days

    def _span(self, moment: datetime) -> tuple[datetime, datetime]:
        day = moment.date()
        return (
            datetime.combine(day, self.begin, tzinfo=moment.tzinfo),
            datetime.combine(day, self.end, tzinfo=moment.tzinfo),
        )

    def __str__(self) -> str:
        span = f"{self.begin:%H:%M} to {self.end:%H:%M}"
        return span if len(self.days) == len(_WEEK) else f"{span} on {', '.join(self.days)}"
