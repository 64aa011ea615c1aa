import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from drivers.base import DriverError, RobotOffline, RobotSetup
from drivers.clock import RealClock
from drivers.registry import make_driver
from drivers.serial.profile import read_profile
from drivers.serial.pump import SerialPump
from protocols.jobs import JobReport
from protocols.operations import Aspirate, Operation
from simulators.firmware import (
    Abuse,
    CavroFirmware,
    Firmware,
    MasterflexFirmware,
    NE1000Firmware,
    replayed,
)
from tests.builders import dispenses, finished, job_of

PUMPS: list[tuple[str, type[Firmware]]] = [
    ("masterflex-ls", MasterflexFirmware),
    ("ne-1000", NE1000Firmware),
    ("cavro-xlp", CavroFirmware),
]
VOLUMES = [400.0, 520.0, 640.0, 800.0]
KEY = "c/r1/p1/s/1"


@contextlib.contextmanager
def switched_on(
    firmware: type[Firmware], abuse: Abuse | None = None, silent: bool = False
) -> Iterator[Firmware]:
    running = firmware(abuse, silent)
    try:
        yield running
    finally:
        running.end()


def pump(home: Path, profile: str, port: str, **options: Any) -> SerialPump:
    driver = make_driver(
        "serial",
        RobotSetup("pump", {"profile": profile, **options}, RealClock(), home, address=port),
    )
    assert isinstance(driver, SerialPump)
    return driver


def quick(home: Path, profile: str) -> str:
    """The profile with less patience, as a file."""
    home.mkdir(parents=True, exist_ok=True)
    text = (files("drivers.serial") / "profiles" / f"{profile}.yaml").read_text(encoding="utf-8")
    path = home / f"{profile}.yaml"
    path.write_text(f"{text}answer_s: 0.06\ngrace_s: 0.3\nretries: 4\n")
    return str(path)


async def executed(driver: SerialPump, operations: list[Operation]) -> JobReport:
    """The job to its end, over as many connections as it takes."""
    async with asyncio.timeout(240):
        while True:
            with contextlib.suppress(RobotOffline):
                await driver.connect()
                break
        await driver.submit(job_of(*operations))
        report = await finished(driver, KEY)
        await driver.close()
        return report


@pytest.mark.parametrize(("profile", "firmware"), PUMPS)
def test_volumes_go_out_and_in_as_they_were_asked_for(
    tmp_path: Path, profile: str, firmware: type[Firmware]
) -> None:
    operations = [*dispenses(400, 800), Aspirate(well="A1", volume_ul=600)]
    with switched_on(firmware) as running:
        report = asyncio.run(executed(pump(tmp_path, profile, running.path), operations))
    assert (report.state, report.operations_done) == ("done", 3)
    assert running.moved_ul == pytest.approx([400, 800, 600], rel=0.01)


class Mishearing(MasterflexFirmware):
    """A drive to which one question, how much is left, comes as a start: one bit is wrong."""

    misheard = False

    def answer(self, message: bytes) -> bytes:
        """As the drive answers a message that it received."""
        if message.endswith(b"E") and self._set and not self.misheard:
            self.misheard = True
            message = message[:-1] + b"G"
        return super().answer(message)


def test_a_pump_that_moves_before_it_was_started_is_not_started_again(tmp_path: Path) -> None:
    with switched_on(Mishearing) as running:
        driver = pump(tmp_path, quick(tmp_path, "masterflex-ls"), running.path)
        report = asyncio.run(executed(driver, dispenses(400, 520)))
    assert running.misheard
    assert report.state == "in_doubt"
    assert running.moved_ul == pytest.approx([400], rel=0.01)


def test_a_pump_that_is_unplugged_while_it_moves_leaves_its_job_in_doubt(tmp_path: Path) -> None:
    async def run() -> JobReport:
        running = MasterflexFirmware()
        running.speedup = 2.0
        driver = pump(tmp_path, "masterflex-ls", running.path)
        await driver.connect()
        await driver.submit(job_of(*dispenses(800, 800)))
        while running._ends_at is None:
            await asyncio.sleep(0.005)
        running.end()
        report = await finished(driver, KEY)
        await driver.close()
        return report

    report = asyncio.run(run())
    assert report.state == "in_doubt"
    assert report.message.startswith("operation 1 of 2 (dispense A1) was under way: ")
    assert "none after it is" in report.message


