"""A service of this process with its client, for programs and notebooks on one computer."""

import socket
import threading
from datetime import timedelta
from pathlib import Path

from orchestrator.cli.context import person
from orchestrator.client import Client
from orchestrator.journal.access_tokens import Role
from orchestrator.service.backend import Backend
from orchestrator.service.server import Server
from orchestrator.settings import Settings

_ALIVE = timedelta(days=1)


class LocalClient(Client):
    """A client that brings its service along: it runs the campaigns of a home while it is open.

    What `wellwise serve` does, for this process alone: without Prefect, and without bounds for what
    the program sends. It listens on a free port of this computer, with a token that `close` revokes
    and that ends by itself after a day. Campaigns go on from the same place when the home is opened
    again, by this or by the command line.

    Args:
        home: the folder of journal, images and logs; it is made if it is not there.
        lab: lab file with the robots, in place of those of campaign files.

    Raises:
        WellwiseError: the journal or the lab file cannot be used.
    """

    def __init__(self, home: Path | str = ".wellwise", lab: Path | str | None = None) -> None:
        given = {} if lab is None else {"lab": Path(lab)}
        settings = Settings(home=Path(home), **given)  # type: ignore[arg-type]
        self._backend = Backend.opened(settings, embedded=True)
        try:
            who = person()
            secret, self._token = self._backend.access.create(who, Role.ADMIN, _ALIVE, who)
            self._socket = socket.create_server(("127.0.0.1", 0))
            self._server = Server(self._backend)
            self._thread = threading.Thread(
                target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
            )
            self._thread.start()
        except BaseException:
            self._backend.journal.close()
            raise
        self._closed = False
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        """Where its pages are; `link` signs in."""
        self.link = f"{self.url}/login?token={secret}"
        super().__init__(self.url, secret)

    def close(self) -> None:
        """End the service: robots finish what they have. Harmless if it has ended."""
        super().close()
        if self._closed:
            return
        self._closed = True
        self._server.should_exit = True
        self._thread.join()
        self._backend.access.revoke(self._token.id, self._token.person)
        self._backend.journal.close()
