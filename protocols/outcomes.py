"""Outcomes: named values of a well; and objectives: which are to be high, low, or near a target."""

import math
from collections.abc import Iterable
from functools import cache, cached_property
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.conditions import Finite
from protocols.errors import Finding, refuse
from protocols.expressions import FUNCTIONS, parsed
from protocols.parameters import Name
from protocols.plugins import announced
from protocols.quantities import same_dimension
from protocols.scale import Scale

SCORERS = "wellwise.scorers"
"""The entry points of scorers."""

Rule = Literal["last", "first", "mean", "median", "min", "max", "sum", "difference", "ratio"]
"""How several readings of a well make one value; see `combine.combined`."""

Direction = Literal["maximise", "minimise", "match"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Outcome(_Model):
    """A named value of a well, with its unit: read, entered by a person, or computed from others.

    Where the file gives neither unit nor range, those count that the scorer declares.
    """

    name: Name
    title: str = Field("", max_length=200)
    unit: str = Field(
        "",
        max_length=50,
        description="a unit that pint knows, such as mg, ohm, percent; empty for a pure number",
    )
    scorer: str | None = Field(None, description="what derives it from a reading")
    options: dict[str, Any] = Field(default_factory=dict, description="of the scorer")
    step: str | None = Field(
        None,
        description="the step where it is read; every reading step that no outcome names if absent",
    )
    by_hand: bool = Field(False, description="a person enters it, and no reading is needed")
    expression: str | None = Field(
        None,
        max_length=300,
        description="what computes it from other outcomes, such as 100 * product / (product + "
        "side_product): numbers in the outcomes' units, + - * / **, and " + ", ".join(FUNCTIONS),
        exclude_if=lambda it: it is None,
    )
    combine: Rule = Field(
        "last",
        description="how several readings of a well make one value",
        exclude_if=lambda it: it == "last",
    )
    natural_range: tuple[Finite, Finite] | None = Field(
        None,
        alias="range",
        description="lowest and highest value that there can be, only where values have ends",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        found: list[Finding] = []
        if not self.derived and not self.by_hand and self.expression is None:
            expected = "a scorer, by_hand: true, or an expression"
            found.append(Finding(loc=("scorer",), message="missing", expected=expected))
        if self.by_hand or self.expression is not None:
            how, key_of = (
                ("that a person enters", "by_hand: true")
                if self.by_hand
                else ("that is computed", "expression")
            )
            found += [
                Finding(
                    loc=(key,),
                    message=f"an outcome {how} has no {key}",
                    expected=f"either {key_of} or {key}",
                )
                for key in ("scorer", "options", "step", *(("expression",) * self.by_hand))
                if getattr(self, key)
            ]
        try:
            if self.expression is not None and not parsed(self.expression).names:
                raise ValueError(f"{self.expression!r} names no outcome")
        except ValueError as error:
            expected = f"arithmetic of outcomes, with {', '.join(FUNCTIONS)}"
            found.append(Finding(loc=("expression",), message=str(error), expected=expected))
        if self.natural_range is not None and self.natural_range[0] >= self.natural_range[1]:
            low, high = self.natural_range
            message = f"the lowest value, {low:g}, is not below the highest, {high:g}"
            found.append(Finding(loc=("range",), message=message, expected="such as [0, 100]"))
        try:
            same_dimension(self.unit or "dimensionless", "dimensionless")
        except ValueError as error:
            expected = "a unit such as mg, ohm or percent"
            found.append(Finding(loc=("unit",), message=str(error), expected=expected))
        refuse(found)
        return self

    @property
    def derived(self) -> bool:
        """Whether a scorer derives it from readings."""
        return self.scorer is not None

    @property
    def shown(self) -> str:
        """The title, or the name as a person reads it."""
        if self.title:
            return self.title
        # What stands before the last word is one adjective: coloured-cell ratio.
        return self.name.replace("_", "-", min(1, self.name.count("_") - 1)).replace("_", " ")

    @cached_property
    def scale(self) -> Scale:
        """Unit and natural range: its own, or where it has neither those of its scorer."""
        unit, natural_range = self.unit, self.natural_range
        if self.scorer is not None and not unit and natural_range is None:
            unit, natural_range = _declared(self.scorer)
        return Scale(self.shown, unit if unit != "dimensionless" else "", natural_range)

    @property
    def column(self) -> str:
        """The head of its column in a table of wells, which is read back as past results.

        A ratio that is the objective is called `ratio` there; see `results.tables`.
        """
        unit = self.scale.unit
        return f"{self.name} [{unit}]" if unit else self.name


class ObjectiveChoice(_Model):
    """An outcome that is to be high, low, or near a target."""

    outcome: Name
    direction: Direction
    target: Finite | None = Field(
        None, description="of match: the value to come near to, in the outcome's unit"
    )
    threshold: Finite | None = Field(
        None, description="where there are several: the worst value that is still of interest"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.direction == "match") == (self.target is None):
            message = "missing" if self.target is None else f"{self.direction} has no target"
            expected = "the value to come near to" if self.target is None else "direction: match"
            refuse([Finding(loc=("target",), message=message, expected=expected)])
        return self

    def utility(self, value: float) -> float:
        """What is to be raised: the value, its negative, or minus its distance to the target."""
        if self.direction == "maximise":
            return value
        return -value if self.direction == "minimise" else -abs(value - (self.target or 0.0))

    def best(self, values: Iterable[float]) -> float | None:
        """The value with the highest utility; None of none."""
        return max(values, key=self.utility, default=None)

    @property
    def extreme(self) -> str:
        """What the best of some values is called: max, min or nearest."""
        return {"maximise": "max", "minimise": "min", "match": "nearest"}[self.direction]

    def words(self, scale: Scale) -> str:
        """What is wanted, such as `minimised` or `matched to 7.2`."""
        if self.direction == "match":
            return f"matched to {scale.text(self.target)}"
        return f"{self.direction}d"


class OutcomeConstraint(_Model):
    """An outcome that a condition must keep at or above, or at or below, a value."""

    outcome: Name
    at_least: Finite | None = None
    at_most: Finite | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.at_least is None and self.at_most is None:
            expected = "at_least, at_most or both"
            refuse([Finding(loc=("at_least",), message="missing", expected=expected)])
        low, high = self.at_least, self.at_most
        if low is not None and high is not None and low > high:
            message = f"nothing is at least {low:g} and at most {high:g}"
            expected = "at_least below at_most"
            refuse([Finding(loc=("at_least",), message=message, expected=expected)])
        return self

    def allows(self, value: float | None) -> bool:
        """Whether a value is known and within the bounds."""
        if value is None:
            return False
        low = -math.inf if self.at_least is None else self.at_least
        high = math.inf if self.at_most is None else self.at_most
        return low <= value <= high


@cache
def _declared(scorer: str) -> tuple[str, tuple[float, float] | None]:
    """Unit and natural range that an installed scorer declares of its values."""
    found = next(iter(announced(SCORERS).select(name=scorer)), None)
    try:
        kind = None if found is None else found.load()
    except ImportError:
        kind = None
    return getattr(kind, "unit", ""), getattr(kind, "natural_range", None)
