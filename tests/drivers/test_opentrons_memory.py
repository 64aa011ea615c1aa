"""What the OT-2 forgets, calls by other names or answers wrongly, against our own job book.

The judge is the list of operations that the robot did.
"""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.base import DriverError, KeyConflict, RobotOffline, RobotSetup
from drivers.clock import RealClock
from drivers.opentrons.robot import OpentronsRobot
from drivers.opentrons.server import RobotServer
from protocols.jobs import JobReport
from simulators.opentrons_server import OpentronsServer
from tests.builders import job_of
from tests.drivers.test_opentrons import KEY, deck, over, robot, water, with_robot


@pytest.fixture
def server() -> Iterator[OpentronsServer]:
    running = OpentronsServer(operation_s=0.02)
    yield running
    running.end()


async def until_done(server: OpentronsServer, number: int) -> None:
    while len(server.done) < number:
        await asyncio.sleep(0.002)


@pytest.mark.reproduction("A5")
@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("running", ""),
        ("finishing", ""),
        ("blocked-by-open-door", "door is open"),
        ("awaiting-recovery", "recover from an error"),
        ("awaiting-recovery-paused", "recover from an error"),
        ("awaiting-recovery-blocked-by-open-door", "its door is open"),
        ("a-status-of-next-year", "the robot says 'a-status-of-next-year' of the run"),
    ],
)
def test_only_an_end_is_an_end(
    tmp_path: Path, server: OpentronsServer, status: str, message: str
) -> None:
    server.operation_s = 5.0

    async def look(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(3, 100)))
        with server.lock:
            server.runs[-1]["status"] = status
        return await driver.poll(KEY)

    report = with_robot(robot(server, tmp_path), look)
    assert report.state == "running"
    assert message in report.message


@pytest.mark.reproduction("A10")
def test_the_robots_clock_moves_no_end(tmp_path: Path) -> None:
    server = OpentronsServer(operation_s=0.02, clock_off=-timedelta(days=3000))

    async def late(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(2)))
        await until_done(server, 2)
        await asyncio.sleep(2.2)
        return await over(driver)

    begun = datetime.now(UTC)
    report = with_robot(robot(server, tmp_path), late)
    server.end()
    assert report.ended_at is not None
    assert begun <= report.ended_at <= datetime.now(UTC) - timedelta(seconds=0.5)


@pytest.mark.reproduction("A5")
def test_older_servers_call_a_comment_custom(tmp_path: Path) -> None:
    server = OpentronsServer(operation_s=0.02, version="7.2.2")

    async def cancel(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(8)))
        await until_done(server, 3)
        server.finish(server.runs[-1], "stopped")
        return await over(driver)

    report = with_robot(robot(server, tmp_path), cancel)
    server.end()
    assert report.operations_done == len(server.done)
    assert report.not_begun == tuple(range(len(server.done) + 1, 8))


@pytest.mark.reproduction("A5")
def test_a_job_that_the_robot_forgot_is_done_and_not_sent_again(
    tmp_path: Path, server: OpentronsServer
) -> None:
    server.operation_s = 0.001
    first = "c/r1/p0/s/1"

    async def many(driver: OpentronsRobot) -> JobReport:
        for number in range(22):
            key = f"c/r1/p{number}/s/1"
            await driver.submit(job_of(*water(1), key=key))
            assert (await over(driver, key)).state == "done"
        assert len(server.runs) == 20
        await driver.submit(job_of(*water(1), key=first))
        return await driver.poll(first)

    assert with_robot(robot(server, tmp_path), many).state == "done"
    assert len(server.done) == 22


@pytest.mark.reproduction("A5")
def test_a_run_that_was_deleted_while_nobody_looked_is_in_doubt(
    tmp_path: Path, server: OpentronsServer
) -> None:
    async def submit(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(4)))
        await until_done(server, 4)
        return JobReport(key=KEY, state="running")

    async def again(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(4)))
        return await driver.poll(KEY)

    with_robot(robot(server, tmp_path), submit)
    server.delete(server.runs[-1]["id"])
    report = with_robot(robot(server, tmp_path), again)
    assert (report.state, report.not_begun) == ("in_doubt", None)
    assert "does not have the run any more" in report.message
    assert len(server.done) == 4


@pytest.mark.reproduction("A5")
def test_a_poll_starts_nothing(
    tmp_path: Path, server: OpentronsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = RobotServer.act

    async def drop(self: RobotServer, run: str, action: str) -> None:
        monkeypatch.setattr(RobotServer, "act", act)
        raise RobotOffline("the line dropped")

    async def submit(driver: OpentronsRobot) -> JobReport:
        monkeypatch.setattr(RobotServer, "act", drop)
        with pytest.raises(RobotOffline):
            await driver.submit(job_of(*water(3)))
        for _ in range(5):
            assert (await driver.poll(KEY)).state == "unknown"
            await asyncio.sleep(0.03)
        assert server.done == []
        await driver.submit(job_of(*water(3)))
        return await over(driver)

    assert with_robot(robot(server, tmp_path), submit).state == "done"
    assert len(server.done) == 3
    assert len(server.runs) == 1


@pytest.mark.reproduction("A5")
def test_a_run_that_somebody_prepared_is_waited_for(
    tmp_path: Path, server: OpentronsServer
) -> None:
    theirs = {
        "id": "theirs", "ok": True, "status": "idle", "current": True, "actions": [],
        "errors": [], "protocolId": "other", "commands": [], "ending": threading.Event(),
    }  # fmt: skip
    server.runs.append(theirs)

    async def submit(driver: OpentronsRobot) -> JobReport:
        with pytest.raises(RobotOffline, match=r"somebody has prepared a run .* in the App"):
            await driver.submit(job_of(*water(2)))
        assert (await driver.poll(KEY)).state == "unknown"
        await driver.stop()
        assert theirs["current"]
        assert theirs["status"] == "idle"
        server.finish(theirs, "stopped")
        await driver.submit(job_of(*water(2), key="c/r1/p2/s/1"))
        return await over(driver, "c/r1/p2/s/1")

    assert with_robot(robot(server, tmp_path), submit).state == "done"
    assert server.runs[0]["id"] == "theirs"


@pytest.mark.reproduction("A5")
@pytest.mark.parametrize("status", ["stopped", "failed"])
def test_a_run_that_ends_at_the_robot_says_what_was_done(
    tmp_path: Path, server: OpentronsServer, status: str
) -> None:
    async def cancel(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(10)))
        await until_done(server, 3)
        with server.lock:
            run = server.runs[-1]
            run["errors"] = [{"id": "1", "errorType": "TipNotAttached", "detail": "no tip"}]
            server.finish(run, status)
        return await over(driver)

    report = with_robot(robot(server, tmp_path), cancel)
    done = len(server.done)
    assert (report.state, report.operations_done) == ("in_doubt", done)
    assert report.not_begun == tuple(range(done + 1, 10))
    assert report.failed_wells == {}
    assert report.device_fault == ("no tip" if status == "failed" else "")


