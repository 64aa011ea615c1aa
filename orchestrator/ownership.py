"""One owner: a lease with a fencing number, renewed while a process carries a campaign on."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from orchestrator.journal import Journal

LEASE_S = 30.0
"""How long a lease lasts in real time; a killed owner's campaign can be taken over after that."""


@asynccontextmanager
async def owned(journal: Journal, campaign_id: str, seconds: float = LEASE_S) -> AsyncIterator[None]:
    """Own a campaign for the length of a block.

    Raises:
        Owned: another process carries it on.
        LeaseLost: raised by a write inside the block, when another process has taken over.
    """
    owner = f"process {os.getpid()} on {socket.gethostname()}"
    journal.own(campaign_id, owner, seconds)

    async def renew() -> None:
        while True:
            await asyncio.sleep(seconds / 3)
            journal.own(campaign_id, owner, seconds)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        journal.release(campaign_id)
