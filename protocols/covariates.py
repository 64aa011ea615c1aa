"""Covariates: what is recorded of wells but not chosen, such as a passage number or a batch."""

from collections.abc import Collection, Iterator
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.conditions import LARGEST, MOST
from protocols.errors import Finding, refuse
from protocols.parameters import Name
from protocols.quantities import same_dimension

_Label = Annotated[str, Field(min_length=1, max_length=100)]
_PlateNumbers = Annotated[
    tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(min_length=1, max_length=MOST)
]


class Covariate(BaseModel):
    """A quantity or a category that a person records of a well, with its values or beside them.

    With `plates` (label -> their numbers in each round) or `wells` (label -> a rectangle of each
    plate) it is a block: the place decides the label, and only another one is recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Literal["number", "category"] = "number"
    title: str = Field("", max_length=200)
    unit: str = Field("", max_length=50, description="of a number: a unit that pint knows")
    levels: tuple[str, ...] = Field(
        (), max_length=MOST, description="of a category: what it may be; any text if absent"
    )
    plates: dict[_Label, _PlateNumbers] = Field(
        default_factory=dict, max_length=MOST, exclude_if=lambda it: not it
    )
    wells: dict[_Label, Annotated[str, Field(max_length=20)]] = Field(
        default_factory=dict, max_length=MOST, exclude_if=lambda it: not it
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        found = []
        try:
            same_dimension(self.unit or "dimensionless", "dimensionless")
        except ValueError as error:
            expected = "a unit such as degC or day"
            found.append(Finding(loc=("unit",), message=str(error), expected=expected))
        other = "levels" if self.kind == "number" else "unit"
        if getattr(self, other):
            message = f"a {self.kind} has no {other}"
            needed = "category" if other == "levels" else "number"
            found.append(Finding(loc=(other,), message=message, expected=f"kind: {needed}"))
        found += self._block_findings()
        refuse(found)
        return self

    def _block_findings(self) -> Iterator[Finding]:
        """What is wrong with a block by itself."""
        if self.plates and self.wells:
            message = "a block is of plates or of wells"
            yield Finding(loc=("wells",), message=message, expected="one of both")
        key = "plates" if self.plates else "wells"
        if self.kind == "number" and self.blocks:
            message = "a block is a category"
            yield Finding(loc=("kind",), message=message, expected="kind: category")
        if len(self.blocks) == 1:
            message = "one block has all, and differs from none"
            yield Finding(loc=(key,), message=message, expected="two labels or more")
        for label in self.blocks:
            if self.levels and label not in self.levels:
                message = f"{label!r} is no level of it"
                expected = f"one of {', '.join(self.levels)}"
                yield Finding(loc=(key, label), message=message, expected=expected)

    @property
    def blocks(self) -> Collection[str]:
        """The labels that places decide; none where a person records them."""
        return self.plates or self.wells

    @property
    def column(self) -> str:
        """The head of its column in a table of wells."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name

    @property
    def expected(self) -> str:
        """What a value may be, for a person who enters one."""
        if self.kind == "number":
            return f"a number in {self.unit}" if self.unit else "a number"
        return f"one of {', '.join(self.levels)}" if self.levels else "a text"

    def allows(self, value: float | str) -> bool:
        """Whether a value (a number in `unit`, -1e30..1e30, or a text) may be recorded."""
        if isinstance(value, str):
            return self.kind == "category" and value in (self.levels or (value,))
        return self.kind == "number" and abs(value) <= LARGEST
