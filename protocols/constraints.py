"""Constraints: conditions that are not tried though each value by itself is allowed."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.conditions import Finite, Value
from protocols.errors import Finding, refuse

_TOLERANCE = 1e-9


class _Constraint(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = ""


class LinearConstraint(_Constraint):
    """A weighted sum of numeric parameters, in their units, that stays within limits."""

    kind: Literal["linear"]
    terms: dict[str, Finite] = Field(min_length=1, description="parameter -> weight")
    at_least: Finite | None = None
    at_most: Finite | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.at_least is None and self.at_most is None:
            refuse(
                [
                    Finding(
                        loc=("at_most",), message="no limit", expected="at_most, at_least or both"
                    )
                ]
            )
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            refuse(
                [
                    Finding(
                        loc=("at_least",),
                        message="above at_most",
                        expected=f"at most {self.at_most:g}",
                    )
                ]
            )
        return self

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it binds."""
        return frozenset(self.terms)

    def permits(self, values: Mapping[str, Value]) -> bool:
        """Whether it holds for a condition, to within rounding."""
        total = sum(weight * float(values[name]) for name, weight in self.terms.items())
        margin = _TOLERANCE * (1 + abs(total))
        return (self.at_most is None or total <= self.at_most + margin) and (
            self.at_least is None or total >= self.at_least - margin
        )

    def __str__(self) -> str:
        total = " + ".join(f"{weight:g} {name}" for name, weight in self.terms.items())
        low = "" if self.at_least is None else f"{self.at_least:g} <= "
        return f"{low}{total}" + ("" if self.at_most is None else f" <= {self.at_most:g}")


class Cost(BaseModel):
    """A cost, which should be low: a weighted sum of numeric parameters, in their units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    unit: str = ""
    fixed: Finite = Field(0.0, description="what every well takes")
    terms: dict[str, Finite] = Field(min_length=1, description="parameter -> weight")

    def __call__(self, values: Mapping[str, Value]) -> float:
        """What a condition takes."""
        return self.fixed + sum(weight * float(values[name]) for name, weight in self.terms.items())


class ForbiddenCombination(_Constraint):
    """Values that may not come together: all of `when` at once."""

    kind: Literal["forbidden"]
    when: dict[str, tuple[Value, ...]] = Field(min_length=1, description="parameter -> its values")

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it binds."""
        return frozenset(self.when)

    def permits(self, values: Mapping[str, Value]) -> bool:
        """Whether a condition is not one of these."""
        return not all(
            any(values[name] == value for value in forbidden)
            for name, forbidden in self.when.items()
        )

    def __str__(self) -> str:
        return "not " + " with ".join(
            f"{name} {' or '.join(str(value) for value in values)}"
            for name, values in self.when.items()
        )


Constraint = Annotated[LinearConstraint | ForbiddenCombination, Field(discriminator="kind")]
