"""Drivers of the devices in `device.py`: one for each memory that a robot may have."""

import asyncio
import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import BaseModel

from drivers.base import Capabilities, KeyConflict, KeyMemory, RobotOffline, RobotSetup
from drivers.device import Device, NoOptions
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Operation, well_of

ANSWER_S = 1.0
"""How long an answer may take."""


async def ask(address: str, do: str, **request: Any) -> dict[str, Any]:
    """One request to a device at HOST:PORT/ARM, and its answer.

    Raises:
        RobotOffline: it does not answer.
    """
    where, _, robot = address.partition("/")
    host, _, port = where.partition(":")
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
            with contextlib.closing(writer):
                text = json.dumps({"do": do, "robot": robot} | request)
                writer.write(text.encode() + b"\n")
                answer = await reader.readline()
    except (OSError, TimeoutError) as error:
        raise RobotOffline(f"{address} does not answer: {error}") from None
    if not answer:
        raise RobotOffline(f"{address} has closed the line")
    found: dict[str, Any] = json.loads(answer)
    return found


def told(address: str, do: str, **request: Any) -> dict[str, Any]:
    """The same from outside of an event loop, or from within another one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(lambda: asyncio.run(ask(address, do, **request))).result()


def _reading(well: str, number: float) -> Reading:
    return Reading(well=well, kind="number", number=number, unit="g")


class Remembering:
    """A robot that has jobs and remembers them, with no other memory than its own."""

    Options: ClassVar[type[BaseModel]] = NoOptions
    simulated: ClassVar[bool] = False
    memory: ClassVar[KeyMemory] = KeyMemory.REMEMBERS_KEYS

    def __init__(self, setup: RobotSetup) -> None:
        self._address, self._clock = setup.address, setup.clock

    @property
    def capabilities(self) -> Capabilities:
        """What the arms can do."""
        return Capabilities(operations={"dispense": {}, "measure": {}}, memory=self.memory)

    async def connect(self) -> None:
        """Nothing: each request has a connection of its own."""

    async def submit(self, job: Job) -> None:
        """Give the job to the device."""
        answer = await self._begin(job, remembers=True)
        if answer["content"] != job.content:
            raise KeyConflict(f"{self._address} has another job under {job.key}")

    async def poll(self, key: str) -> JobReport:
        """What the device says of it."""
        return self._report(key, await ask(self._address, "ask", key=key))

    async def stop(self) -> None:
        """Stop the arm."""
        await ask(self._address, "stop")

    async def close(self) -> None:
        """Nothing is open."""

    async def _begin(self, job: Job, remembers: bool) -> dict[str, Any]:
        operations = [operation.model_dump(mode="json") for operation in job.operations]
        return await ask(
            self._address,
            "job",
            key=job.key,
            content=job.content,
            remembers=remembers,
            operations=operations,
        )

    def _report(self, key: str, answer: dict[str, Any]) -> JobReport:
        if answer["state"] == "unknown":
            since = self._clock.now() - timedelta(seconds=answer["remembers_s"])
            return JobReport(key=key, state="unknown", remembers_since=since)
        over = answer["state"] == "done"
        return JobReport(
            key=key,
            state=answer["state"],
            content=answer.get("content", ""),
            readings=tuple(_reading(*found) for found in answer["readings"]) if over else (),
        )


class Silent(Remembering):
    """A robot without memory: it does what it is told, as often as it is told.

    Who told it something can ask how far it is, and nobody else.
    """

    memory: ClassVar[KeyMemory] = KeyMemory.CANNOT_SAY

    def __init__(self, setup: RobotSetup) -> None:
        super().__init__(setup)
        self._orders: dict[str, int] = {}

    async def submit(self, job: Job) -> None:
        """Give the job to the device, once."""
        if job.key not in self._orders:
            self._orders[job.key] = (await self._begin(job, remembers=False))["order"]

    async def poll(self, key: str) -> JobReport:
        """How far the device is with what this driver told it."""
        answer = await ask(self._address, "ask", key=key)
        if answer.get("order") != self._orders.get(key, -1):
            return JobReport(key=key, state="in_doubt", message="the robot keeps no record")
        return self._report(key, answer)


class Booked(Device):
    """A device that does one operation at a time; the job book on our side is its memory."""

    able: ClassVar[Capabilities] = Capabilities(
        operations={"dispense": {}, "measure": {}}, memory=KeyMemory.KNOWS_WHAT_IT_NEVER_GOT
    )

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        """One operation."""
        what = operation.model_dump(mode="json")
        answer = await ask(self.setup.address, "operation", key=job.key, operation=what)
        if answer["number"] is None:
            raise RobotOffline(f"{self.setup.address} was stopped")
        well = well_of(operation)
        return _reading(well, answer["number"]) if operation.reads and well else None

    async def halt(self) -> None:
        """Stop the arm."""
        await ask(self.setup.address, "stop")
