import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from drivers.base import (
    DRIVER_API,
    Capabilities,
    Driver,
    DriverError,
    KeyMemory,
    RobotOffline,
    RobotSetup,
)
from drivers.clock import RealClock
from drivers.conformance import examine, reached
from drivers.conformance.bench import Bench
from drivers.conformance.levels import Level, Outcome
from drivers.device import Device, OperationFailed
from drivers.registry import driver_class
from drivers.scaffold import new_driver
from drivers.twin import Twin, twin_of
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Dispense, Image, Operation
from tests.builders import finished, job_of
from tests.conftest import ROOT, START
from tests.drivers import bad_drivers
from tests.program import wellwise

WELLWISE = Path(sys.executable).with_name("wellwise")


class Pump(Device):
    """A pump that takes 30 ms for each dispense."""

    able = Capabilities(
        operations={"dispense": {"volume_ul": (1, 100)}, "image": {}},
        memory=KeyMemory.REMEMBERS_KEYS,
        stop_s=2.0,
    )
    done = 0

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        await asyncio.sleep(0.03)
        if isinstance(operation, Image):
            return Reading(well=operation.well, kind="number", number=0.5)
        Pump.done += 1
        return None

    async def halt(self) -> None: ...


class TakesAKeyTwice(Pump):
    """Forgets a job as soon as it has done it."""

    async def submit(self, job: Job) -> None:
        book = self._opened()
        book._database.execute("DELETE FROM jobs WHERE key = ?", (job.key,))
        book._database.execute("DELETE FROM operations WHERE key = ?", (job.key,))
        await super().submit(job)


class LiesAboutProgress(Pump):
    """Reports done when it has only received the job."""

    async def poll(self, key: str) -> JobReport:
        report = await super().poll(key)
        if report.state == "running":
            return report.model_copy(
                update={"state": "done", "operations_done": 4, "ended_at": START}
            )
        return report


class NeverStops(Pump):
    """Has no way to stop."""

    async def stop(self) -> None:
        await asyncio.sleep(3600)


class BlocksTheLoop(Pump):
    """Waits for its device as a script would."""

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        if isinstance(operation, Dispense) and operation.well == "A1":
            time.sleep(0.9)
        return await super().perform(operation, job)


class LeaksAPort(Pump):
    """Opens a line for each connection and closes none."""

    lines: list[socket.socket] = []  # noqa: RUF012

    async def open(self) -> None:
        self.lines.append(socket.socket())


class ForgetsInACrash(Pump):
    """Keeps its book in a folder that a restart empties."""

    async def poll(self, key: str) -> JobReport:
        report = await super().poll(key)
        return JobReport(key=key, state="unknown") if report.state == "in_doubt" else report


@contextmanager
def bench_twin() -> Iterator[Twin]:
    yield Twin(clock=RealClock(), performed=lambda: Pump.done)


def outcomes(kind: type[Driver], folder: Path) -> list[Outcome]:
    async def every() -> list[Outcome]:
        with bench_twin() as twin:
            return [outcome async for outcome in examine(kind, twin, folder)]

    return asyncio.run(every())


def test_a_small_driver_on_the_device_base_is_gold(tmp_path: Path) -> None:
    found = outcomes(Pump, tmp_path)
    assert [outcome for outcome in found if not outcome.passed] == []
    assert reached(found) is Level.GOLD


@pytest.mark.parametrize(
    ("kind", "title", "seen", "level"),
    [
        (TakesAKeyTwice, "the same key twice is one job", "sent three times made", Level.BRONZE),
        (
            LiesAboutProgress,
            "what it says of a job is true under load",
            "it reported done while",
            None,
        ),
        (
            NeverStops,
            "stop stops it in its stated time",
            "stop had not returned after 2 s",
            Level.BRONZE,
        ),
        (BlocksTheLoop, "it never blocks the event loop", "nothing else could run for", None),
        (
            LeaksAPort,
            "a closed driver leaves nothing behind",
            "leaves 1 open files or ports",
            Level.SILVER,
        ),
        (
            ForgetsInACrash,
            "after a crash it knows what it declares",
            "never got a job that it had begun",
            Level.SILVER,
        ),
    ],
)
def test_a_broken_driver_fails_with_what_a_lab_would_suffer(
    tmp_path: Path, kind: type[Driver], title: str, seen: str, level: Level | None
) -> None:
    found = outcomes(kind, tmp_path)
    failed = {outcome.title: outcome for outcome in found if not outcome.passed}
    assert seen in failed[title].seen
    assert failed[title].harm
    assert reached(found) is level


