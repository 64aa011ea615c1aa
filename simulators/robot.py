"""The virtual robot: the driver contract on a virtual lab that robots share."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from drivers.base import Capabilities, KeyConflict, KeyMemory, RobotOffline, RobotSetup
from drivers.capabilities import Limits
from drivers.refusal import refuse_unfit
from drivers.telemetry import Measurement
from protocols.images import write_png
from protocols.jobs import Job, JobReport, Reading
from protocols.labware import known_labware
from protocols.operations import OPERATIONS, Record, well_of
from protocols.operations.heat import Cool, Heat
from simulators.camera import Spoil, render_well
from simulators.cultures import CULTURES, TRACES, CultureName
from simulators.instruments import absorbance, number_of, plate_reading, trace_of
from simulators.robot_log import RobotLog
from simulators.variation import random_stream, with_variation


class Fault(BaseModel):
    """A failure that is to happen once: in one well, of a whole job, or of the line.

    `disconnect` drops the line when the job is submitted, before or after the robot received it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["well", "job", "disconnect"]
    round: int = Field(ge=1)
    plate: int = Field(ge=1)
    step: str
    occurrence: int = Field(1, ge=1)
    well: str = ""
    heard: bool = False

    def meets(self, job: Job) -> bool:
        """Whether it is meant for this job."""
        return (self.round, self.plate, self.step, self.occurrence) == (
            job.round,
            job.plate,
            job.step,
            job.occurrence,
        )


