"""Operations: the smallest things that a robot is told, in SI-style units, as small immutable models."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Operation(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    repeatable: ClassVar[bool] = False
    """Whether doing it once more changes nothing in the well (taking an image: yes; dispensing: never)."""


class _WellOperation(_Operation):
    well: str


class Supplement(BaseModel):
    """What a dispensed liquid contains beside its base: a substance at a final concentration in `unit`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    substance: str
    concentration: float = Field(ge=0)
    unit: str


class Move(_Operation):
    """Carry the plate to a named place, such as `deck` or `incubator`."""

    repeatable = True
    kind: Literal["move"] = "move"
    to: str


class Dispense(_WellOperation):
    """Add `volume_ul` of a liquid with its supplements to a well."""

    kind: Literal["dispense"] = "dispense"
    liquid: str
    volume_ul: float = Field(gt=0)
    supplements: tuple[Supplement, ...] = ()


class Aspirate(_WellOperation):
    """Remove `volume_ul` from a well and discard it."""

    kind: Literal["aspirate"] = "aspirate"
    volume_ul: float = Field(gt=0)


class Mix(_WellOperation):
    """Draw and return `volume_ul`, `cycles` times."""

    kind: Literal["mix"] = "mix"
    volume_ul: float = Field(gt=0)
    cycles: int = Field(ge=1)


class Incubate(_Operation):
    """Let the whole plate stand for `duration_s` at `temperature_c`."""

    kind: Literal["incubate"] = "incubate"
    duration_s: float = Field(ge=0)
    temperature_c: float


class Detach(_WellOperation):
    """Detach the cells of a well by pipetting, `period_s` after the enzyme was added to the plate.

    `speed_mm_s` is the plunger speed; `stroke` names where the pipette strokes (`short`, `long`).
    """

    kind: Literal["detach"] = "detach"
    period_s: float = Field(ge=0)
    speed_mm_s: float = Field(gt=0)
    stroke: str


class Transfer(_WellOperation):
    """Move `volume_ul` of a well's cells into the same well of a fresh plate, which takes the old plate's place."""

    kind: Literal["transfer"] = "transfer"
    volume_ul: float = Field(gt=0)


class Image(_WellOperation):
    """Take a colour image of a well."""

    repeatable = True
    kind: Literal["image"] = "image"


WellOperation = Dispense | Aspirate | Mix | Detach | Transfer | Image
PlateOperation = Move | Incubate
Operation = Annotated[WellOperation | PlateOperation, Field(discriminator="kind")]

OPERATIONS: dict[str, type[WellOperation] | type[PlateOperation]] = {
    "move": Move,
    "dispense": Dispense,
    "aspirate": Aspirate,
    "mix": Mix,
    "incubate": Incubate,
    "detach": Detach,
    "transfer": Transfer,
    "image": Image,
}
"""Every operation by its kind: the vocabulary in which drivers declare what they can do."""


def well_of(operation: WellOperation | PlateOperation) -> str | None:
    """The well that an operation works on, or None where it concerns the whole plate."""
    return None if isinstance(operation, Move | Incubate) else operation.well
