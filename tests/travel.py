"""A clock on the code path of the real one, on which nobody has to wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from heapq import heappop, heappush
from typing import Any

_ROUNDS = 4
"""How often the event loop is let go round before nothing is to be done in it any more."""


class Lost(BaseException):
    """The process dies."""


class _Counting(ThreadPoolExecutor):
    """Threads that say whether they work."""

    def __init__(self) -> None:
        super().__init__(2)
        self.working = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.working += 1
        found = super().submit(fn, *args, **kwargs)
        found.add_done_callback(self._ended)
        return found

    def _ended(self, _: Future[Any]) -> None:
        self.working -= 1


class TravelClock:
    """When all that run have fallen asleep, the time of the first to wake up is now.

    At a chosen sleep the process dies.
    """

    virtual = False

    def __init__(self, now: datetime) -> None:
        self.time = now
        self.sleeps_left: int | None = None
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = _Counting()
        self._travels: asyncio.Task[None] | None = None
        self._number = 0

    def now(self) -> datetime:
        return self.time

    async def sleep_until(self, moment: datetime) -> None:
        if self.sleeps_left is not None:
            self.sleeps_left -= 1
            if self.sleeps_left <= 0:
                raise Lost
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._sleepers, self._travels = loop, [], None
            self._threads = _Counting()
            loop.set_default_executor(self._threads)
        self._number += 1
        waker = loop.create_future()
        heappush(self._sleepers, (moment, self._number, waker))
        if self._travels is None or self._travels.done():
            self._travels = loop.create_task(self._travel())
        await waker

    async def _travel(self) -> None:
        while self._sleepers:
            await self._all_asleep()
            if self._sleepers:
                moment, _, waker = heappop(self._sleepers)
                if not waker.done():
                    self.time = max(self.time, moment)
                    waker.set_result(None)

    async def _all_asleep(self) -> None:
        quiet = 0
        while quiet < _ROUNDS:
            number = self._number
            if self._threads.working:
                await asyncio.sleep(0.0005)
            else:
                await asyncio.sleep(0)
            quiet = 0 if self._threads.working or number != self._number else quiet + 1
