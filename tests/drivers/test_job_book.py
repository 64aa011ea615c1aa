"""Who may begin what: one owner a robot, one content a key, one outcome for a device that fails.

The judge is the device's own log, a file that it syncs to the disk for each thing that it does.
"""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.base import (
    Capabilities,
    DeviceCannotWork,
    DriverError,
    FencedOff,
    KeyConflict,
    KeyMemory,
    RobotOffline,
    RobotSetup,
)
from drivers.clock import RealClock
from drivers.device import Device
from drivers.job_book import JobBook
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Aspirate, Dispense, Operation, Transfer, well_of
from tests.builders import dispenses, finished, job_of
from tests.conftest import ROOT

KEY = "c/r1/p1/s/1"


class LoggingPump(Device):
    """A pump whose log, beside wellwise's home, is synced before it says that it is done."""

    able = Capabilities(
        operations={"dispense": {}, "aspirate": {}}, memory=KeyMemory.REMEMBERS_KEYS
    )
    took_s = 0.03

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        await asyncio.sleep(self.took_s)
        with (self.setup.home / "device.log").open("a", encoding="utf-8") as log:
            log.write(f"{operation.kind} {well_of(operation)}\n")
            log.flush()
            os.fsync(log.fileno())
        return None

    async def halt(self) -> None: ...


def did(home: Path) -> list[str]:
    log = home / "device.log"
    return log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []


def pump(home: Path, kind: type[Device] = LoggingPump, fence: int = 0) -> Device:
    return kind(RobotSetup("pump", None, RealClock(), home, fence=fence))


@pytest.mark.reproduction("A3")
def test_a_key_with_another_content_is_refused_and_never_done(tmp_path: Path) -> None:
    async def run() -> JobReport:
        device = pump(tmp_path)
        await device.connect()
        await device.submit(job_of(*dispenses(10, 10)))
        await finished(device, KEY)
        # A new campaign in another journal counts its rounds from 1 again.
        for other in (dispenses(10, 20), dispenses(10), [Aspirate(well="A1", volume_ul=10)]):
            with pytest.raises(KeyConflict, match=f"has another job under the key {KEY}"):
                await device.submit(job_of(*other))
        await device.submit(job_of(*dispenses(10, 10)))
        report = await finished(device, KEY)
        await device.close()
        return report

    report = asyncio.run(run())
    assert did(tmp_path) == ["dispense A1", "dispense A2"]
    assert report.content == job_of(*dispenses(10, 10)).content


@pytest.mark.reproduction("A3")
def test_the_content_of_a_job_is_what_is_done_and_not_when_or_by_whom() -> None:
    job = job_of(Aspirate(well="A1", volume_ul=10))
    later = job.model_copy(update={"due_at": job.due_at.replace(year=2030), "robot": "other"})
    assert job.content == later.content == Job.model_validate_json(job.model_dump_json()).content
    for other in (
        job_of(Transfer(well="A1", volume_ul=10)),
        job_of(Aspirate(well="A2", volume_ul=10)),
        job.model_copy(update={"plate_id": "c/r2/p1"}),
        job.model_copy(update={"labware": "12-well"}),
        job.model_copy(update={"key": "c/r1/p1/s/2"}),
    ):
        assert other.content != job.content


_OWNER = """
import asyncio, sys
from pathlib import Path
from tests.drivers.test_job_book import job_of, pump, dispenses

async def run() -> None:
    device = pump(Path(sys.argv[1]), fence=int(sys.argv[2]))
    await device.connect()
    await device.submit(job_of(*dispenses(*[10] * 6)))
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(run())
"""


@contextlib.contextmanager
def owner(home: Path, fence: int) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(home), str(fence)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


async def taken_over(home: Path, fence: int) -> JobReport:
    device = pump(home, fence=fence)
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(RobotOffline):
                await device.connect()
                break
            await asyncio.sleep(0.02)
    report = await finished(device, KEY)
    await device.close()
    return report


SIX = [f"dispense A{n}" for n in range(1, 7)]


@pytest.mark.reproduction("A1")
def test_a_job_that_another_living_process_does_is_not_adopted(tmp_path: Path) -> None:
    with owner(tmp_path, 0) as process:
        with pytest.raises(RobotOffline, match=f"robot pump is held by process {process.pid}"):
            asyncio.run(pump(tmp_path).connect())
        process.send_signal(signal.SIGKILL)
        process.wait()
        report = asyncio.run(taken_over(tmp_path, 0))
    # It died within an operation or between two: in doubt then, and nothing twice either way.
    assert report.state in ("done", "in_doubt")
    assert sorted(set(did(tmp_path))) == sorted(did(tmp_path))


@pytest.mark.reproduction("A1")
def test_a_newer_owner_takes_over_between_two_operations_of_one_that_lives(tmp_path: Path) -> None:
    with owner(tmp_path, 1):
        report = asyncio.run(taken_over(tmp_path, 2))
    assert report.state == "done"
    assert did(tmp_path) == SIX