@pytest.mark.reproduction("E")
@pytest.mark.parametrize(("kind", "title", "seen"), bad_drivers.BAD)
def test_a_subtly_bad_driver_is_caught(
    tmp_path: Path, kind: type[Driver], title: str, seen: str
) -> None:
    async def every() -> list[Outcome]:
        with bad_drivers.twin() as twin:
            return [outcome async for outcome in examine(kind, twin, tmp_path)]

    found = asyncio.run(every())
    failed = {outcome.title: outcome for outcome in found if not outcome.passed}
    (caught,) = [outcome for name, outcome in failed.items() if name.startswith(title)]
    assert seen in caught.seen
    assert reached(found) is not Level.GOLD


def test_the_honest_driver_of_the_same_equipment_is_gold(tmp_path: Path) -> None:
    async def every() -> list[Outcome]:
        with bad_drivers.twin() as twin:
            return [outcome async for outcome in examine(bad_drivers.Honest, twin, tmp_path)]

    found = asyncio.run(every())
    assert [(outcome.title, outcome.seen) for outcome in found if not outcome.passed] == []


def test_a_twin_tells_what_was_done_in_its_order_wherever_it_was_noted(tmp_path: Path) -> None:
    # A folder lists its files in no particular order: here against the alphabet.
    async def each(benches: list[Bench]) -> list[str | None]:
        for index, bench in enumerate(benches):
            async with bench.connected() as robot:
                job = bench.job(wells=1, first_well=1 + index, only="dispense")
                await robot.submit(job)
                await bench.until_over(robot, job.key)
        assert benches[0].twin.did is not None
        return [done.well for done in benches[0].twin.did()]

    maker = twin_of("simulated")
    assert maker is not None
    with maker(tmp_path) as twin:
        kind = driver_class("simulated")
        benches = [Bench(kind, twin, tmp_path / name, 1) for name in ("c", "d", "a", "b")]
        assert asyncio.run(each(benches)) == ["A1", "A2", "A3", "A4"]


@pytest.mark.parametrize(
    "name",
    [
        "simulated",
        "simulated-person",
        "masterflex-ls",
        "ne-1000",
        "cavro-xlp",
        "opentrons",
        "manual",
    ],
)
def test_our_own_drivers_are_gold(tmp_path: Path, name: str) -> None:
    async def every() -> list[Outcome]:
        maker = twin_of(name)
        assert maker is not None
        with maker(tmp_path) as twin:
            return [outcome async for outcome in examine(driver_class(name), twin, tmp_path)]

    found = asyncio.run(every())
    assert [(outcome.title, outcome.seen) for outcome in found if not outcome.passed] == []


