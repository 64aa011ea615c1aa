"""Equipment that says what it did, an honest driver of it, and drivers that are subtly bad."""

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator
from datetime import datetime

from drivers.base import Capabilities, JobRefused, KeyConflict, KeyMemory, RobotSetup
from drivers.clock import RealClock
from drivers.device import Device, OperationFailed
from drivers.telemetry import Measurement
from drivers.twin import Done, Twin
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Dispense, Image, Incubate, Operation


class Equipment:
    """A plate with liquid, done to by a device that takes 20 ms for an operation."""

    def __init__(self) -> None:
        self.did: list[Done] = []
        self.broken = self.off = False
        self.reads = 0
        self.moving = False

    async def _move(self, seconds: float) -> None:
        self.moving = True
        try:
            await asyncio.sleep(seconds)
        finally:
            self.moving = False

    async def dispense(self, well: str, volume_ul: float) -> None:
        """Give out a volume."""
        began_at = time.time()
        await self._move(0.02)
        if self.off:
            raise ConnectionError("it was switched off")
        if self.broken:
            self.broken = False
            raise OSError("E7: no pressure")
        self.did.append(Done("dispense", well, volume_ul, began_at, time.time()))

    async def incubate(self, seconds: float) -> None:
        """Wait on the heater."""
        began_at = time.time()
        await self._move(min(seconds, 0.06))
        self.did.append(Done("incubate", None, seconds, began_at, time.time()))

    def value(self, well: str) -> float:
        """What its reader reads in a well: by its name, and how much was ever done."""
        return float(int(well[1:])) + len(self.did)

    def crash(self) -> None:
        """Off and on."""
        self.off = True
        asyncio.get_running_loop().call_later(0.1, self._on)

    def _on(self) -> None:
        self.off = False


equipment = Equipment()


class Honest(Device):
    """Does what the job says."""

    able = Capabilities(
        operations={
            "dispense": {"volume_ul": (1, 100)},
            "incubate": {"duration_s": (0, 4)},
            "image": {},
        },
        memory=KeyMemory.REMEMBERS_KEYS,
        stop_s=2.0,
    )

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        """One operation."""
        if isinstance(operation, Dispense):
            await self.dispense(operation.well, operation.volume_ul)
        if isinstance(operation, Incubate):
            await equipment.incubate(operation.duration_s)
        if isinstance(operation, Image):
            return self.reading(operation.well)
        return None

    async def dispense(self, well: str, volume_ul: float) -> None:
        """Give out a volume."""
        try:
            await equipment.dispense(well, volume_ul)
        except OSError as error:
            raise OperationFailed(str(error)) from None

    def reading(self, well: str) -> Reading:
        """What is in a well."""
        return Reading(well=well, kind="number", number=equipment.value(well), unit="AU")

    async def halt(self) -> None:
        """Nothing moves after an operation."""


class DoneEarly(Honest):
    """Says done as soon as its device has heard of it."""

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        if isinstance(operation, Incubate):
            self.waiting = asyncio.create_task(self.later(operation.duration_s))
            return None
        return await super().perform(operation, job)

    async def later(self, seconds: float) -> None:
        """Slower than any check, however busy the computer is."""
        await asyncio.sleep(60.0)
        await equipment.incubate(seconds)


class HalfOfTheReadings(Honest):
    """Keeps the readings of every other well."""

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        reading = await super().perform(operation, job)
        return None if reading is not None and int(reading.well[1:]) % 2 == 0 else reading


class ReadingsOfAnotherWell(Honest):
    """Reads each well's neighbour."""

    def reading(self, well: str) -> Reading:
        return super().reading(f"A{int(well[1:]) % 4 + 1}").model_copy(update={"well": well})


class HandedOutOnce(Honest):
    """Has its readings until somebody has asked."""

    async def poll(self, key: str) -> JobReport:
        report = await super().poll(key)
        if report.state == "done":
            handed = self.__dict__.setdefault("handed", set())
            if key in handed:
                return report.model_copy(update={"readings": ()})
            handed.add(key)
        return report


class SecondsAsMilliseconds(Honest):
    """Takes its heater's milliseconds for seconds."""

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        if isinstance(operation, Incubate):
            await equipment.incubate(operation.duration_s / 1000)
            return None
        return await super().perform(operation, job)


class ClippedVolume(Honest):
    """Gives out at most what its syringe holds."""

    async def dispense(self, well: str, volume_ul: float) -> None:
        await super().dispense(well, min(volume_ul, 80.0))


