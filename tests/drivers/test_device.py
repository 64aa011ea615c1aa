"""What the base of devices makes of jobs, faults and limits; and which drivers are taken."""

import asyncio
from pathlib import Path

import pytest

from drivers.base import (
    DRIVER_API,
    Capabilities,
    DriverError,
    KeyMemory,
    RobotOffline,
    RobotSetup,
)
from drivers.clock import RealClock
from drivers.device import Device, OperationFailed
from drivers.registry import driver_class
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Dispense, Image, Operation
from tests.builders import finished, job_of


class Pump(Device):
    """A pump that takes 30 ms for each dispense."""

    able = Capabilities(
        operations={"dispense": {"volume_ul": (1, 100)}, "image": {}},
        memory=KeyMemory.REMEMBERS_KEYS,
        stop_s=2.0,
    )
    done = 0
    moving = False

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        Pump.moving = True
        try:
            await asyncio.sleep(0.03)
        finally:
            Pump.moving = False
        if isinstance(operation, Image):
            return Reading(well=operation.well, kind="number", number=0.5)
        Pump.done += 1
        return None

    async def halt(self) -> None: ...


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