def test_a_new_driver_is_gold_as_it_is_written(tmp_path: Path) -> None:
    new_driver("acme_pump", tmp_path / "acme")
    ran = subprocess.run(
        [WELLWISE, "driver", "check", "acme"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    assert "Driver acme_pump: gold (24 of 24 checks hold)." in ran.stdout
    assert len((tmp_path / "acme/wellwise_acme_pump/driver.py").read_text().splitlines()) <= 40
    with pytest.raises(DriverError, match="exists: nothing was written"):
        new_driver("acme_pump", tmp_path / "acme")
    with pytest.raises(DriverError, match="cannot name a driver"):
        new_driver("Acme Pump", tmp_path / "other")


def test_the_kit_takes_a_class_and_asks_before_it_moves(tmp_path: Path) -> None:
    def check(*words: object, answer: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [WELLWISE, "driver", "check", *map(str, words)],
            cwd=ROOT,
            env=os.environ | {"WELLWISE_HOME": str(tmp_path)},
            input=answer,
            capture_output=True,
            text=True,
            check=False,
        )

    asked = check("tests.drivers.bad_drivers:Honest", "--hardware", answer="n\n")
    assert "will MOVE" in asked.stdout
    assert "holds" not in asked.stdout
    assert asked.returncode == 1
    run = check("tests.drivers.bad_drivers:Honest", "--hardware", answer="y\n")
    assert "holds  bronze  it does a job to its end" in run.stdout
    unknown = wellwise("driver", "check", "tests.nothing:X", "--hardware", home=tmp_path)
    assert "there is no driver tests.nothing:X" in unknown.stderr


def pump(home: Path, kind: type[Pump]) -> Pump:
    return kind(RobotSetup("pump", None, RealClock(), home))


THREE = [Dispense(well=well, liquid="water", volume_ul=10) for well in ("A1", "A2", "A3")]


def test_a_well_that_fails_costs_that_well(tmp_path: Path) -> None:
    class Clogs(Pump):
        async def perform(self, operation: Operation, job: Job) -> Reading | None:
            if getattr(operation, "well", "") == "A2":
                raise OperationFailed("the tip is clogged")
            return await super().perform(operation, job)

    async def run() -> JobReport:
        device = pump(tmp_path, Clogs)
        await device.connect()
        await device.submit(job_of(*THREE, Image(well="A2")))
        report = await finished(device, "c/r1/p1/s/1")
        await device.close()
        return report

    report = asyncio.run(run())
    assert (report.state, report.failed_wells, report.operations_done) == (
        "done",
        {"A2": "the tip is clogged"},
        2,
    )


def test_a_line_that_drops_in_an_operation_leaves_that_one_in_doubt(tmp_path: Path) -> None:
    class Unplugged(Pump):
        async def perform(self, operation: Operation, job: Job) -> Reading | None:
            if getattr(operation, "well", "") == "A2":
                raise RobotOffline("the cable is out")
            return await super().perform(operation, job)

    async def run() -> JobReport:
        device = pump(tmp_path, Unplugged)
        await device.connect()
        await device.submit(job_of(*THREE))
        report = await finished(device, "c/r1/p1/s/1")
        await device.close()
        return report

    report = asyncio.run(run())
    assert (report.state, report.not_begun) == ("in_doubt", (2,))
    assert report.message == (
        "operation 2 of 3 (dispense A2) was under way: the cable is out. All before it are done, "
        "none after it is"
    )


def test_jobs_are_done_one_after_the_other_and_go_on_after_a_close(tmp_path: Path) -> None:
    async def run() -> list[JobReport]:
        before = Pump.done
        device = pump(tmp_path, Pump)
        await device.connect()
        await device.submit(job_of(*THREE))
        await device.submit(job_of(*THREE, key="c/r1/p2/s/1"))
        await device.close()
        assert Pump.done - before < 6
        again = pump(tmp_path, Pump)
        await again.connect()
        reports = [await finished(again, key) for key in ("c/r1/p1/s/1", "c/r1/p2/s/1")]
        assert Pump.done - before == 6
        await again.close()
        return reports

    assert [report.state for report in asyncio.run(run())] == ["done", "done"]


def test_a_device_refuses_what_the_lab_does_not_allow(tmp_path: Path) -> None:
    device = Pump(
        RobotSetup(
            "pump", None, RealClock(), tmp_path, limits={"dispense": {"volume_ul": (5, 500)}}
        )
    )
    assert device.capabilities.operations["dispense"] == {"volume_ul": (5, 100)}

    async def run() -> None:
        await device.connect()
        try:
            await device.submit(job_of(Dispense(well="A1", liquid="water", volume_ul=2)))
        finally:
            await device.close()

    with pytest.raises(
        DriverError, match="cannot dispense with volume_ul 2 \\(it takes 5 to 100\\)"
    ):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("version", "remedy"), [(0, "newer version of the driver later"), (2, "a newer wellwise")]
)
def test_a_driver_for_another_version_of_the_contract_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: int, remedy: str
) -> None:
    declared = type("Later", (Pump,), {"driver_api": version})
    monkeypatch.setattr("drivers.registry._load", lambda *_: declared)
    with pytest.raises(
        DriverError, match=f"version {version} of the driver contract.*version 1.*{remedy}"
    ):
        driver_class("later")


def test_a_driver_that_declares_this_version_or_none_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kind in (Pump, type("Now", (Pump,), {"driver_api": DRIVER_API})):
        monkeypatch.setattr("drivers.registry._load", lambda *_, kind=kind: kind)
        assert driver_class("now") is kind
