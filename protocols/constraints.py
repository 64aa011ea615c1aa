"""Constraints: conditions that are not tried though each value by itself is allowed."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.conditions import MOST, Finite, Positive, Value, Values
from protocols.errors import Finding, refuse

_TOLERANCE = 1e-9

Names = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Field(min_length=2, max_length=MOST, description="parameters, each once"),
]


class Sum(NamedTuple):
    """A weighted sum of amounts that stays within `low` and `high`, both included.

    Where the whole sum is next to nothing compared with its terms, it is rounding.
    """

    terms: Mapping[str, float]
    low: float
    high: float

    def of(self, amounts: Mapping[str, Value]) -> float:
        """The sum; what a condition does not have counts nothing."""
        return sum(weight * float(amounts.get(name, 0.0)) for name, weight in self.terms.items())

    def holds(self, amounts: Mapping[str, Value]) -> bool:
        """Whether it is within its limits, to within rounding."""
        total = self.of(amounts)
        sizes = (abs(w * float(amounts.get(name, 0.0))) for name, w in self.terms.items())
        margin = _TOLERANCE * max(sum(sizes), abs(self.low) if math.isfinite(self.low) else 0.0)
        return self.low - margin <= total <= self.high + margin


class BaseConstraint(BaseModel, ABC):
    """What every kind of constraint says of itself.

    Amounts are what values count in a sum: a number itself, in its unit, and the place of an
    ordered category's level, from 0. Of a parameter that is not active it is 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = ""

    @property
    @abstractmethod
    def names(self) -> frozenset[str]:
        """The parameters that it binds."""

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The weighted sums that it limits."""
        return ()

    @property
    def summed(self) -> Mapping[str, tuple[str, ...]]:
        """The parameters of which it takes the amount, by the key that names them."""
        return {}

    def permits(self, values: Mapping[str, Value]) -> bool:
        """Whether it holds for a condition, whose values are amounts where it takes them."""
        return all(rule.holds(values) for rule in self.sums)


class _Limited(BaseConstraint):
    """Something that is at least, at most or just so much."""

    at_least: Finite | None = None
    at_most: Finite | None = None
    equal: Finite | None = Field(None, exclude_if=lambda it: it is None)

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        low, high = self.at_least, self.at_most
        expected = "at_most, at_least or both, or equal alone"
        if low is None and high is None and self.equal is None:
            refuse([Finding(loc=("at_most",), message="no limit", expected=expected)])
        if self.equal is not None and (low is not None or high is not None):
            refuse([Finding(loc=("equal",), message="a second limit", expected=expected)])
        if low is not None and high is not None and low > high:
            refuse(
                [Finding(loc=("at_least",), message="above at_most", expected=f"at most {high:g}")]
            )
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value; infinite where there is no limit."""
        if self.equal is not None:
            return self.equal, self.equal
        return (
            -math.inf if self.at_least is None else self.at_least,
            math.inf if self.at_most is None else self.at_most,
        )

    def _limited(self, text: str) -> str:
        low, high = self.limits
        if low == high:
            return f"{text} = {low:g}"
        before = f"{low:g} <= " if math.isfinite(low) else ""
        return f"{before}{text}" + (f" <= {high:g}" if math.isfinite(high) else "")


class LinearConstraint(_Limited):
    """A weighted sum of parameters, in their units, within limits or equal to something."""

    kind: Literal["linear"]
    terms: dict[str, Finite] = Field(
        min_length=1, max_length=MOST, description="parameter -> weight"
    )

    @property
    def names(self) -> frozenset[str]:
        """The parameters of the sum."""
        return frozenset(self.terms)

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The sum."""
        return (Sum(self.terms, *self.limits),)

    @property
    def summed(self) -> Mapping[str, tuple[str, ...]]:
        """All of them."""
        return {"terms": tuple(self.terms)}

    def __str__(self) -> str:
        return self._limited(
            " + ".join(f"{weight:g} {name}" for name, weight in self.terms.items())
        )


class MixtureConstraint(BaseConstraint):
    """Parts of a whole, which make `total` together, in the unit that they share."""

    kind: Literal["mixture"]
    parts: Names
    total: Positive = Field(100.0, description="such as 100 percent")

    @property
    def names(self) -> frozenset[str]:
        """The parts."""
        return frozenset(self.parts)

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The sum of the parts."""
        return (Sum(dict.fromkeys(self.parts, 1.0), self.total, self.total),)

    @property
    def summed(self) -> Mapping[str, tuple[str, ...]]:
        """The parts."""
        return {"parts": self.parts}

    def __str__(self) -> str:
        return f"{' + '.join(self.parts)} = {self.total:g}"