class SimulatedOptions(BaseModel):
    """Options of a virtual robot in a campaign or lab file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lab: str = Field(
        "virtual",
        pattern=r"^[A-Za-z0-9_-]+$",
        description="robots of the same lab work on the same cells",
    )
    culture: CultureName = Field(
        "ipsc-rpe", description="the cells or the assay in the lab's wells"
    )
    faults: tuple[Fault, ...] = Field((), description="failures that are to happen, each once")
    memory: KeyMemory = Field(
        KeyMemory.REMEMBERS_KEYS, description="what it can say about a key after a crash"
    )
    spoilt_images: float = Field(
        0.0, ge=0, le=1, description="share of images that are out of focus or over-exposed"
    )


class SimulatedRobot:
    """A robot that takes simulated time and logs what it physically did.

    It does jobs one after the other. On a virtual clock a job is over when `submit` returns and its
    times lie ahead of the clock; on the real clock it really takes them.

    With `memory` it plays robots that know less: one that knows what it never got but not how far
    an interrupted job came, and one that keeps no record of keys at all and would do a job again if
    it were sent again.
    """

    Options: ClassVar[type[BaseModel]] = SimulatedOptions
    simulated: ClassVar[bool] = True

    def __init__(self, setup: RobotSetup) -> None:
        self._setup = setup
        self._options: SimulatedOptions = setup.options
        self._clock = setup.clock
        self._log: RobotLog | None = None
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: set[str] = set()
        """The keys of this connection: all that a robot without memory has."""

    @property
    def capabilities(self) -> Capabilities:
        """Every operation on every labware, within the lab's limits; the memory of its options."""
        able: Limits = {kind: {} for kind in OPERATIONS}
        everything = Capabilities(
            operations=able,
            labware=frozenset(known_labware()),
            defined_labware=True,
            memory=self._options.memory,
        )
        return everything.narrowed(self._setup.limits)

    async def connect(self) -> None:
        """Open the log; jobs that were under way when the robot died go on if it remembers them."""
        if self._log is None:
            self._log = RobotLog(lab_log_path(self._setup.home, self._options.lab))
            for report in self._log.running(self._setup.name):
                if self._options.memory is KeyMemory.REMEMBERS_KEYS:
                    await self._start(self._log.job(report.key))
                else:
                    message = (
                        "the robot was restarted in the middle of it and does not know how "
                        "far it came"
                    )
                    self._log.update_report(
                        report.model_copy(update={"state": "in_doubt", "message": message})
                    )

    async def submit(self, job: Job) -> None:
        """Take a job; the same key again is the same job."""
        log = self._connected()
        for fault in self._faults(job, "disconnect"):
            if not fault.heard and log.take_fault(fault.model_dump_json()):
                self._told.clear()
                raise RobotOffline(
                    f"robot {self._setup.name} does not answer (injected, before it received "
                    f"{job.key})"
                )
        if (known := self._known(log, job.key)) is not None and known.content != job.content:
            raise KeyConflict(
                f"robot {self._setup.name} has another job under the key {job.key}: nothing was "
                "done"
            )
        if not self._knows(log, job.key):
            refuse_unfit(self._setup.name, self.capabilities, job)
            log.record_job(job, JobReport(key=job.key, state="running"))
            self._told.add(job.key)
            await self._start(job)
        for fault in self._faults(job, "disconnect"):
            if fault.heard and log.take_fault(fault.model_dump_json()):
                self._told.clear()
                raise RobotOffline(
                    f"robot {self._setup.name} does not answer (injected, after it received "
                    f"{job.key})"
                )

    async def poll(self, key: str) -> JobReport:
        """The log's record of a job, as far as this robot can read it."""
        log = self._connected()
        if not self._knows(log, key):
            if self._options.memory is KeyMemory.CANNOT_SAY:
                return JobReport(
                    key=key, state="in_doubt", message="the robot keeps no record of jobs"
                )
            return JobReport(key=key, state="unknown")
        report, job = log.report(key), self._known(log, key)
        if report is None or job is None:
            return JobReport(key=key, state="unknown")
        return report.model_copy(update={"content": job.content})

    def _known(self, log: RobotLog, key: str) -> Job | None:
        return log.job(key) if self._knows(log, key) and log.report(key) is not None else None

    def _knows(self, log: RobotLog, key: str) -> bool:
        if self._options.memory is KeyMemory.CANNOT_SAY:
            return key in self._told
        return log.report(key) is not None

    async def telemetry(self) -> list[Measurement]:
        """The temperature to which it has brought the plate of its running job, if it has."""
        log = self._connected()
        heated = [
            done.operation.temperature_c
            for report in log.running(self._setup.name)
            for done in log.of_job(report.key)
            if isinstance(done.operation, Heat | Cool)
        ]
        return [Measurement("plate temperature", heated[-1], "degC")] if heated else []

    async def stop(self) -> None:
        """Stop at once; jobs under way end as failed after their last finished operation."""
        log = self._connected()
        for task in self._tasks:
            task.cancel()
        for report in log.running(self._setup.name):
            log.update_report(
                report.model_copy(update={"state": "failed", "message": "stopped by the operator"})
            )

    async def close(self) -> None:
        """Close the line. A job under way on the real clock goes on at the next connect."""
        for task in self._tasks:
            task.cancel()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _connected(self) -> RobotLog:
        if self._log is None:
            raise RobotOffline(f"robot {self._setup.name} is not connected")
        return self._log

    def _faults(self, job: Job, kind: str) -> Iterator[Fault]:
        return (fault for fault in self._options.faults if fault.kind == kind and fault.meets(job))

    async def _start(self, job: Job) -> None:
        if self._clock.virtual:
            await self._perform(job)
        else:
            task = asyncio.create_task(self._perform(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _perform(self, job: Job) -> None:
        async with self._one_at_a_time:
            log = self._connected()
            report = log.report(job.key)
            if report is None or report.over:
                return
            remembers = self._options.memory is KeyMemory.REMEMBERS_KEYS
            done = {performed.position for performed in log.of_job(job.key)} if remembers else set()
            # Every campaign has a virtual time of its own; in real time a robot is busy for all of
            # them.
            busy = (
                f"{self._setup.name} in {job.plate_id.split('/')[0]}"
                if self._clock.virtual
                else self._setup.name
            )
            now = max(self._clock.now(), log.free_at(busy) or self._clock.now())
            undelayed_end = now
            failed = dict(report.failed_wells)
            readings = list(report.readings)
            broken = {fault.well: "machine error (injected)" for fault in self._faults(job, "well")}
            if any(self._faults(job, "job")):
                log.update_report(
                    JobReport(
                        key=job.key,
                        state="failed",
                        message="machine error (injected)",
                        ended_at=now,
                    )
                )
                return
            for position, operation in enumerate(job.operations):
                well = well_of(operation)
                # An image that was taken but not yet kept when the robot died is taken again.
                if position in done and not operation.repeatable:
                    continue
                if well in broken:
                    failed[well] = broken[well]
                    continue
                started_at, delay_s = now, operation.delay_s
                if delay_s is not None:
                    started_at = max(now, undelayed_end + timedelta(seconds=delay_s))
                now = started_at + timedelta(seconds=operation.nominal_s)
                if delay_s is None:
                    undelayed_end = now
                if not self._clock.virtual:
                    await self._clock.sleep_until(now)
                log.record_operation(job, position, well, started_at, now, operation)
                log.set_free_at(busy, now)
                if operation.reads is not None:
                    readings.append(await asyncio.to_thread(self._read, log, job, position))
            log.update_report(
                JobReport(
                    key=job.key,
                    state="done",
                    operations_done=len(job.operations)
                    - sum(well_of(op) in failed for op in job.operations),
                    failed_wells=failed,
                    readings=tuple(readings),
                    ended_at=now,
                )
            )

    def _read(self, log: RobotLog, job: Job, position: int) -> Reading:
        """What the instrument of an operation reads; the same again after a crash."""
        operation = job.operations[position]
        if operation.reads == "plate":
            plate = job.definition.wells
            numbers = {
                name: absorbance(self._ratio(log, job, name), self._noise(job, name, position))
                for name in plate
            }
            return plate_reading(numbers)
        well = well_of(operation)
        assert well is not None
        if operation.reads == "image":
            return self._photograph(log, job, well)
        ratio, rng = self._ratio(log, job, well), self._noise(job, well, position)
        history = log.history(job.plate_id, well)
        if isinstance(operation, Record):
            traced = TRACES.get(self._options.culture)
            trace = traced(history, operation, rng) if traced else trace_of(ratio, operation, rng)
            return Reading(well=well, kind="trace", trace=trace)
        number, unit = number_of(operation, ratio, history, rng)
        return Reading(well=well, kind="number", number=number, unit=unit)

    def _ratio(self, log: RobotLog, job: Job, well: str) -> float:
        """What the culture has become in a well, with the chance of this well."""
        history = log.history(job.plate_id, well)
        truth = CULTURES[self._options.culture](history)
        return with_variation(truth, self._setup.seed, job.round, job.plate, well)

    def _noise(self, job: Job, well: str, position: int) -> np.random.Generator:
        place = f"{_without_attempt(job.key)}/{position}/{well}"
        return random_stream(self._setup.seed, "instrument", place)

    def _photograph(self, log: RobotLog, job: Job, well: str) -> Reading:
        seed = self._setup.seed
        history = log.history(job.plate_id, well)
        # A second look at a well is another picture of it; the same look, taken again after a
        # crash, is the same one.
        photographed = {
            _without_attempt(done.key) for done in history if done.operation.reads == "image"
        }
        looks = len(photographed - {_without_attempt(job.key)})
        place = f"{job.round}/{job.plate}/{well}" + (f"/{looks}" if looks else "")
        ratio = self._ratio(log, job, well)
        rng = random_stream(seed, "camera", place)
        spoil: Spoil | None = None
        if rng.random() < self._options.spoilt_images:
            spoil = "blur" if rng.random() < 0.5 else "exposure"
        image = render_well(ratio, rng, spoil)
        return Reading(well=well, kind="image", image=write_png(image))


def _without_attempt(key: str) -> str:
    """The key of a job, whichever attempt at it this is (`rpe/r1/p3/imaging/1#2`)."""
    return re.split("[#@]", key)[0]


def lab_log_path(home: Path, lab: str) -> Path:
    """Where the log of a virtual lab lies below wellwise's home."""
    return home / "virtual-labs" / f"{lab}.sqlite"
