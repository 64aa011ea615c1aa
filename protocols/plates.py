"""The plates of a round: their labware, the wells in use, and the order of processing."""

import re
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
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
from protocols.wells import corners_of, name_of, well_row_column

_MOST = 4_000
"""Wells that labware may have."""


def _places(top: int, left: int, bottom: int, right: int) -> list[tuple[int, int]]:
    """Row and column of each well of a rectangle, row by row."""
    rows, columns = range(top, bottom + 1), range(left, right + 1)
    return [(row, column) for row in rows for column in columns]


def _names(given: Any) -> tuple[str, ...]:
    """The wells that single names and rectangles mean, each once, in the order given."""
    texts = [given] if isinstance(given, str) else given
    if (
        not isinstance(texts, list | tuple)
        or len(texts) > _MOST
        or not all(isinstance(text, str) for text in texts)
    ):
        message = f"names of wells and rectangles such as A1:B3 are expected, at most {_MOST}"
        raise PydanticCustomError("wells", message)
    found: dict[str, None] = {}
    for text in (part.strip() for part in re.split("[,;]", ";".join(texts))):
        corners = corners_of(text if ":" in text else f"{text}:{text}")
        places = [] if corners is None else _places(*corners)
        if not 0 < len(places) <= _MOST:
            message = f"{text!r} is neither a well nor a rectangle of wells of a plate"
            refuse([Finding(loc=(), message=message, expected="such as A1 or A1:B3")])
        found |= dict.fromkeys(name_of(row, column) for row, column in places)
    return tuple(found)


WellNames = Annotated[
    tuple[str, ...],
    BeforeValidator(
        _names, json_schema_input_type=str | Annotated[list[str], Field(max_length=_MOST)]
    ),
]
"""Wells of a plate, each by its name, given as names and rectangles."""


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
    standards_in: WellNames = Field(
        (),
        description="where on each plate the standard condition is: wells and rectangles, such as "
        "[A1, A12:H12]; in wells drawn by lot if absent",
        exclude_if=lambda it: not it,
    )
    controls_in: WellNames = Field(
        (),
        description="where on each plate controls are, as for standards_in",
        exclude_if=lambda it: not it,
    )

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
            corners = corners_of(self.wells)
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
        refuse(self._place_findings())
        return self

    def _place_findings(self) -> list[Finding]:
        """Standards and controls in wells that are not in use, or in the same ones."""
        found = []
        for key, several in (
            ("standards_in", self.standards_in),
            ("controls_in", self.controls_in),
        ):
            outside = [name for name in several if name not in self.well_names]
            if outside:
                message = f"{', '.join(outside[:10])}: not in use on a {self.labware_name} plate"
                expected = f"wells such as {self.well_names[0]} or {self.wells_in_use}"
                found.append(Finding(loc=(key,), message=message, expected=expected))
        both = [name for name in self.controls_in if name in self.standards_in]
        if both:
            message = f"{', '.join(both[:10])}: the standard condition is there"
            found.append(Finding(loc=("controls_in",), message=message, expected="other wells"))
        return found

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
    def wells_in_use(self) -> str:
        """The rectangle of wells in use."""
        known = self.definition
        return self.wells or f"A1:{name_of(known.rows - 1, known.columns - 1)}"

    @cached_property
    def well_names(self) -> tuple[str, ...]:
        """SLAS names of the wells in use on one plate, in processing order."""
        known = self.definition
        corners = corners_of(self.wells) if self.wells else None
        top, left, bottom, right = corners or (0, 0, known.rows - 1, known.columns - 1)
        places = _places(top, left, bottom, right)
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
