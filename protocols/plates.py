"""Plates and wells: SLAS labware, well names, and the order of processing."""

import re
from functools import cached_property
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.errors import Finding, refuse

LABWARE: dict[str, tuple[int, int]] = {
    "6-well": (2, 3),
    "12-well": (3, 4),
    "24-well": (4, 6),
    "48-well": (6, 8),
    "96-well": (8, 12),
    "384-well": (16, 24),
}
"""Rows and columns of each labware, as in the ANSI/SLAS microplate standards."""

WELL_VOLUME_UL = {
    "6-well": 16800.0,
    "12-well": 6900.0,
    "24-well": 3400.0,
    "48-well": 1600.0,
    "96-well": 360.0,
    "384-well": 112.0,
}
"""Total volume of one well, uL; a dispense that goes beyond it overflows."""

_RECTANGLE = re.compile(r"^([A-P])([1-9]\d?):([A-P])([1-9]\d?)$")


class Well(BaseModel):
    """One well of a round: plate, SLAS name, and number in processing order (from 1)."""

    model_config = ConfigDict(frozen=True)

    plate: int = Field(ge=1)
    name: str
    number: int = Field(ge=1)

    def __str__(self) -> str:
        return f"plate {self.plate} {self.name}"


class Plates(BaseModel):
    """The plates of a round: number, labware, wells in use, and their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=1, le=1000)
    labware: Literal["6-well", "12-well", "24-well", "48-well", "96-well", "384-well"]
    wells: str = Field(
        "", description="the rectangle of wells in use, such as A1:B12; all wells if absent"
    )
    order: Literal["rows", "columns"] = Field("rows", description="processing order within a plate")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.wells:
            rows, columns = LABWARE[self.labware]
            corner = _RECTANGLE.match(self.wells)
            expected = f"two corners within A1:{_name(rows - 1, columns - 1)}, such as A1:B3"
            if corner is None:
                refuse(
                    [
                        Finding(
                            loc=("wells",),
                            message=f"{self.wells!r} is not a rectangle",
                            expected=expected,
                        )
                    ]
                )
            elif not (
                corner[1] <= corner[3]
                and int(corner[2]) <= int(corner[4])
                and ord(corner[3]) - 64 <= rows
                and int(corner[4]) <= columns
            ):
                message = f"{self.wells!r} does not lie on a {self.labware} plate"
                refuse([Finding(loc=("wells",), message=message, expected=expected)])
        return self

    @cached_property
    def well_names(self) -> tuple[str, ...]:
        """SLAS names of the wells in use on one plate, in processing order."""
        rows, columns = LABWARE[self.labware]
        top, bottom, left, right = 0, rows - 1, 0, columns - 1
        if corner := _RECTANGLE.match(self.wells):
            top, bottom = ord(corner[1]) - 65, ord(corner[3]) - 65
            left, right = int(corner[2]) - 1, int(corner[4]) - 1
        names = [
            (row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)
        ]
        if self.order == "columns":
            names.sort(key=lambda place: (place[1], place[0]))
        return tuple(_name(row, column) for row, column in names)

    @property
    def wells_per_plate(self) -> int:
        """How many wells of a plate are in use."""
        return len(self.well_names)

    def all_wells(self) -> tuple[Well, ...]:
        """Every well of a round, plate by plate, in processing order."""
        return tuple(
            Well(plate=plate, name=name, number=number)
            for plate in range(1, self.count + 1)
            for number, name in enumerate(self.well_names, start=1)
        )


def well_row_column(name: str) -> tuple[int, int]:
    """Row and column of an SLAS well name, both from 0."""
    return ord(name[0]) - 65, int(name[1:]) - 1


def _name(row: int, column: int) -> str:
    return f"{chr(65 + row)}{column + 1}"
