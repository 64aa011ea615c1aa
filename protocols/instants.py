"""Moments: arithmetic by the time that passes, not by the hands of a clock.

Python adds to a moment with a zone by the clock on the wall, which is off by an hour when summer
time begins or ends in between.
"""

from datetime import UTC, datetime, timedelta


def later(moment: datetime, passed: timedelta) -> datetime:
    """The moment when so much time has passed, in the same zone."""
    return (moment.astimezone(UTC) + passed).astimezone(moment.tzinfo)


def between(begin: datetime, end: datetime) -> timedelta:
    """How much time passes from one moment to another."""
    return end.astimezone(UTC) - begin.astimezone(UTC)
