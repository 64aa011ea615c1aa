"""The bench: a driver, its twin, and jobs to try it with."""

import asyncio
import contextlib
import itertools
import math
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

from drivers.base import Capabilities, Driver, RobotOffline, RobotSetup
from drivers.twin import Twin
from protocols.jobs import Job, JobReport
from protocols.operations import OPERATIONS, Operation


class Bench:
    """A driver on the bench: makes robots and jobs for checks."""

    def __init__(self, kind: type[Driver], twin: Twin, home: Path, number: int) -> None:
        self.kind, self.twin, self.home = kind, twin, home
        self._round = number
        self._before = 0
        self._numbers = itertools.count(1)

    def robot(self) -> Driver:
        """A driver that is not connected; each one is as a new process would make it."""
        options = self.kind.Options.model_validate(self.twin.options)
        return self.kind(
            RobotSetup("bench", options, self.twin.clock, self.home, address=self.twin.address)
        )

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Driver]:
        """A driver with its line open."""
        robot = self.robot()
        await robot.connect()
        try:
            yield robot
        finally:
            await robot.close()

    @contextlib.asynccontextmanager
    async def reconnected(self, robot: Driver) -> AsyncIterator[None]:
        """A driver whose line may need some time until it can be opened again."""
        while True:
            try:
                await robot.connect()
                break
            except RobotOffline:
                await asyncio.sleep(0.1)
        try:
            yield
        finally:
            await robot.close()

    def job(self, wells: int = 2, longest: bool = False) -> Job:
        """A new job of everything that the robot can do."""
        capabilities = self.robot().capabilities
        number = next(self._numbers)
        operations = [
            operation
            for kind in capabilities.operations
            for operation in _operations(kind, capabilities, wells, longest)
        ]
        return Job(
            key=f"bench/r{self._round}/p{number}/check/1",
            round=self._round,
            step="check",
            occurrence=1,
            day=0,
            plate=number,
            plate_id=f"bench/r{self._round}/p{number}",
            labware=min(capabilities.labware, key=lambda name: int(name.split("-")[0])),
            robot="bench",
            due_at=self.twin.clock.now(),
            tolerance_s=3600.0,
            operations=tuple(operations),
        )

    async def until_over(self, robot: Driver, key: str) -> JobReport:
        """Poll until the job needs nothing more."""
        while (report := await robot.poll(key)).state == "running":
            await self.pause()
        return report

    async def until_begun(self, robot: Driver, key: str) -> JobReport:
        """Poll until the first operation is done."""
        while (report := await robot.poll(key)).state == "running" and not self._something_done(
            report
        ):
            await self.pause()
        return report

    def _something_done(self, report: JobReport) -> bool:
        return report.operations_done > 0 or (
            self.twin.performed is not None and self.twin.performed() > self._before
        )

    async def pause(self) -> None:
        """Let a little time pass, on any clock."""
        await asyncio.sleep(0.01)
        if self.twin.clock.virtual:
            await self.twin.clock.sleep_until(self.twin.clock.now() + timedelta(seconds=1))

    def count(self) -> int | None:
        """How many operations the equipment has done."""
        found = None if self.twin.performed is None else self.twin.performed()
        self._before = found or 0
        return found

    def lasting(self, job: Job) -> int:
        """How many operations of a job must not be done twice: the equipment counts these."""
        return sum(not operation.repeatable for operation in job.operations)


def _operations(
    kind: str, capabilities: Capabilities, wells: int, longest: bool
) -> Iterator[Operation]:
    operation: type[Operation] = OPERATIONS[kind]
    values = dict(operation.typical)
    for name, (low, high) in capabilities.operations[kind].items():
        typical = values.get(name, low)
        values[name] = high if longest and math.isfinite(high) else min(max(typical, low), high)
    if operation.concerns_plate:
        yield operation.model_validate(values)
    else:
        for number in range(wells):
            yield operation.model_validate({"well": f"A{number + 1}", **values})
