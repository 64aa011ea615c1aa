"""HTTP connections that do not wait for ever for a request."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_S = 20.0
"""How long the headers of a request may take, from the connection or the request's first byte."""


class PatientHttpProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, which ends connections whose request does not arrive.

    Uvicorn itself ends only those that are idle between two requests. That a body arrives is seen
    to by the app.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to wait for any more."""
        self._arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a request."""
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are there."""
        self._arrived()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._arrived()
        self._deadline = self.loop.call_later(HEADERS_S, self._give_up)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        transport: Any = self.transport
        if not transport.is_closing():
            transport.close()
