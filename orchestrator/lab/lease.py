"""One owner: a lease with a fencing number, renewed while a process runs a campaign."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from orchestrator.errors import Owned
from orchestrator.journal.journal import Journal

_LOOK_S = 1.0
"""How often a process that waits looks whether the other has let go."""


@asynccontextmanager
async def owned(
    journal: Journal, resource: str, seconds: float, on_wait: Callable[[Owned], None] | None = None
) -> AsyncIterator[None]:
    """Own a campaign or a robot for the length of a block.

    Args:
        journal: where the lease is written.
        resource: see `campaign_resource` and `robot_resource`.
        seconds: how long the lease lasts in real time; it is renewed three times in that. What a
            killed owner held can be taken over after it.
        on_wait: called once if another process holds it, which is then waited for; None: raise
            `Owned`.

    Raises:
        Owned: another process holds it, and `on_wait` is None.
        LeaseLost: raised by a write inside the block, when another process has taken over.
    """
    owner = f"process {os.getpid()} on {socket.gethostname()}"
    told = False
    while True:
        try:
            journal.own(resource, owner, seconds)
            break
        except Owned as error:
            if on_wait is None:
                raise
            if not told:
                on_wait(error)
            told = True
            await asyncio.sleep(min(_LOOK_S, error.wait))

    async def renew() -> None:
        while True:
            await asyncio.sleep(seconds / 3)
            journal.own(resource, owner, seconds)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        journal.release(resource)
