"""What stands at a robot's address may be anything: no answer of it is without an end."""

import asyncio
import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from drivers.base import RobotOffline
from drivers.opentrons.server import RobotServer

Answer = Callable[[BaseHTTPRequestHandler], None]
BOMB = gzip.compress(bytes(80 * 1024 * 1024), compresslevel=1)


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _said(handler: BaseHTTPRequestHandler, status: int, body: bytes, encoding: str = "") -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    if encoding:
        handler.send_header("Content-Encoding", encoding)
    handler.end_headers()
    try:
        handler.wfile.write(body)
    except OSError:
        return  # nobody waits for the rest


def _without_an_end(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    gone = threading.Event()
    while not gone.wait(0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            gone.set()


OUTDATED = b'{"errors": [{"id": "OutdatedAPIVersion", "title": "too old", "detail": "use 5"}]}'


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_without_an_end, r"its answer did not end within 0\.2 s"),
        (lambda handler: _said(handler, 200, BOMB, "gzip"), "its answer has more than 64 MiB"),
        (lambda handler: _said(handler, 200, b"no gzip", "gzip"), "decompressing"),
        (lambda handler: _said(handler, 422, OUTDATED), "refuses: OutdatedAPIVersion: use 5"),
        (lambda handler: _said(handler, 302, b""), "not as an Opentrons robot server"),
    ],
    ids=["trickle", "bomb", "broken", "too old", "elsewhere"],
)
def test_an_answer_that_is_none_leaves_the_robot_offline(answer: Answer, said: str) -> None:
    longest_s = 0.2 if answer is _without_an_end else 20.0
    with answering(answer) as address:
        line = RobotServer("ot2", address, longest_s=longest_s)
        with pytest.raises(RobotOffline, match=said):
            asyncio.run(line.open())


@pytest.mark.parametrize("address", ["http://127.0.0.1:99999", "http://[::1", "robot:31950"])
def test_an_address_that_is_none_leaves_the_robot_offline(address: str) -> None:
    with pytest.raises(RobotOffline, match="robot ot2 does not answer at"):
        asyncio.run(RobotServer("ot2", address).open())
