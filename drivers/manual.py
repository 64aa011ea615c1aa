"""The manual driver: a person as a robot.

A job becomes a checklist whose items the person does and confirms.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from drivers.base import Capabilities, DriverError, KeyMemory, RobotOffline, RobotSetup
from drivers.capabilities import Limits
from drivers.job_book import JobBook
from drivers.refusal import refuse_unfit
from protocols.image_formats import ImageNotRead
from protocols.images import read_image
from protocols.jobs import Job, JobReport, Reading
from protocols.labware import known_labware
from protocols.operations import OPERATIONS, Operation, well_of
from protocols.plate_table import read_whole_plate
from protocols.traces import read_trace_table
from protocols.wells import well_name

_THINGS = {
    "image": "an image",
    "number": "a number",
    "plate": "a table of the plate",
    "trace": "a trace",
}


class ManualOptions(BaseModel):
    """Options of a person in a campaign or lab file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: str = Field("", description="who is meant, for checklists and reminders")
    remind_after_h: float = Field(
        1.0, gt=0, description="hours after the job was due when the reminder begins"
    )


class ManualRobot:
    """A person at the bench: jobs become checklists, confirmed with `wellwise manual`.

    The checklist lies in the job book below wellwise's home, so any process on this computer may
    confirm items; what was confirmed is kept whatever happens to wellwise.
    """

    Options: ClassVar[type[BaseModel]] = ManualOptions
    simulated: ClassVar[bool] = False

    def __init__(self, setup: RobotSetup) -> None:
        self._setup = setup
        self._options: ManualOptions = setup.options
        self._book: JobBook | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Everything, within the lab's limits: what is read is given with `Checklist.read`."""
        able: Limits = {kind: {} for kind in OPERATIONS}
        everything = Capabilities(
            operations=able,
            labware=frozenset(known_labware()),
            defined_labware=True,
            memory=KeyMemory.REMEMBERS_KEYS,
        )
        return everything.narrowed(self._setup.limits)

    async def connect(self) -> None:
        """Open the job book."""
        if self._book is None:
            self._book = JobBook(
                book_path(self._setup.home, self._setup.name), now=self._setup.clock.now()
            )

    async def submit(self, job: Job) -> None:
        """Put a checklist on the person's table."""
        book = self._opened()
        refuse_unfit(self._setup.name, self.capabilities, job)
        book.take(job)

    async def poll(self, key: str) -> JobReport:
        """How many items are confirmed; a reminder once it is late."""
        book = self._opened()
        report = book.report(key)
        if report is None:
            return book.never_took(key)
        if report.state != "running":
            return report
        reminder = self._reminder(book.job(key))
        return report.model_copy(update={"message": reminder})

    async def stop(self) -> None:
        """Take the checklists away."""
        book = self._opened()
        book.stop(self._setup.clock.now())

    async def close(self) -> None:
        """Close the job book; the checklists stay."""
        if self._book is not None:
            self._book.close()
            self._book = None

    def _opened(self) -> JobBook:
        if self._book is None:
            raise RobotOffline(f"robot {self._setup.name} is not connected")
        return self._book

    def _reminder(self, job: Job) -> str:
        late = self._setup.clock.now() - job.due_at
        if late < timedelta(hours=self._options.remind_after_h):
            return ""
        until = job.due_at + timedelta(seconds=job.tolerance_s)
        who = self._options.person or self._setup.name
        return (
            f"{who} is reminded: it was due at {job.due_at:%Y-%m-%d %H:%M}, and may be begun "
            f"until {until:%H:%M}"
        )


