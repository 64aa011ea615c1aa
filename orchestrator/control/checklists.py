"""Acts on the checklist of a person: items done, what they read, wells that went wrong."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, ClassVar, NamedTuple

from pydantic import Field, StringConstraints

from drivers.checklist import Checklist
from drivers.item_readings import reading_of
from orchestrator.control.act import Act, Acting, JobKey, Typed
from orchestrator.core.by import PRINTED
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState
from orchestrator.errors import JournalError, Missing
from orchestrator.journal.queries import wells_on
from orchestrator.lab.lab import Lab
from protocols.addresses import JobAddress, parse_address
from protocols.campaign import Campaign
from protocols.errors import InvalidInput, Problem
from protocols.jobs import Job, Reading
from protocols.quantities import conversion
from protocols.wells import WellName

MOST_OF_A_FILE = 30_000_000
"""Characters of the largest file that is given, as a data URL: some 22 MB."""

Remark = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000, pattern=PRINTED)]
ItemNumber = Annotated[int, Field(ge=1, le=100_000)]
Unit = Annotated[str, StringConstraints(strip_whitespace=True, max_length=50, pattern=PRINTED)]

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


class Waiting(NamedTuple):
    """A job that waits for a person: who that is, and its key in their job book."""

    robot: str
    key: str
    job: Job


class ChecklistAct(Act):
    """An act on the checklist of a job; whose it is follows from the job."""

    job: Annotated[JobKey, Typed("The job, as the checklist names it.", positional=True)]

    def prepare(self, lab: Lab, state: CampaignState) -> Waiting:
        """Who does the job, and its key there."""
        address = parse_address(self.job)
        if not isinstance(address, JobAddress) or address.campaign != state.id:
            raise Missing(f"there is no job {self.job!r} in campaign {state.id}")
        if state.status.over:
            raise JournalError(f"campaign {state.id} is {state.status}: nothing more is done in it")
        job, found = lab.journal.job(self.job)
        return Waiting(found.robot, job.key, job)


@contextmanager
def _checklist(acting: Acting, waiting: Waiting) -> Iterator[Checklist]:
    checklist = Checklist(acting.lab.home, waiting.robot)
    try:
        yield checklist
    finally:
        checklist.close()


class ConfirmItems(ChecklistAct):
    """Say that items of a checklist were done; to say it twice is harmless."""

    name: ClassVar[str] = "confirm_items"
    path: ClassVar[str] = "/checklists/confirmations"
    command: ClassVar[str] = ""

    why: Annotated[Remark, Typed("A remark; it goes into the event log.")] = ""
    items: Annotated[
        tuple[ItemNumber, ...],
        Typed("Items, from 1; all that are left and read nothing if absent.", positional=True),
    ] = ()

    def apply(self, acting: Acting, prepared: Waiting) -> list[int]:
        """Confirm them; returns those that were not confirmed before."""
        with _checklist(acting, prepared) as checklist:
            before = _done(checklist, prepared)
            checklist.confirm(prepared.key, self.items, acting.now, acting.by.who)
            new = sorted(_done(checklist, prepared) - before)
        if new:
            _record(acting, EventKind.ITEMS_CONFIRMED, self.job, prepared, new)
        return new


class GiveNumbers(ChecklistAct):
    """Give the numbers that items of a checklist read; if one is wrong, none is kept."""

    name: ClassVar[str] = "give_numbers"
    path: ClassVar[str] = "/checklists/numbers"
    command: ClassVar[str] = ""

    why: Annotated[Remark, Typed("A remark; it goes into the event log.")] = ""
    numbers: Annotated[
        dict[str, float | str],
        Field(min_length=1, max_length=2_000),
        Typed("An item and its number, such as 3=12.5.", option="number"),
    ]
    unit: Annotated[Unit, Typed("Unit of the numbers.")] = ""
    replace: Annotated[bool, Typed("In place of what somebody else gave.")] = False

    def apply(self, acting: Acting, prepared: Waiting) -> list[int]:
        """Write them; returns the items."""
        _refuse_unit(acting.state.campaign, prepared.job.step, self.unit)
        numbers = _numbers(self.numbers)
        with _checklist(acting, prepared) as checklist:
            job = _job_in(checklist, prepared)
            readings = {
                item: reading_of(job, item, number, self.unit) for item, number in numbers.items()
            }
            checklist.give(prepared.key, readings, acting.now, acting.by.who, self.replace)
        _record(acting, EventKind.ITEMS_READ, self.job, prepared, sorted(numbers))
        return sorted(numbers)


class GiveFile(ChecklistAct):
    """Give the file that an item of a checklist read: an image, a plate's table or a trace."""

    name: ClassVar[str] = "give_file"
    path: ClassVar[str] = "/checklists/files"
    command: ClassVar[str] = ""

    why: Annotated[Remark, Typed("A remark; it goes into the event log.")] = ""
    item: Annotated[ItemNumber, Typed("The item, from 1.", positional=True)]
    file: Annotated[
        str,
        StringConstraints(min_length=1, max_length=MOST_OF_A_FILE),
        Typed("The file: a data URL, or the text of a table.", positional=True, binary=True),
    ]
    file_name: Annotated[
        str,
        StringConstraints(max_length=200, pattern=PRINTED),
        Typed("What the file is called."),
    ] = ""
    unit: Annotated[Unit, Typed("Unit of its numbers.")] = ""
    as_it_is: Annotated[bool, Typed("Keep the file as its vendor wrote it.")] = False
    block: Annotated[
        str, Field(max_length=100), Typed("Which block of the file, by its name or number.")
    ] = ""
    replace: Annotated[bool, Typed("In place of what somebody else gave.")] = False

    def apply(self, acting: Acting, prepared: Waiting) -> list[int]:
        """Read the file and write what is in it."""
        content = _content(self.file)
        with _checklist(acting, prepared) as checklist:
            job = _job_in(checklist, prepared)
            name = self.file_name
            reading = reading_of(
                job, self.item, content, self.unit, name, self.as_it_is, self.block
            )
            _refuse_incomplete(acting, job, reading)
            given = {self.item: reading}
            checklist.give(prepared.key, given, acting.now, acting.by.who, self.replace)
        _record(acting, EventKind.ITEMS_READ, self.job, prepared, [self.item])
        return [self.item]


