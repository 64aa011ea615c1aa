import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.base import (
    Driver,
    DriverError,
)
from drivers.clock import RealClock
from drivers.conformance import examine, reached
from drivers.conformance.bench import Bench
from drivers.conformance.check_list import CHECKS
from drivers.conformance.levels import Failure, Level, Outcome
from drivers.registry import driver_class
from drivers.scaffold import new_driver
from drivers.twin import Twin, twin_of
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Dispense, Operation
from tests.conftest import ROOT, START
from tests.drivers import bad_drivers, bad_pumps
from tests.drivers.test_device import Pump
from tests.program import wellwise

WELLWISE = Path(sys.executable).with_name("wellwise")


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
    yield Twin(clock=RealClock(), performed=lambda: Pump.done, moving=lambda: Pump.moving)


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
    (check,) = [check for _, name, _, check in CHECKS if name.startswith(title)]
    with bad_drivers.twin() as twin, pytest.raises(Failure, match=re.escape(seen)):
        asyncio.run(check(Bench(kind, twin, tmp_path, 1)))  # type: ignore[arg-type]


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


@pytest.mark.reproduction("E")
@pytest.mark.parametrize(("kind", "twin", "options"), bad_pumps.BAD)
def test_a_pump_that_is_told_of_no_stop_is_caught_while_it_moves(
    tmp_path: Path, kind: type[Driver], twin: str, options: dict[str, str]
) -> None:
    (stops,) = [check for _, title, _, check in CHECKS if title.startswith("stop stops it")]
    maker = twin_of(twin)
    assert maker is not None
    with maker(tmp_path) as found:
        found = replace(found, options=found.options | options)
        with pytest.raises(Failure, match="it still moved when stop had returned"):
            asyncio.run(stops(Bench(kind, found, tmp_path, 1)))  # type: ignore[arg-type]


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
    assert "Driver acme_pump: gold (25 of 25 checks hold)." in ran.stdout
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
