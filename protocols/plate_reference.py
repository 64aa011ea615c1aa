"""Blanks and standards among the wells of the plate that a reading is from."""

import statistics
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from protocols.jobs import Reading
from protocols.wells import well_name


def _well(text: str) -> str:
    name = well_name(text)
    if name is None:
        raise ValueError(f"{text!r} is no well (expected such as H12)")
    return name


WellOfPlate = Annotated[str, AfterValidator(_well)]

Blank = Annotated[
    Annotated[float, Field(allow_inf_nan=False)] | tuple[WellOfPlate, ...],
    Field(description="what an empty well gives: a number, or wells of the same plate"),
]
"""A number, or the wells of the plate whose mean it is."""


def reference_wells(given: float | Sequence[str] | None) -> frozenset[str]:
    """The wells that are named, by the names that they have here."""
    if given is None or isinstance(given, float | int):
        return frozenset()
    return frozenset(map(_well, given))


def number_in(reading: Reading, well: str | None, number: float | None = None) -> float | None:
    """What the plate of a reading has in a well; the number where no well is named."""
    return number if well is None else reading.numbers.get(_well(well))


def blank_of(reading: Reading, blank: float | Sequence[str]) -> float | None:
    """The blank of a reading; None where the plate has no number in one of its wells."""
    if isinstance(blank, float | int):
        return blank
    found = [reading.numbers.get(well) for well in blank]
    known = [number for number in found if number is not None]
    return statistics.fmean(known) if known and len(known) == len(found) else None