def test_a_pump_that_was_off_is_found_when_it_is_back(tmp_path: Path) -> None:
    async def run(path: str) -> None:
        driver = pump(tmp_path, "ne-1000", path)
        with pytest.raises(RobotOffline, match="No such file"):
            await driver.connect()

    asyncio.run(run("/dev/pts/9999"))
    with switched_on(NE1000Firmware) as running:
        assert (
            asyncio.run(executed(pump(tmp_path, "ne-1000", running.path), dispenses(400))).state
            == "done"
        )


def test_wrong_line_settings_and_silence_are_reported_with_what_to_look_at(tmp_path: Path) -> None:
    with switched_on(MasterflexFirmware) as running:
        driver = pump(tmp_path, "ne-1000", running.path)
        pump_name, line = "New Era NE-1000 syringe pump", "19200 baud 8N1"
        message = f"no {pump_name} answers as 00 on .* at {line} .*is the cable right"
        with pytest.raises(RobotOffline, match=message):
            asyncio.run(driver.connect())
    with (
        switched_on(NE1000Firmware, silent=True) as running,
        pytest.raises(RobotOffline, match="silence"),
    ):
        asyncio.run(pump(tmp_path, "ne-1000", running.path).connect())


def test_a_busy_port_is_reported(tmp_path: Path) -> None:
    async def twice(port: str) -> None:
        first, second = (pump(tmp_path / name, "cavro-xlp", port) for name in ("here", "there"))
        await first.connect()
        try:
            with pytest.raises(RobotOffline, match="another process has it open"):
                await second.connect()
        finally:
            await first.close()

    with switched_on(CavroFirmware) as running:
        asyncio.run(twice(running.path))


def test_a_captured_line_can_be_replayed(tmp_path: Path) -> None:
    capture = tmp_path / "line.jsonl"
    with switched_on(NE1000Firmware) as running:
        running.speedup = 1e6
        driver = pump(tmp_path / "first", "ne-1000", running.path, capture=str(capture))
        assert asyncio.run(executed(driver, dispenses(400))).state == "done"
    assert capture.read_text().count('"way": "out"') == capture.read_text().count('"way": "in"') > 8
    with replayed(capture) as port:
        report = asyncio.run(executed(pump(tmp_path / "second", "ne-1000", port), dispenses(400)))
    assert report.state == "done"


@pytest.mark.reproduction("B1")
def test_a_stalled_motor_puts_its_operation_in_doubt_and_loses_no_well(tmp_path: Path) -> None:
    async def run(running: NE1000Firmware) -> JobReport:
        driver = pump(tmp_path, "ne-1000", running.path)
        await driver.connect()
        running.speedup = 1.0
        await driver.submit(job_of(*dispenses(800, 400, 400)))
        while running._begun_at is None:
            await asyncio.sleep(0.005)
        running._alarm = "A?S"
        report = await finished(driver, KEY)
        await driver.close()
        return report

    with switched_on(NE1000Firmware) as running:
        assert isinstance(running, NE1000Firmware)
        report = asyncio.run(run(running))
    assert (report.state, report.failed_wells, report.not_begun) == ("in_doubt", {}, (1, 2))
    assert report.device_fault == "robot pump: the motor stalled"


async def two_jobs(
    driver: SerialPump, between: Callable[[], Awaitable[None] | None]
) -> list[JobReport]:
    await driver.connect()
    reports = []
    for number in (1, 2):
        key = f"c/r1/p{number}/s/1"
        await driver.submit(job_of(*dispenses(400, 520), key=key))
        reports.append(await finished(driver, key))
        if number == 1 and (waiting := between()) is not None:
            await waiting
    await driver.close()
    return reports


