"""Limits of the service: wrong tokens, silent requests, streams of those who may not listen."""

import asyncio
import contextlib
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy.exc import OperationalError

from orchestrator.service import app as service_app
from orchestrator.service import http_protocol
from orchestrator.service.routes import events
from orchestrator.service.wrong_tokens import WRONG
from orchestrator.settings import Settings
from tests.service import House, house

V1 = "/api/v1"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


@contextlib.contextmanager
def listening(served: House) -> Iterator[tuple[str, int]]:
    """The service by uvicorn on a socket, with the protocol that `wellwise serve` uses."""
    config = uvicorn.Config(
        served.app, http=http_protocol.PatientHttpProtocol, port=0, log_level="error"
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            asyncio.run(served.backend.stream.close())
            thread.join()


@pytest.mark.reproduction("F3")
def test_many_wrong_tokens_are_refused_and_noted_only_so_often(served: House) -> None:
    guesser = served.client("nobody")
    answers = [
        guesser.post("/login", data={"token": f"guess-{number}"}, follow_redirects=False)
        for number in range(WRONG + 5)
    ]
    assert [answer.status_code for answer in answers] == [401] * WRONG + [429] * 5
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "too many wrong tokens" in answers[-1].text
    guess = {"Authorization": "Bearer guess"}
    assert guesser.get(f"{V1}/campaigns", headers=guess).status_code == 401
    # Programs with a right token from the same address go on, and read what was tried.
    entries = served.client("admin").get(f"{V1}/audit").json()
    refused = [entry for entry in entries if entry["act"] == "sign_in_refused"]
    assert len(refused) == WRONG
    assert refused[0]["subject"] == "testclient"
    assert not any("guess-" in str(entry) for entry in entries)


@pytest.mark.reproduction("F3")
def test_a_right_token_does_not_sign_in_while_its_address_is_refused(served: House) -> None:
    client = served.client("nobody")
    for number in range(WRONG):
        client.post("/login", data={"token": f"guess-{number}"})
    answer = client.post("/login", data={"token": served.secrets["viewer"]}, follow_redirects=False)
    assert answer.status_code == 429


@pytest.mark.reproduction("F3")
@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_whose_request_does_not_come_is_ended(
    served: House, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HEADERS_S", 0.3)
    with listening(served) as address, socket.create_connection(address) as half:
        half.settimeout(60)
        half.sendall(sent)
        assert half.recv(1000) == b""


@pytest.mark.reproduction("F3")
def test_a_request_whose_body_does_not_come_is_answered(
    served: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_app, "BODY_S", 0.3)
    token = served.secrets["operator"]
    head = (
        f"POST {V1}/campaigns HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    with listening(served) as address, socket.create_connection(address) as half:
        half.settimeout(60)
        half.sendall(head.encode())
        answer = half.recv(10_000)
    assert b" 408 " in answer.splitlines()[0]
    assert b"silent" in answer


def test_a_connection_is_used_again_after_an_answer(
    served: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEADERS_S", 30.0)
    token = {"Authorization": f"Bearer {served.secrets['viewer']}"}
    with (
        listening(served) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", headers=token) as client,
    ):
        assert [client.get(f"{V1}/whoami").status_code for _ in range(5)] == [200] * 5


@pytest.mark.reproduction("F3")
def test_the_stream_of_a_revoked_token_ends(served: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_PATIENCE_S", 0.2)
    token = {"Authorization": f"Bearer {served.secrets['viewer']}"}
    (row,) = [row for row in served.backend.access.tokens() if row.person == "viewer"]
    with (
        listening(served) as (host, port),
        httpx.Client(base_url=f"http://{host}:{port}", headers=token, timeout=60) as client,
        client.stream("GET", f"{V1}/events/stream") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        served.backend.access.revoke(row.id, "root")
        assert all(line in ("", ": nothing new") for line in lines)  # and they end


@pytest.mark.reproduction("F3")
def test_nothing_is_kept_by_browsers_or_proxies_that_does_not_say_so(served: House) -> None:
    client = served.client("viewer")
    for path in (f"{V1}/campaigns", "/login", f"{V1}/whoami"):
        assert client.get(path).headers["cache-control"] == "private, no-store"
    style = next(iter((Path(service_app.__file__).parent / "dashboard" / "static").glob("*.css")))
    answer = client.get(f"/static/{style.name}")
    assert answer.headers["cache-control"] == "no-cache"
    etag = {"If-None-Match": answer.headers["etag"]}
    assert client.get(f"/static/{style.name}", headers=etag).status_code == 304


@pytest.mark.reproduction("F3")
def test_a_failing_database_is_told_without_its_address(
    served: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        reason = Exception('connection to server at "db.lab.example" as user "ada" failed')
        raise OperationalError("SELECT", {}, reason)

    monkeypatch.setattr("orchestrator.journal.store.Session.__enter__", fails)
    answer = served.client("viewer").get(f"{V1}/campaigns")
    assert answer.status_code == 503
    detail = answer.json()["detail"]
    assert "cannot be read just now" in detail
    for secret in ("db.lab.example", "ada", "sqlite", str(served.backend.settings.home)):
        assert secret not in detail


@pytest.mark.reproduction("F3")
def test_a_new_home_is_its_owners_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "lab" / "home")
    settings.make_home()
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    assert not settings.open_to_others
    settings.home.chmod(0o755)
    assert settings.make_home().stat().st_mode & 0o055  # one that was there stays as it was
    assert settings.open_to_others
