"""Events over HTTP as they happen (server-sent)."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from orchestrator.journal.access_tokens import Identity
from orchestrator.service.authentication import TheBackend, Viewer, identity
from orchestrator.service.backend import Backend
from orchestrator.service.permissions import allowed, visible_ids
from orchestrator.service.problems import Refused, answers

events = APIRouter(tags=["lab"])

_PATIENCE_S = 5.0
"""How long live events are silent before a keep-alive, for proxies that close idle connections.

After as long it is looked again whether the listener may still listen.
"""


@events.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses=answers(401, 404, 422, 503)
    | {
        200: {
            "content": {"text/event-stream": {}},
            "description": "Server-sent events, each with an EventView.",
        }
    },
)
async def stream(
    request: Request,
    backend: TheBackend,
    viewer: Viewer,
    campaign: Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80)] = None,
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**53)] = None,
) -> StreamingResponse:
    """Events as they happen (server-sent), after the last id that was seen or from now."""
    if campaign is not None:
        await asyncio.to_thread(allowed, backend.journal, viewer, campaign)
    begin = last_event_id if last_event_id is not None else after
    last = backend.stream.last if begin is None else begin
    found = _sent(request, backend, viewer, last, campaign)
    return StreamingResponse(
        found,
        media_type="text/event-stream",
        # The second one is for nginx, which else holds events back until its buffer is full.
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _sent(
    request: Request, backend: Backend, who: Identity, after: int, campaign: str | None
) -> AsyncIterator[str]:
    """Events that somebody may see, until they go or may not listen any more."""
    yield "retry: 1000\n\n"
    allowed_at = time.monotonic()
    async for batch in backend.stream.listen(after, campaign, _PATIENCE_S):
        if time.monotonic() - allowed_at >= _PATIENCE_S:
            try:
                await asyncio.to_thread(identity, request)
            except Refused:
                return
            allowed_at = time.monotonic()
        if batch and who.sees is not None:
            seen = await asyncio.to_thread(visible_ids, backend.journal, who)
            batch = [event for event in batch if event.campaign_id in seen]
        yield "".join(map(backend.stream.message, batch)) or ": nothing new\n\n"