class RatioConstraint(_Limited):
    """One amount divided by another, within limits.

    It is held as `numerator <= at_most * denominator` (and so on), which a denominator of 0 meets
    where the numerator is 0 too.
    """

    kind: Literal["ratio"]
    numerator: str
    denominator: str

    @property
    def names(self) -> frozenset[str]:
        """Both."""
        return frozenset((self.numerator, self.denominator))

    @property
    def sums(self) -> tuple[Sum, ...]:
        """One for each limit."""
        low, high = self.limits
        found = []
        if math.isfinite(high):
            found.append(Sum({self.numerator: 1.0, self.denominator: -high}, -math.inf, 0.0))
        if math.isfinite(low):
            found.append(Sum({self.numerator: 1.0, self.denominator: -low}, 0.0, math.inf))
        return tuple(found)

    @property
    def summed(self) -> Mapping[str, tuple[str, ...]]:
        """Both."""
        return {"numerator": (self.numerator,), "denominator": (self.denominator,)}

    def __str__(self) -> str:
        return self._limited(f"{self.numerator} / {self.denominator}")


class CardinalityConstraint(BaseConstraint):
    """How many of some parameters are used, that is, are not 0: at most k of n."""

    kind: Literal["cardinality"]
    parameters: Names
    at_most: int | None = Field(None, ge=0, le=MOST)
    at_least: int | None = Field(None, ge=0, le=MOST)

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.limits
        if self.at_most is None and self.at_least is None:
            expected = "at_most, at_least or both"
            refuse([Finding(loc=("at_most",), message="no limit", expected=expected)])
        if low > min(high, len(self.parameters)):
            expected = f"at most {min(high, len(self.parameters))}"
            refuse([Finding(loc=("at_least",), message=f"{low} are too many", expected=expected)])
        return self

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest number."""
        return self.at_least or 0, len(self.parameters) if self.at_most is None else self.at_most

    @property
    def names(self) -> frozenset[str]:
        """The parameters that are counted."""
        return frozenset(self.parameters)

    @property
    def summed(self) -> Mapping[str, tuple[str, ...]]:
        """All of them."""
        return {"parameters": self.parameters}

    def permits(self, values: Mapping[str, Value]) -> bool:
        """Whether so many of the amounts are not 0."""
        low, high = self.limits
        return low <= sum(values.get(name, 0) != 0 for name in self.parameters) <= high

    def __str__(self) -> str:
        low, high = self.limits
        limit = f"at most {high}" if self.at_least is None else f"{low} to {high}"
        return f"{limit} of {', '.join(self.parameters)}"


class ForbiddenCombination(BaseConstraint):
    """Values that may not come together: all of `when` at once."""

    kind: Literal["forbidden"]
    when: dict[str, Values] = Field(
        min_length=1, max_length=MOST, description="parameter -> its values"
    )

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it binds."""
        return frozenset(self.when)

    def permits(self, values: Mapping[str, Value]) -> bool:
        """Whether a condition is not one of these."""
        return not all(
            any(values.get(name) == value for value in forbidden)
            for name, forbidden in self.when.items()
        )

    def __str__(self) -> str:
        return "not " + " with ".join(
            f"{name} {' or '.join(str(value) for value in values)}"
            for name, values in self.when.items()
        )


class Cost(BaseModel):
    """A cost, which should be low: a weighted sum of parameters, in their units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    unit: str = ""
    fixed: Finite = Field(0.0, description="what every well takes")
    terms: dict[str, Finite] = Field(
        min_length=1, max_length=MOST, description="parameter -> weight"
    )

    @property
    def summed(self) -> Mapping[str, tuple[str, ...]]:
        """All of its parameters."""
        return {"terms": tuple(self.terms)}

    def __call__(self, values: Mapping[str, Value]) -> float:
        """What a condition takes; what is not in it takes nothing."""
        return self.fixed + sum(
            weight * float(values.get(name, 0.0)) for name, weight in self.terms.items()
        )


Constraint = Annotated[
    LinearConstraint
    | MixtureConstraint
    | RatioConstraint
    | CardinalityConstraint
    | ForbiddenCombination,
    Field(discriminator="kind"),
]