@pytest.mark.reproduction("C")
@pytest.mark.parametrize(("profile", "firmware"), PUMPS)
def test_a_pump_that_was_switched_off_between_two_jobs_costs_no_well(
    tmp_path: Path, profile: str, firmware: type[Firmware]
) -> None:
    with switched_on(firmware) as running:
        driver = pump(tmp_path, quick(tmp_path, profile), running.path)
        reports = asyncio.run(two_jobs(driver, running.power_off_and_on))
    assert [(report.state, report.failed_wells) for report in reports] == [("done", {})] * 2
    assert running.moved_ul == pytest.approx([400, 520, 400, 520], rel=0.01)


@pytest.mark.reproduction("B1")
def test_a_pump_that_is_switched_off_for_good_before_a_movement_has_not_begun(
    tmp_path: Path,
) -> None:
    def switch_off() -> None:
        running.silent = True

    with switched_on(CavroFirmware) as running:
        driver = pump(tmp_path, quick(tmp_path, "cavro-xlp"), running.path)
        first, second = asyncio.run(two_jobs(driver, switch_off))
    assert first.state == "done"
    assert (second.state, second.not_begun, second.failed_wells) == ("in_doubt", (0, 1), {})
    assert "no Tecan Cavro XLP 6000 syringe pump answers" in second.device_fault
    assert running.moved_ul == pytest.approx([400, 520], rel=0.01)


@pytest.mark.reproduction("C")
def test_the_safe_mode_of_an_ne_1000_hears_its_driver_between_jobs(tmp_path: Path) -> None:
    async def wait() -> None:
        await asyncio.sleep(1.6)
        assert isinstance(running, NE1000Firmware)
        assert (running.safe_s, running._alarm) == (1, "")

    with switched_on(NE1000Firmware) as running:
        driver = pump(tmp_path, "ne-1000", running.path, settings={"safe_timeout_s": 1})
        reports = asyncio.run(two_jobs(driver, wait))
    assert [report.state for report in reports] == ["done", "done"]


def test_after_a_stop_the_next_volume_is_whole(tmp_path: Path) -> None:
    async def run(running: NE1000Firmware) -> JobReport:
        driver = pump(tmp_path, "ne-1000", running.path)
        await driver.connect()
        running.speedup = 1.0
        await driver.submit(job_of(*dispenses(800)))
        while running._begun_at is None:
            await asyncio.sleep(0.005)
        await driver.stop()
        running.speedup = 50.0
        await driver.submit(job_of(*dispenses(500), key="c/r1/p2/s/1"))
        report = await finished(driver, "c/r1/p2/s/1")
        await driver.close()
        return report

    with switched_on(NE1000Firmware) as running:
        assert isinstance(running, NE1000Firmware)
        assert asyncio.run(run(running)).state == "done"
    stopped, whole = running.moved_ul
    assert stopped < 800
    assert whole == pytest.approx(500, rel=0.01)


def test_the_least_volume_is_one_that_the_steps_can_make(tmp_path: Path) -> None:
    driver = pump(tmp_path, "masterflex-ls", "/dev/null", settings={"ul_per_revolution": 60})
    assert driver.capabilities.operations["dispense"]["volume_ul"] == (30, 100000)
    fine = pump(tmp_path, "cavro-xlp", "/dev/null", settings={"syringe_ul": 50})
    low, _ = fine.capabilities.operations["dispense"]["volume_ul"]
    assert math.isclose(low, 1.0)


def test_what_does_not_fit_a_profile_is_reported(tmp_path: Path) -> None:
    with pytest.raises(
        DriverError, match=r"no setting speed \(expected some of ul_per_revolution, rpm\)"
    ):
        pump(tmp_path, "masterflex-ls", "/dev/null", settings={"speed": 3})
    with pytest.raises(DriverError, match="'5' cannot be the address of a Masterflex"):
        pump(tmp_path, "masterflex-ls", "/dev/null", device="5")
    with pytest.raises(DriverError, match=r"no serial profile 'maserflex' .*expected cavro-xlp, "):
        pump(tmp_path, "maserflex", "/dev/null")
    broken = tmp_path / "broken.yaml"
    broken.write_text("title: x\n")
    with pytest.raises(DriverError, match="is not right"):
        read_profile(str(broken))