class TwoJobsAtOnce(Honest):
    """Begins each job as soon as it has it."""

    def __init__(self, setup: RobotSetup) -> None:
        super().__init__(setup)
        self._turn = self._one_job = contextlib.nullcontext()  # type: ignore[assignment]


class LeakedTask(Honest):
    """Watches each job for ever."""

    async def submit(self, job: Job) -> None:
        if not hasattr(self, "watching"):
            self.watching = asyncio.create_task(asyncio.sleep(3600))
        await super().submit(job)


class BeyondItsLimits(Honest):
    """Never looks at what it declares."""

    async def submit(self, job: Job) -> None:
        if job.labware not in self.able.labware:
            raise JobRefused("no such labware")
        if self._opened().take(job):
            self._start(job)


class NotANumber(Honest):
    """Reads nothing where its reader has no signal."""

    def reading(self, well: str) -> Reading:
        return super().reading(well).model_copy(update={"number": math.nan})


class LastJobsValue(Honest):
    """Has the value of a well from when it first read it."""

    def reading(self, well: str) -> Reading:
        known: dict[str, Reading] = self.__dict__.setdefault("known", {})
        return known.setdefault(well, super().reading(well))


class NaiveTimes(Honest):
    """Writes down the time on the wall."""

    async def poll(self, key: str) -> JobReport:
        report = await super().poll(key)
        ended = report.ended_at
        return report.model_copy(update={"ended_at": ended and datetime.now()})


class SwallowedErrors(Honest):
    """Goes on whatever its device says."""

    async def dispense(self, well: str, volume_ul: float) -> None:
        try:
            await equipment.dispense(well, volume_ul)
        except OSError:
            return


class AnotherContent(Honest):
    """Knows a job by its key alone."""

    async def submit(self, job: Job) -> None:
        try:
            await super().submit(job)
        except KeyConflict:
            return


class SurvivesItsDevice(Honest):
    """Believes that its device has done what it had heard when it was switched off."""

    async def dispense(self, well: str, volume_ul: float) -> None:
        try:
            await equipment.dispense(well, volume_ul)
        except ConnectionError:
            return
        except OSError as error:
            raise OperationFailed(str(error)) from None


class MovesToMeasure(Honest):
    """Gives out a drop to know its pressure."""

    async def telemetry(self) -> list[Measurement]:
        await equipment.dispense("A1", 1)
        return [Measurement("pressure", 101.3, "kPa")]


class NoUnit(Honest):
    """Measures in a unit of its own."""

    async def telemetry(self) -> list[Measurement]:
        return [Measurement("pressure", 101.3, "strokes")]


BAD: list[tuple[type[Honest], str, str]] = [
    (MovesToMeasure, "what it measures of itself", "it did something because it was asked"),
    (NoUnit, "what it measures of itself", "it measures pressure in 'strokes' is not a unit"),
    (DoneEarly, "what it says of a job is true under load", "operations were not"),
    (HalfOfTheReadings, "its readings are of its wells", "it has readings of A1, A3; A1, A2"),
    (ReadingsOfAnotherWell, "its readings are of its wells", "it read "),
    (HandedOutOnce, "a finished job stays as it is", "with 2 readings, and then done with 0"),
    (SecondsAsMilliseconds, "it does what the job says", "0.001 was done for 1"),
    (ClippedVolume, "it does what the job says", "dispense A1: 80 was done for 100"),
    (TwoJobsAtOnce, "one job is done after the other", "began before "),
    (LeakedTask, "a closed driver leaves nothing behind", "tasks run on after close"),
    (BeyondItsLimits, "it refuses what is beyond its own limits", "and declares 1 to 100"),
    (NotANumber, "its readings are of its wells", "its reading of A1 is None"),
    (LastJobsValue, "its readings are of its wells", "it read "),
    (NaiveTimes, "its times have a zone", "in no time zone"),
    (SwallowedErrors, "a fault of the device is not reported as done", "reported as done"),
    (AnotherContent, "a key stands for its content", "took another job under the key"),
    (SurvivesItsDevice, "a device that dies in the middle of a job", "its equipment did"),
]
"""Each bad driver, the check that catches it, and what that has seen."""


@contextlib.contextmanager
def twin() -> Iterator[Twin]:
    """The equipment, anew."""
    equipment.__init__()  # type: ignore[misc]

    def break_next() -> None:
        equipment.broken = True

    yield Twin(
        clock=RealClock(),
        performed=lambda: len(equipment.did),
        did=lambda: list(equipment.did),
        expected=equipment.value,
        break_next=break_next,
        crash=equipment.crash,
        moving=lambda: equipment.moving,
    )


__all__ = ["BAD", "Honest", "equipment", "twin"]
