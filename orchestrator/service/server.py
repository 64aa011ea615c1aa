"""The service as a server: it listens, and at its end live events do not hold it up."""

import socket

import uvicorn

from orchestrator.service.app import create_app
from orchestrator.service.backend import Backend
from orchestrator.service.http_protocol import PatientHttpProtocol

_STOP_S = 10


class Server(uvicorn.Server):
    """A server of one backend, which its caller closes."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(backend),
                http=PatientHttpProtocol,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_STOP_S,
            )
        )
        self._backend = backend

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; live events have no end of their own for which it could wait."""
        await self._backend.stream.close()
        await super().shutdown(sockets)
