"""The checklist of a person: the items of their jobs, to be done and confirmed one by one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from drivers.base import DriverError
from drivers.item_readings import (
    THINGS,
    ItemsRefused,
    in_words,
    item_problem,
    no_item,
    reading_of,
)
from drivers.job_book import JobBook
from protocols.errors import Problem
from protocols.jobs import Job, JobReport, Reading
from protocols.operations import Operation, well_of
from protocols.wells import well_name


class Said(BaseModel):
    """Who said something about an item or a well, when, and what they gave for it in words."""

    model_config = ConfigDict(frozen=True)

    who: str = ""
    at: datetime
    what: str = ""

    @property
    def by(self) -> str:
        """Who it was, for a sentence."""
        return self.who or "somebody"

    @property
    def when(self) -> str:
        """When that was, for a sentence."""
        return f"{self.at.astimezone():%H:%M}"


class Item(NamedTuple):
    """An item of a checklist (from 1) in words, and who said of it that it was done."""

    number: int
    words: str
    done: bool
    operation: Operation
    said: Said | None = None


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

    def report(self, key: str) -> JobReport | None:
        """How far a job is, or how it ended; None if the person never had it."""
        return self._book.report(key)

    def items(self, job: Job) -> list[Item]:
        """Every item (from 1) in words, whether it is confirmed, and by whom."""
        done, said = self._book.done(job.key), self._said(job.key)
        return [
            Item(n, operation.in_words(), n - 1 in done, operation, said.get(f"item {n}"))
            for n, operation in enumerate(job.operations, 1)
        ]

    def failed_by(self, key: str) -> dict[str, Said]:
        """Who said which well of a job went wrong."""
        marked = ((name.removeprefix("well "), said) for name, said in self._said(key).items())
        return {well: said for well, said in marked if not well.startswith("item ")}

    def confirm(self, key: str, numbers: Sequence[int], at: datetime, who: str = "") -> JobReport:
        """Say that items were done (from 1; none given: all that are left and need no reading).

        To say it twice is harmless.

        Raises:
            ItemsRefused: there is no such item, a reading is missing for it, or somebody else has
                confirmed it meanwhile, or said that its well went wrong.
            DriverError: there is no such job, or it is over.
        """
        job = self._open_job(key)
        items, failed = self.items(job), self._report(key).failed_wells
        wanted = list(numbers) or [
            item.number
            for item in items
            if item.operation.reads is None
            and not item.done
            and well_of(item.operation) not in failed
        ]
        problems = [self._confirmable(job, items, failed, number, who) for number in wanted]
        self._refuse(problems)
        for number in wanted:
            if not items[number - 1].done:
                self._end(key, number, None, Said(who=who, at=at))
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
        who: str = "",
        replace: bool = False,
        block: str = "",
    ) -> JobReport:
        """Give what an item (from 1) read: a number, or the bytes of a file.

        A file is read as what the item gives: an image, a table of the plate, or a trace. With
        `as_it_is` it is kept as its vendor wrote it, whatever is in it. `block` says which of
        several reads of a table is meant, by its name or number, where the item does not.

        Raises:
            ItemsRefused: there is no such item, it reads something else, or somebody else has given
                something for it; with `replace` what they gave gives way.
            DriverError: there is no such job, or it is over.
            InvalidInput: the table cannot be read.
        """
        job = self._open_job(key)
        reading = reading_of(job, number, given, unit, file_name, as_it_is, block)
        return self.give(key, {number: reading}, at, who, replace)

    def give(
        self,
        key: str,
        readings: Mapping[int, Reading],
        at: datetime,
        who: str = "",
        replace: bool = False,
    ) -> JobReport:
        """Give the readings of items (from 1), all of them or none; again the same is harmless.

        Raises:
            ItemsRefused: somebody else has given something for one of them, and it is not to be
                replaced, or its well went wrong.
            DriverError: there is no such job, or it is over.
        """
        job = self._open_job(key)
        items, failed = self.items(job), self._report(key).failed_wells
        if not replace:
            self._refuse(self._lost_to(item, failed, who) for item in _of(items, readings))
        for number, reading in readings.items():
            self._end(key, number, reading, Said(who=who, at=at, what=in_words(reading)))
        return self._conclude(job, at)

    def image(self, key: str, well: str, picture: bytes, at: datetime, who: str = "") -> JobReport:
        """Give the image of a well as the camera gave it, in any format that can be read.

        Raises:
            DriverError: the job images no such well, or the image cannot be read.
        """
        job = self._open_job(key)
        well = well_name(well) or well
        done = self._book.done(key)
        imaged = [
            position
            for position, operation in enumerate(job.operations)
            if operation.reads == "image" and well_of(operation) == well
        ]
        if imaged:
            # Of several images of a well the first that is missing, or else the last.
            position = next((n for n in imaged if n not in done), imaged[-1])
            return self.read(key, position + 1, picture, at, who=who)
        known = [op.well_name or "" for op in job.operations if op.reads == "image"]
        raise DriverError(
            f"{key} images no well {well} (expected one of {', '.join(known) or 'none'})"
        )

    def fail(self, key: str, well: str, why: str, at: datetime, who: str = "") -> JobReport:
        """Say that a well went wrong: it is lost, and its other items need no confirmation.

        Raises:
            DriverError: the job does not work on it, or somebody else has said so.
        """
        job = self._open_job(key)
        well = well_name(well) or well
        if well not in job.wells:
            raise DriverError(
                f"{key} does not work on {well} (expected one of {', '.join(job.wells)})"
            )
        report, before = self._report(key), self.failed_by(key).get(well)
        if well in report.failed_wells and before is not None and before.who != who:
            raise DriverError(
                f"{before.by} said at {before.when} that {well} went wrong: "
                f"{report.failed_wells[well]}"
            )
        self._book.note(key, f"well {well}", Said(who=who, at=at, what=why).model_dump_json())
        self._book.write(
            report.model_copy(update={"failed_wells": report.failed_wells | {well: why}})
        )
        return self._conclude(job, at)

    def take_back(self, key: str, numbers: Sequence[int]) -> None:
        """Say that items (from 1) that were confirmed were not done; they are open again.

        Raises:
            ItemsRefused: there is no such item.
            DriverError: there is no such job, or it is over.
        """
        job = self._open_job(key)
        absent = [n for n in numbers if not 1 <= n <= len(job.operations)]
        self._refuse(item_problem(number, no_item(job, number)) for number in absent)
        for number in numbers:
            self._book.forget(key, number - 1)

    def _confirmable(
        self, job: Job, items: Sequence[Item], failed: Mapping[str, str], number: int, who: str
    ) -> Problem | None:
        if not 1 <= number <= len(items):
            return item_problem(number, no_item(job, number))
        item = items[number - 1]
        kind = item.operation.reads
        if kind is None:
            return self._lost_to(item, failed, who)
        command = "image" if kind == "image" else "read"
        return item_problem(
            number,
            f"item {number} of {job.key} is {THINGS[kind]}: give it with wellwise manual {command}",
        )

    def _lost_to(self, item: Item, failed: Mapping[str, str], who: str) -> Problem | None:
        """That somebody else was faster, if so."""
        well, said = well_of(item.operation) or "", item.said
        if item.done and said is not None and said.who != who:
            what = f"gave {said.what} for" if said.what else "confirmed"
            return item_problem(item.number, f"{said.by} {what} item {item.number} at {said.when}")
        if well in failed and not item.done:
            return item_problem(
                item.number, f"{well} went wrong ({failed[well]}): item {item.number} is not needed"
            )
        return None

    @staticmethod
    def _refuse(problems: Iterable[Problem | None]) -> None:
        found = [problem for problem in problems if problem is not None]
        if found:
            raise ItemsRefused(found)

    def _end(self, key: str, number: int, reading: Reading | None, said: Said) -> None:
        # Who says it before that it is done: what was said of an item that is open counts nothing.
        self._book.note(key, f"item {number}", said.model_dump_json())
        self._book.end(key, number - 1, reading)

    def _said(self, key: str) -> dict[str, Said]:
        notes = self._book.notes_of(key).items()
        return {
            name: Said.model_validate_json(text)
            for name, text in notes
            if name.startswith(("item ", "well "))
        }

    def _open_job(self, key: str) -> Job:
        found = {job.key: job for job, _ in self._book.running()}
        if key in found:
            return found[key]
        report = self._book.report(key)
        if report is not None:
            when = "" if report.ended_at is None else f" since {report.ended_at.astimezone():%H:%M}"
            why = f": {report.message}" if report.message else ""
            raise DriverError(f"{key} is over, {report.state}{when}{why}")
        raise DriverError(
            f"{self._robot} has no open job {key} (expected one of {', '.join(found) or 'none'})"
        )

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


def _of(items: Sequence[Item], numbers: Mapping[int, Reading]) -> list[Item]:
    return [item for item in items if item.number in numbers]
