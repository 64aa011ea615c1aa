"""What a person gives for an item of a checklist -> its reading."""

import math
from collections.abc import Sequence

from drivers.base import DriverError
from protocols.errors import Problem
from protocols.image_formats import ImageNotRead
from protocols.images import read_image
from protocols.jobs import Job, Reading
from protocols.kinetic_table import is_kinetic, read_kinetics
from protocols.plate_table import read_whole_plate
from protocols.table_formats import table_text
from protocols.traces import Trace, read_trace_table
from protocols.wanted_read import WantedRead

THINGS = {
    "image": "an image",
    "number": "a number",
    "plate": "a table of the plate",
    "trace": "a trace",
}
"""What is given for an item, by the kind of its reading."""


class ItemsRefused(DriverError):
    """Some items cannot be taken as they were sent; `problems` has each with its key."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(problem.message for problem in problems))


def reading_of(
    job: Job,
    number: int,
    given: float | bytes,
    unit: str = "",
    file_name: str = "",
    as_it_is: bool = False,
    block: str = "",
) -> Reading:
    """What was given for an item (from 1) as its reading; nothing is kept of it.

    Of a file with several reads the one is taken that `block` names (by its name or its number from
    1), or else the one that the item says: by its wavelength, or by its quantity.

    Raises:
        ItemsRefused: there is no such item, or it reads something else.
        InvalidInput: the table cannot be read.
    """
    if not 1 <= number <= len(job.operations):
        raise ItemsRefused([item_problem(number, no_item(job, number))])
    operation = job.operations[number - 1]
    well, kind = operation.well_name or "", operation.reads
    where = file_name or f"item {number}"
    wrong = ""
    if kind is None:
        wrong = f"item {number} of {job.key} reads nothing: confirm it"
    elif isinstance(given, float | int):
        if not math.isfinite(given):
            wrong = f"{given} is not a finite number"
        elif kind != "number":
            wrong = f"item {number} of {job.key} is {THINGS[kind]}, not a number"
        else:
            return Reading(well=well, kind="number", number=given, unit=unit)
    elif as_it_is:
        return Reading(well=well, kind="file", file=given, file_name=file_name)
    elif kind == "plate":
        wanted = operation.wanted_read.unless_named(block)
        numbers = read_whole_plate(table_text(given, where), where, wanted)
        return Reading(kind="plate", numbers=numbers, unit=unit)
    elif kind == "trace":
        wanted = operation.wanted_read.unless_named(block)
        trace = _trace(table_text(given, where), where, number, well, wanted)
        return Reading(well=well, kind="trace", trace=trace)
    elif kind == "image":
        return _image(number, well, given)
    else:
        wrong = f"item {number} of {job.key} is a number, not a file"
    raise ItemsRefused([item_problem(number, wrong)])


def _trace(text: str, where: str, number: int, well: str, wanted: WantedRead) -> Trace:
    """The trace of a table; of one with the kinetics of many wells that of this well."""
    if not is_kinetic(text, where):
        return read_trace_table(text, where)
    wells = read_kinetics(text, where, wanted, well)
    if well in wells:
        return wells[well]
    some = ", ".join(list(wells)[:8])
    raise ItemsRefused([item_problem(number, f"{where} says nothing of {well} (it has {some})")])


def item_problem(number: int, message: str) -> Problem:
    """What is wrong with an item, with the key under which it was sent."""
    return Problem(where=f"item {number}", key=f"items.{number}", message=message)


def no_item(job: Job, number: int) -> str:
    """That a job has no such item."""
    return f"{job.key} has no item {number} (expected 1 to {len(job.operations)})"


def in_words(reading: Reading) -> str:
    """What was given, such as `12.5 mg`."""
    match reading.kind:
        case "number":
            return f"{reading.number:g} {reading.unit}".rstrip()
        case "plate":
            read = sum(number is not None for number in reading.numbers.values())
            return f"a table of {read} wells"
        case "file":
            return reading.file_name or "a file"
    return THINGS[reading.kind]


def _image(number: int, well: str, picture: bytes) -> Reading:
    try:
        read_image(picture)
    except ImageNotRead as error:
        raise ItemsRefused(
            [item_problem(number, f"the image of {well} cannot be read: {error}")]
        ) from None
    return Reading(well=well, kind="image", image=picture)