@pytest.mark.reproduction("A1", "A5")
def test_a_job_that_another_computer_had_done_is_asked_about(
    tmp_path: Path, server: OpentronsServer
) -> None:
    async def submit(driver: OpentronsRobot) -> JobReport:
        await driver.submit(job_of(*water(2)))
        return await over(driver)

    assert with_robot(robot(server, tmp_path / "here"), submit).state == "done"
    with pytest.raises(KeyConflict, match="of which the job book on this computer does not know"):
        with_robot(robot(server, tmp_path / "restored"), submit)
    assert len(server.done) == 2


class _Portal(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Be silent."""

    def do_GET(self) -> None:
        content = b"<html>Welcome to the guest network</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.mark.reproduction("F4")
def test_something_else_that_answers_is_no_robot(tmp_path: Path) -> None:
    portal = ThreadingHTTPServer(("127.0.0.1", 0), _Portal)
    threading.Thread(target=portal.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{portal.server_address[1]}"
    driver = OpentronsRobot(RobotSetup("ot2", deck(), RealClock(), tmp_path, address=url))
    with pytest.raises(RobotOffline, match="answers, but not as an Opentrons robot server"):
        asyncio.run(driver.connect())
    portal.shutdown()
    portal.server_close()


_WORDS = st.sampled_from(
    ["data", "errors", "id", "status", "current", "ok", "actions", "actionType", "play", "idle",
     "running", "succeeded", "failed", "stopped", "protocolId", "key", KEY, "commandType",
     "comment", "params", "message", "operation 1 done: x", "operation 99999 done: y",
     "completedAt", "0001-01-01T00:00:00Z", "2026-01-01", "detail", "title", "api_version",
     "robot_model", "links", "", "NaN"]
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=6),
    max_leaves=12,
)
_A_RUN = st.fixed_dictionaries(
    {"id": _WORDS, "status": _WORDS},
    optional={"current": st.booleans(), "ok": st.booleans(), "protocolId": _WORDS,
              "actions": _VALUES, "errors": _VALUES, "completedAt": _WORDS},
)  # fmt: skip
_COMMAND = st.fixed_dictionaries({"commandType": _WORDS, "status": _WORDS, "params": _VALUES})
_DATA = _VALUES | _A_RUN | st.lists(_A_RUN, max_size=3) | st.lists(_COMMAND, max_size=3)
_BODY = (
    st.binary(max_size=40)
    | st.just(b"[" * 3000)
    | (_VALUES | st.fixed_dictionaries({"data": _DATA})).map(
        lambda found: json.dumps(found).encode()
    )
)
_ANSWER = st.tuples(
    st.sampled_from([200, 200, 200, 201, 204, 302, 400, 404, 409, 422, 500, 503]),
    st.sampled_from(["", "Thu, 01 Jan 1970 00:00:00 GMT", "yesterday", "\xff"]),
    _BODY,
)


@pytest.mark.reproduction("F4")
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers=st.lists(_ANSWER, min_size=1, max_size=8))
def test_whatever_answers_ends_as_a_report_or_a_drivers_error(
    tmp_path_factory: pytest.TempPathFactory, answers: list[tuple[int, str, bytes]]
) -> None:
    given_so_far = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal given_so_far
        if request.url.path == "/health" and given_so_far == 0:
            return httpx.Response(200, json={"api_version": "8", "robot_model": "OT-2"})
        status, date, body = answers[given_so_far % len(answers)]
        given_so_far += 1
        return httpx.Response(status, headers={"Date": date.encode("latin-1")}, content=body)

    class Talks(OpentronsRobot):
        """To whatever answers."""

        transport = httpx.MockTransport(answer)

    home = tmp_path_factory.mktemp("home")
    driver = Talks(RobotSetup("ot2", deck(), RealClock(), home, address="http://robot"))
    calls: list[Callable[[], Awaitable[object]]] = [
        driver.connect,
        lambda: driver.submit(job_of(*water(1))),
        lambda: driver.poll(KEY),
        lambda: driver.submit(job_of(*water(1))),
        lambda: driver.poll(KEY),
        driver.pause,
        driver.resume,
        driver.close,
    ]

    async def talk() -> None:
        for call in calls:
            try:
                await call()
            except DriverError:
                continue

    asyncio.run(talk())
