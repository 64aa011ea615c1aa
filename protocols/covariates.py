"""Covariates: what is recorded of wells but not chosen, such as a passage number or a batch."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.conditions import LARGEST, MOST
from protocols.errors import Finding, refuse
from protocols.parameters import Name
from protocols.quantities import same_dimension


class Covariate(BaseModel):
    """A quantity or a category that a person records of a well, with its values or beside them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Literal["number", "category"] = "number"
    title: str = Field("", max_length=200)
    unit: str = Field("", max_length=50, description="of a number: a unit that pint knows")
    levels: tuple[str, ...] = Field(
        (), max_length=MOST, description="of a category: what it may be; any text if absent"
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
        refuse(found)
        return self

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