@pytest.mark.reproduction("A8")
def test_an_owner_that_was_asleep_begins_nothing_when_it_wakes(tmp_path: Path) -> None:
    with owner(tmp_path, 1) as process:
        process.send_signal(signal.SIGSTOP)
        # Its lease has ended, and the next owner waits for the robot; then it wakes.
        with pytest.raises(RobotOffline, match="is held by"):
            asyncio.run(pump(tmp_path, fence=2).connect())
        before = len(did(tmp_path))
        process.send_signal(signal.SIGCONT)
        report = asyncio.run(taken_over(tmp_path, 2))
    assert report.state == "done"
    assert did(tmp_path) == SIX
    assert before < 6


@pytest.mark.reproduction("A1")
def test_an_older_fence_is_refused_with_the_newest(tmp_path: Path) -> None:
    async def run() -> None:
        for fence in (4, 7):
            device = pump(tmp_path, fence=fence)
            await device.connect()
            await device.close()
        await pump(tmp_path, fence=6).connect()

    with pytest.raises(FencedOff, match=r"a newer owner \(fence 7, this one has 6\)") as caught:
        asyncio.run(run())
    assert caught.value.newest == 7


class Uninitialised(LoggingPump):
    """Its second operation meets a pump that says that it is not initialised."""

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        if well_of(operation) == "A2":
            raise DeviceCannotWork("robot pump: it is not initialised")
        return await super().perform(operation, job)


class Stalls(LoggingPump):
    """Its motor stalls within the second operation."""

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        if well_of(operation) == "A2":
            raise DeviceCannotWork("robot pump: the motor stalled", begun=True)
        return await super().perform(operation, job)


@pytest.mark.reproduction("B1")
@pytest.mark.parametrize(("kind", "left"), [(Uninitialised, (1, 2)), (Stalls, (2,))])
def test_a_device_that_cannot_work_costs_no_well(
    tmp_path: Path, kind: type[Device], left: tuple[int, ...]
) -> None:
    async def run() -> JobReport:
        device = pump(tmp_path, kind)
        await device.connect()
        await device.submit(job_of(*dispenses(10, 10, 10)))
        report = await finished(device, KEY)
        await device.close()
        return report

    report = asyncio.run(run())
    assert (report.state, report.failed_wells, report.not_begun) == ("in_doubt", {}, left)
    assert report.device_fault.startswith("robot pump: ")
    assert did(tmp_path) == ["dispense A1"]


@pytest.mark.reproduction("B5")
def test_an_operation_longer_than_the_limit_ends_as_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoggingPump, "time_limit_s", 0.05)
    monkeypatch.setattr(LoggingPump, "took_s", 0.3)

    class Slow(LoggingPump):
        """Says beforehand how long it takes."""

        def seconds(self, operation: Operation) -> float:
            return 2.0

    class Shows(LoggingPump):
        """Says meanwhile how far it is."""

        def seconds(self, operation: Operation) -> float:
            return 0.0

        async def perform(self, operation: Operation, job: Job) -> Reading | None:
            for _ in range(10):
                self.progress()
                await asyncio.sleep(0.02)
            self.progress()
            self.took_s = 0.0
            return await super().perform(operation, job)

    class Silent(LoggingPump):
        """Says neither."""

        def seconds(self, operation: Operation) -> float:
            return 0.0

    async def run(kind: type[Device]) -> JobReport:
        device = pump(tmp_path / kind.__name__, kind)
        await device.connect()
        await device.submit(job_of(Dispense(well="A1", liquid="water", volume_ul=5)))
        report = await finished(device, KEY)
        await device.close()
        return report

    assert asyncio.run(run(Slow)).state == "done"
    assert asyncio.run(run(Shows)).state == "done"
    silent = asyncio.run(run(Silent))
    assert silent.state == "in_doubt"
    assert "it took longer than 0.05 s" in silent.message


@pytest.mark.reproduction("A11")
def test_a_book_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    book = tmp_path / "robots" / "pump.sqlite"
    book.parent.mkdir()
    book.write_bytes(b"\0" * 8192)
    with pytest.raises(
        DriverError, match=r"job book .*pump.sqlite cannot be read \(.*move it away"
    ):
        asyncio.run(pump(tmp_path).connect())


def test_a_book_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pump.sqlite"
    job = job_of(*dispenses(10))
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE jobs (key TEXT PRIMARY KEY, job TEXT NOT NULL, report TEXT NOT NULL)"
        )
        report = JobReport(key=KEY, state="done")
        old.execute(
            "INSERT INTO jobs VALUES (?, ?, ?)",
            (KEY, job.model_dump_json(), report.model_dump_json()),
        )
    old.close()
    book = JobBook(path)
    found = book.report(KEY)
    assert found is not None
    assert (found.state, found.content) == ("done", job.content)
    assert not book.take(job)
    book.close()
