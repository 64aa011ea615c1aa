"""Clocks of virtual labs: forty days pass in no time, or many times faster than they do."""

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo

_SHORTEST_S = 0.01


class VirtualClock:
    """Time that passes only when somebody sleeps; it never goes back."""

    virtual = True

    def __init__(self, start: datetime | None = None, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._now = (start or datetime.now(UTC)).astimezone(zone)
        self.in_steps = False
        self._waiting: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The virtual time."""
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        """Move to `moment` at once; stay if it is past."""
        # Compared in UTC: of two readings of the clock on the wall the later one may be the same.
        if moment.astimezone(UTC) > self._now.astimezone(UTC):
            self._now = moment.astimezone(self._zone)
        for _, waker in [entry for entry in self._waiting if entry[0] <= self._now]:
            if not waker.done():
                waker.set_result(None)
        self._waiting = [entry for entry in self._waiting if entry[0] > self._now]

    @property
    def awaited(self) -> list[datetime]:
        """The moments for which somebody waits."""
        return [moment for moment, waker in self._waiting if not waker.done()]

    async def wait_for(self, moment: datetime) -> None:
        """Return when the clock has come to `moment`; at once if it does not go in steps."""
        if self.in_steps and moment > self._now:
            waker = asyncio.get_running_loop().create_future()
            self._waiting.append((moment, waker))
            await waker


class AcceleratedClock:
    """Real time, `speed` times faster since `start`, the same in every process."""

    virtual = False

    def __init__(self, start: datetime, speed: float, zone: tzinfo = UTC) -> None:
        self._start, self._speed = start.astimezone(zone), speed

    def now(self) -> datetime:
        """The accelerated time."""
        passed = (datetime.now(UTC) - self._start.astimezone(UTC)) * self._speed
        return (self._start.astimezone(UTC) + passed).astimezone(self._start.tzinfo)

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come; at once if it is past."""
        wait = (moment.astimezone(UTC) - self.now().astimezone(UTC)) / self._speed
        if wait > timedelta(0):
            await asyncio.sleep(max(_SHORTEST_S, wait.total_seconds()))
