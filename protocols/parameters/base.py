"""What every kind of parameter says of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from protocols.conditions import MOST, Finite, Value, Values
from protocols.errors import Finding
from protocols.quantities import same_dimension

Name = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and underscores"),
]

TOLERANCE = 1e-9
"""How far, relatively, a number may lie from the allowed value that it denotes."""


class DecidedByWell(BaseModel):
    """A parameter that the well decides: base of the round, and steps by well and by plate.

    All are in the parameter's unit. `base` has one entry a round; its last entry holds for all
    later rounds. `per_well` is added for each well in processing order, and `per_plate` for each
    plate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: tuple[Finite, ...] = Field(min_length=1, max_length=MOST)
    per_well: Finite = 0.0
    per_plate: Finite = 0.0

    def value(self, round_number: int, well: int, plate: int = 1) -> float:
        """The value in a well (in processing order) of a plate of a round, all from 1."""
        base = self.base[min(round_number, len(self.base)) - 1]
        return base + self.per_well * (well - 1) + self.per_plate * (plate - 1)


class BaseParameter(BaseModel, ABC):
    """One thing that may vary between conditions: what is allowed, and as which numbers.

    A new kind is a subclass, of `NumericParameter` where its values are numbers, with a field
    `kind` of one value. Ours are in the list of the package; those of others are entry points
    `wellwise.parameters`.

    A value's *entry* is the number by which the optimiser keeps it: the index of a level or, where
    there is a range instead of levels, the share of it. Its *feature* is what a model sees: a share
    of the range, or a category's index.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    numeric: ClassVar[bool]
    """Whether its values are numbers, which have an order and can be summed."""

    name: Name
    step: Name | Annotated[str, Field(pattern=r"^[A-Z]$")] = Field(
        description="the protocol step that uses it"
    )
    title: str = ""
    unit: str = Field(
        "", description="a unit that pint knows, such as nM, day, mm/s; empty for a pure number"
    )

    when: dict[Name, Values] = Field(
        default_factory=dict,
        max_length=MOST,
        description=(
            "a parameter before this one -> the values with which this one is there at all; "
            "always if absent"
        ),
        exclude_if=lambda it: not it,
    )

    varies: Literal["well", "plate"] = Field(
        "well",
        description="whether each well may have its own value, or all wells of a plate have one",
        exclude_if=lambda it: it == "well",
    )

    so_far: Value | None = Field(
        None,
        description="what it was in all that was measured before it became a parameter",
        exclude_if=lambda it: it is None,
    )

    # Each kind declares its own, because fields are serialised in the order of declaration.
    if TYPE_CHECKING:
        kind: str
        standard: Value | None
        decided_by_well: DecidedByWell | None

    @property
    def has_order(self) -> bool:
        """Whether its values have an order: they count in sums, and a model sees a number."""
        return self.numeric

    def amount(self, value: Value) -> float:
        """What an allowed value counts in a sum."""
        return float(value)

    def active(self, values: Mapping[str, Value]) -> bool:
        """Whether a condition with these values, on exact levels, has it."""
        return all(values.get(name) in allowed for name, allowed in self.when.items())

    @property
    def coordinates(self) -> tuple[tuple[float, ...], ...]:
        """A point for each level, whose distances say how unlike levels are; empty if unknown."""
        return ()

    @abstractmethod
    def allows(self, value: Value) -> bool:
        """Whether `value` (in `unit`) is allowed."""

    @abstractmethod
    def snap(self, value: Value) -> Value | None:
        """The allowed value that `value` denotes, or None."""

    def observed(self, value: Value) -> Value | None:
        """The value as a model can learn from it, though it may not be tried again; or None."""
        return self.snap(value)

    def from_text(self, text: str) -> Value | None:
        """The allowed value that a cell of a table denotes, or None."""
        return self.snap(text)

    @property
    @abstractmethod
    def allowed(self) -> str:
        """What is allowed, for people."""

    @property
    @abstractmethod
    def choices(self) -> tuple[Value, ...] | None:
        """Every allowed value, in order; None where there is a range instead."""

    @property
    @abstractmethod
    def extremes(self) -> tuple[Value, Value]:
        """The lowest and the highest allowed value, or the first and the last."""

    @abstractmethod
    def to_unit_interval(self, value: Value) -> float:
        """Where an allowed value lies between the extremes: 0 at the first, 1 at the last."""

    @abstractmethod
    def feature(self, value: Value) -> float:
        """What a model sees of an allowed value."""

    def entry(self, value: Value) -> float:
        """The index of an allowed value among the choices, or its share of the range."""
        return (
            self.to_unit_interval(value)
            if self.choices is None
            else float(self.choices.index(value))
        )

    @abstractmethod
    def value_of(self, entry: float) -> Value:
        """The inverse of `entry`: an allowed value."""

    @property
    def log_scale(self) -> bool:
        """Whether it is to be shown on a logarithmic axis."""
        return False

    @property
    def level_labels(self) -> Mapping[str, str]:
        """What the robot receives for a level, as text, where that is not the level itself."""
        return {}

    def label(self, value: Value) -> str:
        """What the robot receives for a value: its label, or the value itself."""
        return self.level_labels.get(str(value), str(value))

    def _unit_findings(self) -> list[Finding]:
        try:
            same_dimension(self.unit or "dimensionless", "dimensionless")
        except ValueError as error:
            return [
                Finding(
                    loc=("unit",), message=str(error), expected="a unit such as nM, min or mm/s"
                )
            ]
        return []