class Checklist:
    """The items of one person's jobs, to be done and confirmed one by one."""

    def __init__(self, home: Path, robot: str) -> None:
        """Open the person's job book.

        Raises:
            DriverError: nobody of that name ever had a job.
        """
        path = book_path(home, robot)
        if not path.is_file():
            names = sorted(file.stem for file in path.parent.glob("*.sqlite"))
            raise DriverError(
                f"{robot} has no checklist (expected one of {', '.join(names) or 'none yet'})"
            )
        self._robot = robot
        self._book = JobBook(path)

    def close(self) -> None:
        """Close the job book."""
        self._book.close()

    def open_jobs(self) -> list[tuple[Job, JobReport]]:
        """Jobs that are not over, oldest first."""
        return list(self._book.running())

    def items(self, job: Job) -> list[tuple[int, str, bool]]:
        """Every item (from 1) in words, and whether it is confirmed."""
        done = self._book.done(job.key)
        return [
            (n, operation.in_words(), n - 1 in done)
            for n, operation in enumerate(job.operations, 1)
        ]

    def confirm(self, key: str, numbers: Sequence[int], at: datetime) -> JobReport:
        """Say that items were done (from 1; none given: all that need no reading).

        Raises:
            DriverError: there is no such job or item, or a reading is missing for it.
        """
        job = self._open_job(key)
        wanted = list(numbers) or [n for n, op in enumerate(job.operations, 1) if op.reads is None]
        for number in wanted:
            kind = self._item(job, number).reads
            if kind is not None:
                command = "image" if kind == "image" else "read"
                raise DriverError(
                    f"item {number} of {key} is {_THINGS[kind]}: give it with wellwise manual "
                    f"{command}"
                )
        for number in wanted:
            self._book.end(key, number - 1, None)
        return self._conclude(job, at)

    def read(
        self,
        key: str,
        number: int,
        given: float | bytes,
        at: datetime,
        unit: str = "",
        file_name: str = "",
        as_it_is: bool = False,
    ) -> JobReport:
        """Give what an item (from 1) read: a number, or the bytes of a file.

        A file is read as what the item gives: an image, a table of the plate, or a trace. With
        `as_it_is` it is kept as its vendor wrote it, whatever is in it.

        Raises:
            DriverError: there is no such item, or it reads something else.
            InvalidInput: the table cannot be read.
        """
        job = self._open_job(key)
        operation = self._item(job, number)
        if operation.reads is None:
            raise DriverError(f"item {number} of {key} reads nothing: confirm it")
        well, kind = operation.well_name or "", operation.reads
        where = file_name or f"item {number}"
        if isinstance(given, float | int):
            if not math.isfinite(given):
                raise DriverError(f"{given} is not a finite number")
            if kind != "number":
                raise DriverError(f"item {number} of {key} is {_THINGS[kind]}, not a number")
            reading = Reading(well=well, kind="number", number=given, unit=unit)
        elif as_it_is:
            reading = Reading(well=well, kind="file", file=given, file_name=file_name)
        elif kind == "image":
            reading = _image(well, given)
        elif kind == "plate":
            numbers = read_whole_plate(_text(given, where), where)
            reading = Reading(kind="plate", numbers=numbers, unit=unit)
        elif kind == "trace":
            trace = read_trace_table(_text(given, where), where)
            reading = Reading(well=well, kind="trace", trace=trace)
        else:
            raise DriverError(f"item {number} of {key} is a number, not a file")
        self._book.end(key, number - 1, reading)
        return self._conclude(job, at)

    def image(self, key: str, well: str, picture: bytes, at: datetime) -> JobReport:
        """Give the image of a well as the camera gave it, in any format that can be read.

        Raises:
            DriverError: the job images no such well, or the image cannot be read.
        """
        job = self._open_job(key)
        well = well_name(well) or well
        reading, done = _image(well, picture), self._book.done(key)
        imaged = [
            position
            for position, operation in enumerate(job.operations)
            if operation.reads == "image" and well_of(operation) == well
        ]
        if imaged:
            # Of several images of a well the first that is missing, or else the last.
            position = next((n for n in imaged if n not in done), imaged[-1])
            self._book.end(key, position, reading)
            return self._conclude(job, at)
        known = [op.well_name or "" for op in job.operations if op.reads == "image"]
        raise DriverError(
            f"{key} images no well {well} (expected one of {', '.join(known) or 'none'})"
        )

    def fail(self, key: str, well: str, why: str, at: datetime) -> JobReport:
        """Say that a well went wrong: it is lost, and its other items need no confirmation.

        Raises:
            DriverError: the job does not work on it.
        """
        job = self._open_job(key)
        well = well_name(well) or well
        if well not in job.wells:
            raise DriverError(
                f"{key} does not work on {well} (expected one of {', '.join(job.wells)})"
            )
        report = self._report(key)
        self._book.write(
            report.model_copy(update={"failed_wells": report.failed_wells | {well: why}})
        )
        return self._conclude(job, at)

    def _item(self, job: Job, number: int) -> Operation:
        if not 1 <= number <= len(job.operations):
            raise DriverError(
                f"{job.key} has no item {number} (expected 1 to {len(job.operations)})"
            )
        return job.operations[number - 1]

    def _open_job(self, key: str) -> Job:
        found = {job.key: job for job, _ in self._book.running()}
        if key not in found:
            raise DriverError(
                f"{self._robot} has no open job {key} (expected one of "
                f"{', '.join(found) or 'none'})"
            )
        return found[key]

    def _report(self, key: str) -> JobReport:
        report = self._book.report(key)
        assert report is not None
        return report

    def _conclude(self, job: Job, at: datetime) -> JobReport:
        """The job is done when every item is, but for wells that went wrong."""
        report = self._report(job.key)
        done = self._book.done(job.key)
        left = [
            n
            for n, op in enumerate(job.operations)
            if n not in done and well_of(op) not in report.failed_wells
        ]
        if not left:
            report = report.model_copy(update={"state": "done", "ended_at": at})
            self._book.write(report)
        return report


def book_path(home: Path, robot: str) -> Path:
    """Where a person's job book is kept, apart from those of devices."""
    return home / "people" / f"{robot}.sqlite"


def _image(well: str, picture: bytes) -> Reading:
    try:
        read_image(picture)
    except ImageNotRead as error:
        raise DriverError(f"the image of {well} cannot be read: {error}") from None
    return Reading(well=well, kind="image", image=picture)


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DriverError(
            f"{where} is no text (expected CSV, or --as-it-is to keep it as it came)"
        ) from None