class WellWentWrong(ChecklistAct):
    """Say that a well of a checklist went wrong: it is lost, and the others go on."""

    name: ClassVar[str] = "well_went_wrong"
    path: ClassVar[str] = "/checklists/wells"
    command: ClassVar[str] = ""

    well: Annotated[WellName, Typed("The well, such as A1.", positional=True)]

    def apply(self, acting: Acting, prepared: Waiting) -> str:
        """Mark it; returns the well."""
        with _checklist(acting, prepared) as checklist:
            checklist.fail(prepared.key, self.well, acting.by.why, acting.now, acting.by.who)
        found = {"robot": prepared.robot, "well": self.well}
        acting.record(EventKind.WELL_WENT_WRONG, self.job, found)
        return self.well


class TakeBackItems(ChecklistAct):
    """Say that items of a checklist were not done after all, as long as its job is open."""

    name: ClassVar[str] = "take_back_items"
    path: ClassVar[str] = "/checklists/taken-back"
    command: ClassVar[str] = ""

    items: Annotated[
        tuple[ItemNumber, ...], Field(min_length=1), Typed("Items, from 1.", positional=True)
    ]

    def apply(self, acting: Acting, prepared: Waiting) -> list[int]:
        """Open them again; returns those that were confirmed."""
        with _checklist(acting, prepared) as checklist:
            before = _done(checklist, prepared)
            checklist.take_back(prepared.key, self.items)
        taken = sorted(before.intersection(self.items))
        if taken:
            found = {"robot": prepared.robot, "items": taken}
            acting.record(EventKind.ITEMS_TAKEN_BACK, self.job, found)
        return taken


