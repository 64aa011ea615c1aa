import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from drivers.base import DriverError, JobRefused, RobotOffline, RobotSetup
from drivers.clock import RealClock
from drivers.environment import make_environment
from drivers.isolated import start
from drivers.isolated.driver import OutsideDriver
from drivers.registry import make_driver
from protocols.environments import interpreter
from protocols.jobs import JobReport
from protocols.operations import Dispense
from simulators.firmware import MasterflexFirmware
from tests.builders import dispenses, job_of
from tests.conftest import ROOT
from tests.drivers.test_serial import KEY

ENVIRONMENT = Path(sys.executable).parent.parent


class OutsidePump(OutsideDriver):
    """The Masterflex driver in an interpreter of its own."""

    def __init__(self, setup: RobotSetup) -> None:
        super().__init__(setup, "masterflex-ls", Path(sys.executable))


async def over(driver: OutsideDriver, key: str = KEY) -> JobReport:
    while (report := await driver.poll(key)).state == "running":
        await asyncio.sleep(0.01)
    return report


def test_its_end_in_the_middle_of_a_job_is_a_disconnect_and_then_what_the_driver_declares(
    tmp_path: Path,
) -> None:
    async def run(running: MasterflexFirmware) -> JobReport:
        driver = OutsidePump(RobotSetup("pump", {}, RealClock(), tmp_path, address=running.path))
        await driver.connect()
        await driver.submit(job_of(*dispenses(800, 800)))
        while running._ends_at is None:
            await asyncio.sleep(0.005)
        assert driver._process is not None
        os.kill(driver._process.pid, signal.SIGKILL)
        with pytest.raises(RobotOffline, match="process"):
            await over(driver)
        await driver.connect()
        report = await over(driver)
        await driver.close()
        return report

    running = MasterflexFirmware()
    running.speedup = 4.0
    report = asyncio.run(run(running))
    running.end()
    assert report.state == "in_doubt"
    assert (
        "operation 1 of 2 (dispense A1) was under way: the process of its driver ended"
        in report.message
    )
    assert len(running.moved_ul) == 1


def test_errors_come_through_as_what_they_are(tmp_path: Path) -> None:
    async def run(running: MasterflexFirmware) -> None:
        driver = OutsidePump(RobotSetup("pump", {}, RealClock(), tmp_path, address=running.path))
        with pytest.raises(RobotOffline, match="not connected"):
            await driver.poll(KEY)
        await driver.connect()
        with pytest.raises(JobRefused, match="cannot dispense with volume_ul 1 "):
            await driver.submit(job_of(Dispense(well="A1", liquid="water", volume_ul=1)))
        await driver.close()
        away = OutsidePump(RobotSetup("pump", {}, RealClock(), tmp_path, address="/dev/pts/9999"))
        with pytest.raises(RobotOffline, match="cannot be opened"):
            await away.connect()
        await away.close()

    running = MasterflexFirmware()
    asyncio.run(run(running))
    running.end()


def test_a_driver_that_cannot_be_made_there_is_reported(tmp_path: Path) -> None:
    setup = RobotSetup("pump", {"speed": 3}, RealClock(), tmp_path)
    with pytest.raises(
        DriverError, match=r"robot pump: its driver cannot be made in .*ValidationError"
    ):
        make_driver("masterflex-ls", setup, str(ENVIRONMENT))
    with pytest.raises(DriverError, match="there is no driver 'nobody'"):
        make_driver("nobody", RobotSetup("pump", {}, RealClock(), tmp_path), str(ENVIRONMENT))
    with pytest.raises(DriverError, match="cannot be started"):
        make_driver(
            "masterflex-ls", RobotSetup("pump", {}, RealClock(), tmp_path), "no-such-environment"
        )


def test_a_vendor_package_that_conflicts_with_ours_is_used_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vendor.py").write_text(
        '''
import opentrons
from drivers.base import Capabilities, KeyMemory
from drivers.device import Device, OperationFailed


class Vendor(Device):
    """Says which opentrons it has."""

    able = Capabilities(operations={"dispense": {}}, memory=KeyMemory.REMEMBERS_KEYS)

    async def perform(self, operation, job):
        print("a driver may print")
        raise OperationFailed(opentrons.__version__)

    async def halt(self):
        pass
'''
    )
    folder = make_environment(ROOT / ".wellwise", "opentrons")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def run() -> JobReport:
        setup = RobotSetup("vendor", {}, RealClock(), tmp_path)
        driver = OutsideDriver(setup, "vendor:Vendor", interpreter(folder))
        await driver.connect()
        await driver.submit(job_of(*dispenses(10)))
        report = await over(driver)
        await driver.close()
        return report

    assert asyncio.run(run()).failed_wells == {"A1": "8.8.2"}


def test_an_environment_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        DriverError, match=r"no environment 'vendor' \(expected one of opentrons, or packages"
    ):
        make_environment(tmp_path, "vendor")
    with pytest.raises(
        DriverError, match=r"the environment vendor cannot be made: ERROR: .*no-such-folder"
    ):
        make_environment(tmp_path, "vendor", [str(tmp_path / "no-such-folder")])


def test_its_interpreter_finds_our_packages_and_nothing_else_of_their_folder() -> None:
    for room in ("drivers", "protocols", "wellwise"):
        assert start._Rooms.find_spec(room) is not None
    for other in ("tests", "orchestrator", "pydantic"):
        assert start._Rooms.find_spec(other) is None
