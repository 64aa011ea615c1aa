"""The plates of a round: their labware, the wells in use, and the order of processing."""

from functools import cached_property
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from protocols.errors import Finding, refuse
from protocols.labware import SLAS, DefinedLabware, Labware, expected_name, known_labware
from protocols.wells import name_of, well_name, well_row_column


class Well(BaseModel):
    """One well of a round: plate, SLAS name, and number in processing order (from 1)."""

    model_config = ConfigDict(frozen=True)

    plate: int = Field(ge=1)
    name: str
    number: int = Field(ge=1)

    def __str__(self) -> str:
        return f"plate {self.plate} {self.name}"


class Plates(BaseModel):
    """The plates (or racks, chips, reactors) of a round: number, labware, wells in use, order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=1, le=1000)
    labware: str | DefinedLabware = Field(
        description="6-well to 1536-well, a name of Opentrons' labware, or a definition"
    )
    wells: str = Field(
        "", description="the rectangle of wells in use, such as A1:B12; all wells if absent"
    )
    order: Literal["rows", "columns"] = Field("rows", description="processing order within a plate")

    @field_validator("labware", mode="before")
    @classmethod
    def _known(cls, given: Any) -> Any:
        if isinstance(given, dict):
            return DefinedLabware.model_validate(given)
        if isinstance(given, str) and given not in known_labware():
            message = f"{given!r}: there is no such labware"
            refuse([Finding(loc=(), message=message, expected=expected_name(given))])
        if not isinstance(given, str | DefinedLabware):
            raise PydanticCustomError("labware", "a name or a definition is expected")
        return given

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """With the names as suggestions."""
        schema = handler.resolve_ref_schema(handler(core))
        schema["properties"]["labware"]["anyOf"][0]["examples"] = list(SLAS)
        return schema

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.wells:
            known = self.definition
            corners = self._corners
            last = name_of(known.rows - 1, known.columns - 1)
            expected = f"two corners within A1:{last}, such as A1:B3"
            message = ""
            if corners is None:
                message = f"{self.wells!r} is not a rectangle"
            elif corners[2] >= known.rows or corners[3] >= known.columns:
                message = f"{self.wells!r} does not lie on a {self.labware_name} plate"
            elif not self.well_names:
                message = f"there is no well in {self.wells!r}"
            if message:
                refuse([Finding(loc=("wells",), message=message, expected=expected)])
        return self

    @property
    def labware_name(self) -> str:
        """The name of the labware."""
        return self.labware if isinstance(self.labware, str) else self.labware.name

    @property
    def defined(self) -> Labware | None:
        """The wells of labware that the file itself defines."""
        return None if isinstance(self.labware, str) else self.labware.labware

    @property
    def definition(self) -> Labware:
        """The wells that the labware has."""
        if isinstance(self.labware, str):
            return known_labware()[self.labware]
        return self.labware.labware

    @property
    def _corners(self) -> tuple[int, int, int, int] | None:
        """Top, left, bottom and right of the wells in use, from 0; None if they are none."""
        names = [well_name(text) for text in self.wells.split(":")]
        known = [well_row_column(name) for name in names if name is not None]
        if len(names) != 2 or len(known) != 2:
            return None
        (top, left), (bottom, right) = known
        return (top, left, bottom, right) if top <= bottom and left <= right else None

    @cached_property
    def well_names(self) -> tuple[str, ...]:
        """SLAS names of the wells in use on one plate, in processing order."""
        known = self.definition
        corners = self._corners if self.wells else None
        top, left, bottom, right = corners or (0, 0, known.rows - 1, known.columns - 1)
        places = [
            (row, column) for row in range(top, bottom + 1) for column in range(left, right + 1)
        ]
        if self.order == "columns":
            places.sort(key=lambda place: (place[1], place[0]))
        names = (name_of(row, column) for row, column in places)
        return tuple(name for name in names if name not in known.absent)

    @property
    def wells_per_plate(self) -> int:
        """How many wells of a plate are in use."""
        return len(self.well_names)

    def on_edge(self, well: str) -> bool | None:
        """Whether a well is on the rim of its plate; None where it is not on the plate."""
        place, known = well_row_column(well), self.definition
        if place[0] >= known.rows or place[1] >= known.columns:
            return None
        return place[0] in (0, known.rows - 1) or place[1] in (0, known.columns - 1)

    def all_wells(self) -> tuple[Well, ...]:
        """Every well of a round, plate by plate, in processing order."""
        return tuple(
            Well(plate=plate, name=name, number=number)
            for plate in range(1, self.count + 1)
            for number, name in enumerate(self.well_names, start=1)
        )
