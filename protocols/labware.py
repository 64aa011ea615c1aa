"""Labware: anything with wells (plate, rack, chip, reactor), by a name or by its own definition.

The names are those of the SLAS microplates by their number of wells, and those of Opentrons'
labware definitions, of which `opentrons_labware.csv` is a table (version 10.1 of
opentrons-shared-data, Apache-2.0; the newest version of each definition).
"""

import csv
import difflib
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.errors import Finding, refuse
from protocols.quantities import Volume
from protocols.wells import name_of, well_name, well_row_column

_MOST_ROWS, _MOST_COLUMNS = 26 * 27, 999


class Labware(BaseModel):
    """The wells of labware: a rectangle of rows and columns, but for those that are absent.

    `capacities_ul` has the volume of a well, uL, for each column, or one for all; none if it is not
    known.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    columns: int
    capacities_ul: tuple[float, ...] = ()
    absent: tuple[str, ...] = ()

    @cached_property
    def wells(self) -> tuple[str, ...]:
        """The names of the wells, row by row."""
        names = (name_of(row, column) for row in range(self.rows) for column in range(self.columns))
        return tuple(name for name in names if name not in self.absent)

    def capacity_ul(self, well: str) -> float | None:
        """How much a well holds, uL; a dispense that goes beyond it overflows. None: not known."""
        if len(self.capacities_ul) > 1:
            return self.capacities_ul[well_row_column(well)[1]]
        return self.capacities_ul[0] if self.capacities_ul else None


class DefinedLabware(BaseModel):
    """Labware that a campaign or lab file defines: rows, columns and how much a well holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)]
    rows: int = Field(ge=1, le=_MOST_ROWS)
    columns: int = Field(ge=1, le=_MOST_COLUMNS)
    capacity: Volume | None = Field(None, description="of a well, such as 20 mL")
    absent: tuple[str, ...] = Field(
        (), max_length=10_000, description="places of the rectangle that have no well"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        found = []
        if self.name in known_labware():
            message = f"{self.name!r} is the name of other labware"
            found.append(Finding(loc=("name",), message=message, expected="a name of its own"))
        inside = {name_of(r, c) for r in range(self.rows) for c in range(self.columns)}
        for index, text in enumerate(self.absent):
            if well_name(text) not in inside:
                expected = f"a well within A1:{name_of(self.rows - 1, self.columns - 1)}"
                message = f"{text!r} is no well of it"
                found.append(Finding(loc=("absent", index), message=message, expected=expected))
        if not found and len({well_name(text) for text in self.absent}) == len(inside):
            found.append(Finding(loc=("absent",), message="it has no well", expected="one or more"))
        refuse(found)
        return self

    @cached_property
    def labware(self) -> Labware:
        """Its wells."""
        return Labware(
            rows=self.rows,
            columns=self.columns,
            capacities_ul=() if self.capacity is None else (self.capacity.to("uL"),),
            absent=tuple(name for text in self.absent if (name := well_name(text))),
        )


SLAS: Mapping[str, Labware] = {
    f"{rows * columns}-well": Labware(rows=rows, columns=columns, capacities_ul=(capacity_ul,))
    for rows, columns, capacity_ul in (
        (2, 3, 16800.0),
        (3, 4, 6900.0),
        (4, 6, 3400.0),
        (6, 8, 1600.0),
        (8, 12, 360.0),
        (16, 24, 112.0),
        (32, 48, 12.5),
    )
}
"""Microplates as in the ANSI/SLAS standards, by their number of wells."""


@cache
def known_labware() -> Mapping[str, Labware]:
    """Labware by its name: the SLAS microplates, and Opentrons' definitions."""
    text = files("protocols").joinpath("opentrons_labware.csv").read_text(encoding="utf-8")
    return dict(SLAS) | {
        row["name"]: Labware(
            rows=int(row["rows"]),
            columns=int(row["columns"]),
            capacities_ul=tuple(map(float, row["capacity_ul"].split())),
            absent=tuple(row["absent"].split()),
        )
        for row in csv.DictReader(text.splitlines())
    }


def opentrons_labware() -> frozenset[str]:
    """The names of Opentrons' definitions."""
    return frozenset(known_labware().keys() - SLAS.keys())


def expected_name(name: str) -> str:
    """What labware there is, for a person who gave a name that there is not."""
    near = difflib.get_close_matches(name, known_labware(), n=3)
    instead = f"{' or '.join(near)}? " if near else ""
    return (
        f"{instead}one of {', '.join(SLAS)}, a name of Opentrons' labware, or a definition such "
        "as {name: rack, rows: 2, columns: 4, capacity: 20 mL}"
    )
