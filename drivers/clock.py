"""The clock from which drivers and orchestrator read the time, and the real one."""

import asyncio
from datetime import UTC, datetime, tzinfo
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """Where drivers and orchestrator read the time, so that it can be virtual.

    On a virtual clock time passes only by `sleep_until`, which returns at once. A driver for real
    equipment reads it for timestamps only; a simulated robot stamps its operations ahead of it.
    """

    @property
    def virtual(self) -> bool:
        """Whether time passes only by sleeping."""
        ...

    def now(self) -> datetime:
        """The time, with its zone."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come."""
        ...


@runtime_checkable
class SteppedClock(Clock, Protocol):
    """A virtual clock that may go in steps: to the next moment for which somebody waits.

    Otherwise robots stamp what they do ahead of it, and it catches up when all of them are ready.
    """

    in_steps: bool

    @property
    def awaited(self) -> list[datetime]:
        """The moments for which somebody waits."""
        ...

    async def wait_for(self, moment: datetime) -> None:
        """Return when the clock has come to `moment`; at once if it does not go in steps."""
        ...


class RealClock:
    """Time as the machine has it."""

    virtual = False

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone

    def now(self) -> datetime:
        """The time, in the clock's zone."""
        return datetime.now(self._zone)

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come; at once if it is past."""
        # In UTC: by the clock on the wall an hour is missing or doubled when summer time changes.
        wait = moment.astimezone(UTC) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, wait.total_seconds()))
