"""The bench: a driver, its twin, and jobs to try it with."""

import asyncio
import contextlib
import functools
import itertools
import math
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from drivers.base import Capabilities, Driver, RobotOffline, RobotSetup
from drivers.twin import Twin
from protocols.jobs import Job, JobReport
from protocols.labware import SLAS, known_labware
from protocols.operations import OPERATIONS, Operation


class Bench:
    """A driver on the bench: makes robots and jobs for checks."""

    def __init__(
        self, kind: type[Driver], twin: Twin, home: Path, number: int, run: str = ""
    ) -> None:
        self.kind, self.twin, self.home = kind, twin, home
        self._round = number
        self._run = f"bench-{run}" if run else "bench"
        self._before = 0
        self._numbers = itertools.count(1)

    def turn_to(self, number: int, home: Path) -> None:
        """Begin another check, in a folder of its own."""
        self._round, self.home = number, home
        self._before = 0
        self._numbers = itertools.count(1)

    def robot(self) -> Driver:
        """A driver that is not connected; each one is as a new process would make it."""
        options = self.kind.Options.model_validate(self.twin.options)
        return self.kind(
            RobotSetup("bench", options, self.twin.clock, self.home, address=self.twin.address)
        )

    @functools.cached_property
    def capabilities(self) -> Capabilities:
        """What the driver declares, asked once: it may be in an interpreter of its own."""
        return self.robot().capabilities

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

    def job(
        self,
        wells: int = 2,
        longest: bool = False,
        least: bool = False,
        first_well: int = 1,
        only: str = "",
        changes: dict[str, float] | None = None,
    ) -> Job:
        """A new job of everything that the robot can do.

        Args:
            wells: in how many wells, from `first_well` of row A on.
            longest: with the highest values that it takes.
            least: with the lowest.
            only: of one kind of operation, if given.
            changes: values of fields, whatever the robot takes.
        """
        capabilities = self.capabilities
        number = next(self._numbers)
        operations = [
            operation
            for kind in capabilities.operations
            if only in ("", kind)
            for values in _typical(kind, capabilities)
            for operation in _operations(
                kind,
                _values(kind, values, capabilities, longest, least) | (changes or {}),
                range(first_well, first_well + wells),
            )
        ]
        return Job(
            key=f"{self._run}/r{self._round}/p{number}/check/1",
            round=self._round,
            step="check",
            occurrence=1,
            day=0,
            plate=number,
            plate_id=f"{self._run}/r{self._round}/p{number}",
            labware=_labware(capabilities, first_well + wells - 1),
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
        before = self._before
        done = self.count() or 0
        self._before = before
        return report.operations_done > 0 or done > before

    async def pause(self) -> None:
        """Let a little time pass, on any clock."""
        await asyncio.sleep(0.01)
        if self.twin.clock.virtual:
            await self.twin.clock.sleep_until(self.twin.clock.now() + timedelta(seconds=1))

    def count(self) -> int | None:
        """How many operations the equipment has done."""
        if self.twin.performed is not None:
            found: int | None = self.twin.performed()
        else:
            found = None if self.twin.did is None else len(self.twin.did())
        self._before = found or 0
        return found

    def lasting(self, job: Job) -> int:
        """How many operations of a job must not be done twice: the equipment counts these."""
        return sum(not operation.repeatable for operation in job.operations)


def _labware(capabilities: Capabilities, columns: int) -> str:
    """The smallest labware with so many wells in a row, or the largest that there is."""
    known = known_labware()
    named = sorted(name for name in capabilities.labware if name in known)
    by_size = sorted(named, key=lambda name: (name not in SLAS, len(known[name].wells)))
    fitting = (name for name in by_size if known[name].columns >= columns)
    return next(fitting, (by_size or sorted(capabilities.labware))[-1])


def amount_of(operation: Operation) -> float | None:
    """How much an operation moves (uL) or how long it takes by itself (s); None if neither."""
    for field in ("volume_ul", "duration_s"):
        if (value := getattr(operation, field, None)) is not None:
            return float(value)
    return None


def _typical(kind: str, capabilities: Capabilities) -> list[dict[str, Any]]:
    """Values of an operation; of actions and settings a set for each that the driver declares."""
    usual = dict(OPERATIONS[kind].typical)
    if kind == "call" and capabilities.actions is not None:
        return [
            {
                "action": name,
                "arguments": tuple(
                    {"name": argument, "value": known.typical, "unit": known.unit}
                    for argument, known in action.arguments.items()
                ),
            }
            for name, action in capabilities.actions.items()
        ]
    if kind == "set" and capabilities.settings is not None:
        return [
            {"setting": name, "value": known.typical, "unit": known.unit}
            for name, known in capabilities.settings.items()
        ]
    return [usual]


def _values(
    kind: str, usual: dict[str, Any], capabilities: Capabilities, longest: bool, least: bool
) -> dict[str, Any]:
    values = dict(usual)
    for name, (low, high) in capabilities.operations[kind].items():
        typical = values.get(name, low)
        extreme = high if longest else low
        values[name] = (
            extreme
            if (longest or least) and math.isfinite(extreme)
            else min(max(typical, low), high)
        )
    return values


def _operations(kind: str, values: dict[str, Any], wells: range) -> Iterator[Operation]:
    operation: type[Operation] = OPERATIONS[kind]
    if operation.concerns_plate:
        yield operation.model_validate(values)
    else:
        for number in wells:
            yield operation.model_validate({"well": f"A{number}", **values})