def expected_unit(campaign: Campaign, step: str) -> str:
    """The unit in which a step's numbers are wanted as they are; empty if that is open."""
    units = {
        outcome.scale.unit
        for outcome in campaign.outcomes
        if outcome.scorer == "number" and outcome.step in (step, None)
    }
    return units.pop() if len(units) == 1 else ""


def _refuse_unit(campaign: Campaign, step: str, unit: str) -> None:
    wanted = expected_unit(campaign, step)
    try:
        conversion(1.0, unit or wanted or "dimensionless", wanted or unit or "dimensionless")
    except ValueError as error:
        expected = wanted or "a unit such as mg, ohm or percent"
        raise InvalidInput([Problem(key="unit", message=str(error), expected=expected)]) from None


def _refuse_incomplete(acting: Acting, job: Job, reading: Reading) -> None:
    """A table that says nothing of a well of the plate would leave the job in doubt."""
    if reading.kind != "plate":
        return
    wells = wells_on(acting.journal, acting.campaign_id, job.round, job.plate)
    missing = [well for well in wells if well not in reading.numbers]
    if missing:
        message = f"the table says nothing of {', '.join(missing)}"
        expected = "every well of the plate, with an empty cell where nothing could be read"
        raise InvalidInput([Problem(key="file", message=message, expected=expected)])


def _numbers(given: Mapping[str, float | str]) -> dict[int, float]:
    """The numbers by item, from what was typed."""
    found: dict[int, float] = {}
    problems = []
    for item, text in given.items():
        number = text if isinstance(text, float) else _number(text)
        if not item.isdecimal():
            message, expected = f"{item!r} is no item", "a number of the checklist, such as 3"
        elif number is None:
            message, expected = f"{str(text)[:40]!r} is no number", "a number such as 12.5"
            if _EITHER.fullmatch(str(text).strip()):
                message = f"{text} may be either of two numbers"
                expected = "a decimal point, and nothing between thousands"
        else:
            found[int(item)] = number
            continue
        problems.append(Problem(key=f"numbers.{item}", message=message, expected=expected))
    if problems:
        raise InvalidInput(problems)
    return found


def _number(text: str) -> float | None:
    """The number that a person typed, with a point or a comma; None if it is none, or unclear."""
    text = text.strip()
    if not _NUMBER.fullmatch(text) or _EITHER.fullmatch(text):
        return None
    return float(text.replace(",", "."))


def _content(text: str) -> bytes:
    """The bytes of a data URL, or of the text itself."""
    if not text.startswith("data:"):
        return text.encode()
    try:
        return base64.b64decode(text.partition(",")[2], validate=True)
    except binascii.Error:
        message, expected = "the file did not arrive whole", "a data URL in base64"
        raise InvalidInput([Problem(key="file", message=message, expected=expected)]) from None


def _job_in(checklist: Checklist, waiting: Waiting) -> Job:
    """The job as the person has it, with the items by their numbers there."""
    found = (job for job, _ in checklist.open_jobs() if job.key == waiting.key)
    return next(found, waiting.job)


def _done(checklist: Checklist, waiting: Waiting) -> set[int]:
    job = _job_in(checklist, waiting)
    return {item.number for item in checklist.items(job) if item.done}


def _record(
    acting: Acting, kind: EventKind, job: str, waiting: Waiting, items: Sequence[int]
) -> None:
    data = {"robot": waiting.robot, "items": list(items)}
    acting.record(kind, job, data, _sentence(items, acting.by.why))


def _sentence(items: Iterable[int], remark: str) -> str:
    listed = [str(item) for item in items]
    what = f"item{'s' if len(listed) > 1 else ''} {', '.join(listed)}"
    return f"{what}: {remark}" if remark else what
