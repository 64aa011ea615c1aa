"""One owner: a lease with a fencing number, renewed while a process uses what it is on.

An owner that cannot renew stops before its lease ends, so that two never act at once.
"""

import asyncio
import hashlib
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import LeaseLost, Owned, Unavailable

if TYPE_CHECKING:  # a computer at the bench may have no database packages
    from orchestrator.journal.journal import Journal

_LOOK_S = 1.0
"""How often a process that waits looks whether the other has let go."""

_SAFE_SHARE = 0.8
"""The share of a lease after which an owner that could not renew it stops."""


class Lease:
    """What an owner holds: the fencing number, and until when it may act without a renewal.

    `home_fence` is the first one since which all owners were of one home; 0: as far as is known.
    """

    def __init__(self, resource: str, seconds: float) -> None:
        self.resource, self.fence, self.home_fence = resource, 0, 0
        self._seconds = seconds
        self._renewed_at = _uptime()

    def renewed(self, fence: int, at: float) -> None:
        """It was renewed; `at` is the uptime before the journal was asked."""
        self.fence, self._renewed_at = fence, at

    @property
    def left_s(self) -> float:
        """For how many seconds of real time its owner may still act."""
        return self._renewed_at + _SAFE_SHARE * self._seconds - _uptime()

    def check(self) -> None:
        """Refuse to act under a lease that may have ended.

        Raises:
            LeaseLost: it was not renewed in time, such as after a suspension of the process.
        """
        if self.left_s <= 0:
            raise LeaseLost(
                f"the lease on {self.resource} was not renewed in time: another process may have "
                "taken it over, so this one stops"
            )


@asynccontextmanager
async def owned(
    journal: "Journal",
    resource: str,
    seconds: float,
    on_wait: Callable[[Owned], None] | None = None,
    purpose: str = "",
) -> AsyncIterator[Lease]:
    """Own a campaign or a robot for the length of a block.

    Args:
        journal: where the lease is written.
        resource: see `campaign_resource`, `robot_resource` and `device_resource`.
        seconds: how long the lease lasts in real time; it is renewed three times in that. What a
            killed owner held can be taken over after it.
        on_wait: called once when another process holds it, which is then waited for; None: raise
            `Owned`.
        purpose: for what, where one process may have several owners of its resources.

    Raises:
        Owned: another process holds it, and `on_wait` is None.
        LeaseLost: another process has taken over, or the lease could not be renewed in time.
    """
    owner = this_process() + (f" for {purpose}" if purpose else "")
    lease = Lease(resource, seconds)
    waiting, dead = False, ""
    while True:
        try:
            at = _uptime()
            lease.renewed(journal.own(resource, owner, seconds, dead), at)
            lease.home_fence = journal.home_fence(resource)
            break
        except Owned as error:
            if is_dead(error.holder) and dead != error.holder:
                dead = error.holder
                continue
            if on_wait is None:
                raise
            if not waiting:
                on_wait(error)
            waiting = True
            await asyncio.sleep(min(_LOOK_S, max(error.wait, 0.01)))
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(lease.left_s) as deadline:

            async def renew() -> None:
                wait = seconds / 3
                while True:
                    await asyncio.sleep(wait)
                    at = _uptime()
                    try:
                        fence = await asyncio.to_thread(
                            journal.own, resource, owner, seconds, "", True
                        )
                    except Unavailable:
                        # Tried again soon: the block goes on until the lease is no longer safe.
                        wait = min(1.0, seconds / 10)
                        continue
                    except LeaseLost:
                        if not deadline.expired():
                            deadline.reschedule(loop.time())
                        return
                    if deadline.expired():
                        # Such as after a sleep: it is too late, whatever the journal says now.
                        return
                    lease.renewed(fence, at)
                    wait = seconds / 3
                    deadline.reschedule(loop.time() + lease.left_s)

            renewing = asyncio.create_task(renew())
            try:
                yield lease
            finally:
                renewing.cancel()
                with suppress(asyncio.CancelledError):
                    await renewing
    except TimeoutError:
        if deadline.expired():
            lease.check()
            raise LeaseLost(
                f"another process has taken {resource} over: this one writes nothing more"
            ) from None
        raise
    finally:
        # What cannot be released runs out by itself.
        with suppress(Unavailable):
            journal.release(resource)


def this_process() -> str:
    """How this process is called as an owner, so that others of its computer can see its end."""
    return f"process {os.getpid()} on {socket.gethostname()} ({_life_of(os.getpid()) or 'unknown'})"


def is_dead(owner: str) -> bool:
    """Whether an owner was a process of this computer that does not live any more.

    Of others nothing is known: their leases run out.
    """
    found = re.match(r"process (\d+) on (\S+) \((\w+)-(\d+)\)", owner)
    if found is None or found[2] != socket.gethostname():
        return False
    here = _life_of(os.getpid())
    if here is None or here.partition("-")[0] != found[3]:
        return False
    return _life_of(int(found[1])) != f"{found[3]}-{found[4]}"


def _life_of(process: int) -> str | None:
    """What tells a living process from any other that had or will have its number; None: unknown.

    The computer's start and the namespace of process numbers, then when the process began.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        space = str(Path("/proc/self/ns/pid").readlink())
        began = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    if began[0] == "Z":
        return None
    return f"{hashlib.sha256((boot + space).encode()).hexdigest()[:8]}-{began[19]}"


def _uptime() -> float:
    """Seconds that pass while the process or the computer is suspended as well."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
