"""Webhooks: every event is sent to addresses of the lab's choice, in order and signed."""

import asyncio
import base64
import hashlib
import hmac
import logging
import time
from datetime import UTC
from typing import Any

import httpx
from pydantic import TypeAdapter

from orchestrator.journal.tables import EventRow
from orchestrator.service.event_stream import EventStream
from orchestrator.service.views import event_view

ATTEMPTS = 9
"""How often an event is sent before it is given up, in about four minutes."""

_TIMEOUT_S = 10.0
_JSON = TypeAdapter(Any)
_log = logging.getLogger("wellwise.webhooks")


def signature(secret: str, event_id: str, timestamp: str, body: str) -> str:
    """The signature of a message by the specification Standard Webhooks 1.0 (symmetric, `v1`).

    Args:
        secret: `whsec_` and the key in base64.
        event_id: the header `webhook-id`.
        timestamp: the header `webhook-timestamp`, seconds since 1970.
        body: what is sent.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{event_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()


class Webhook:
    """One address that gets every event from now on, one after the other.

    An event that is not taken is sent again, ever more seldom, and then given up. What was missed
    can be asked for: `GET /api/v1/events/stream?after=ID`.
    """

    def __init__(
        self,
        stream: EventStream,
        address: str,
        secret: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
        pause_s: float = 1.0,
    ) -> None:
        """`pause_s` is the pause before the second attempt; each further one is twice as long."""
        self._stream, self._address, self._secret = stream, address, secret
        self._transport, self._pause_s = transport, pause_s

    async def run(self) -> None:
        """Send whatever happens, until cancelled."""
        async with httpx.AsyncClient(transport=self._transport, timeout=_TIMEOUT_S) as client:
            async for events in self._stream.listen(self._stream.last):
                for event in events:
                    await self._deliver(client, event)

    async def _deliver(self, client: httpx.AsyncClient, event: EventRow) -> None:
        view = event_view(event, UTC)
        content = {"type": event.kind, "timestamp": view.at, "data": view}
        body = _JSON.dump_json(content).decode()
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._pause_s * 2 ** (attempt - 1))
            try:
                headers = self._headers(event, body)
                answer = await client.post(self._address, content=body, headers=headers)
                if answer.is_success:
                    return
                why = f"it answered {answer.status_code}"
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
        _log.warning("event %s was not taken by a webhook: %s", event.id, why)

    def _headers(self, event: EventRow, body: str) -> dict[str, str]:
        headers = {
            "content-type": "application/json",
            "webhook-id": str(event.id),
            "webhook-timestamp": str(int(time.time())),
        }
        if self._secret:
            headers["webhook-signature"] = signature(
                self._secret, headers["webhook-id"], headers["webhook-timestamp"], body
            )
        return headers
