"""Parameters: what may vary, within which levels or range, and how each kind becomes numbers."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from protocols.conditions import Finite, Value
from protocols.errors import Finding, refuse
from protocols.plugins import OneOf, Registry
from protocols.quantities import same_dimension

Name = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and underscores"),
]

_TOLERANCE = 1e-9


class DecidedByWell(BaseModel):
    """A parameter whose value follows from the well: base of the round + per_well for each well in processing order.

    Both are in the parameter's unit. `base` has one entry a round; its last entry holds for all
    later rounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: tuple[Finite, ...] = Field(min_length=1)
    per_well: Finite

    def value(self, round_number: int, well: int) -> float:
        """The value in well number `well` (from 1, in processing order) in round number `round` (from 1)."""
        return self.base[min(round_number, len(self.base)) - 1] + self.per_well * (well - 1)


class BaseParameter(BaseModel, ABC):
    """One thing that may vary between conditions. A kind says what is allowed and how it becomes numbers.

    A new kind is a subclass, of `NumericParameter` where its values are numbers, with a field
    `kind` of one value. Ours stand in the list below; those of other packages are entry points
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

    if (
        TYPE_CHECKING
    ):  # Each kind declares its own, because fields are serialised in the order of declaration.
        kind: str
        standard: Value | None
        decided_by_well: DecidedByWell | None

    @abstractmethod
    def allows(self, value: Value) -> bool:
        """Whether `value` (in `unit`) is allowed."""

    @abstractmethod
    def snap(self, value: Value) -> Value | None:
        """The allowed value that `value` stands for, or None."""

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
        """The index of an allowed value among the choices.

        Its share of the range where there are none.
        """
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
        """What the robot is told, by level as text, where that is not the level itself."""
        return {}

    def label(self, value: Value) -> str:
        """What the robot is told for a value: its label, or the value itself."""
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


class NumericParameter(BaseParameter):
    """A parameter whose values are numbers, on a linear or a logarithmic scale."""

    numeric = True

    scale: Literal["linear", "log"] = "linear"
    standard: Finite | None = Field(
        None, description="today's hand-made practice; absent if the well decides"
    )
    decided_by_well: DecidedByWell | None = None

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest allowed value."""

    @property
    def extremes(self) -> tuple[float, float]:
        """The bounds."""
        return self.bounds

    @property
    def log_scale(self) -> bool:
        """Whether its scale is logarithmic."""
        return self.scale == "log"

    def to_unit_interval(self, value: Value) -> float:
        """Where `value` lies between the bounds, on the parameter's scale.

        0 at the lowest, 1 at the highest.
        """
        (low, high), number = self.bounds, float(value)
        if self.scale == "log":
            low, high, number = math.log(low), math.log(high), math.log(number)
        return (number - low) / (high - low)

    def from_unit_interval(self, share: float) -> float:
        """The inverse of `to_unit_interval`; the result is in range but not yet on a level."""
        low, high = self.bounds
        if self.scale == "log":
            return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        return low + share * (high - low)

    def feature(self, value: Value) -> float:
        """Its share of the range, on the parameter's scale."""
        return self.to_unit_interval(value)

    def value_of(self, entry: float) -> Value:
        """The choice with this index, or the value at this share of the range.

        Such a value has six significant digits, which are finer than any instrument and print well.
        """
        if self.choices is not None:
            return self.choices[int(entry)]
        return float(f"{self.from_unit_interval(entry):.6g}")

    def _standard_findings(self) -> list[Finding]:
        if self.standard is None:
            if self.decided_by_well is None:
                return [
                    Finding(
                        loc=("standard",),
                        message="missing",
                        expected="the value of the standard condition",
                    )
                ]
            return []
        if not self.allows(self.standard):
            return [
                Finding(
                    loc=("standard",),
                    message=f"{self.standard:g} is not allowed",
                    expected=self.allowed,
                )
            ]
        return []


class ContinuousParameter(NumericParameter):
    """Any value from `low` to `high`, both included, in `unit`."""

    kind: Literal["continuous"]
    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _check(self) -> Self:
        findings = self._unit_findings()
        if not self.low < self.high:
            findings.append(
                Finding(
                    loc=("high",), message=f"{self.high:g} is not above low", expected="low < high"
                )
            )
        elif self.scale == "log" and self.low <= 0:
            findings.append(
                Finding(
                    loc=("low",),
                    message=f"{self.low:g} on a log scale",
                    expected="a number above 0",
                )
            )
        else:
            findings += self._standard_findings()
        refuse(findings)
        return self

    def allows(self, value: Value) -> bool:
        """Whether `value` (in `unit`) lies in the range, to within rounding."""
        margin = _TOLERANCE * (self.high - self.low)
        return not isinstance(value, str) and self.low - margin <= value <= self.high + margin

    @property
    def allowed(self) -> str:
        """The range, for people."""
        return f"{self.low:g} to {self.high:g} {self.unit}".rstrip()

    @property
    def bounds(self) -> tuple[float, float]:
        """`low` and `high`."""
        return self.low, self.high

    @property
    def choices(self) -> None:
        """None: there is a range instead."""
        return None

    def snap(self, value: Value) -> Value | None:
        """The allowed value that `value` stands for, or None."""
        return min(max(float(value), self.low), self.high) if self.allows(value) else None


def _expand_range(levels: Any) -> Any:
    if not isinstance(levels, Mapping):
        return levels
    unknown = set(levels) - {"from", "to", "by"}
    try:
        low, high, by = float(levels["from"]), float(levels["to"]), float(levels.get("by", 1))
    except (KeyError, TypeError, ValueError):
        unknown.add("")
        low = high = by = math.nan
    if unknown or not (low < high and by > 0):
        raise ValueError(f"{levels} is not a range of levels such as {{from: 1, to: 6, by: 1}}")
    return [
        round(low + by * index, 12) for index in range(math.floor((high - low) / by + 1e-9) + 1)
    ]


class SteppedParameter(NumericParameter):
    """One of several ordered numbers, in `unit`."""

    kind: Literal["stepped"]
    levels: Annotated[tuple[Finite, ...], BeforeValidator(_expand_range)] = Field(
        min_length=2,
        description="ordered numbers, or a range such as {from: 1, to: 6, by: 1}",
        json_schema_extra={
            "anyOf": [
                {"type": "array", "items": {"type": "number"}, "minItems": 2},
                {
                    "type": "object",
                    "properties": {key: {"type": "number"} for key in ("from", "to", "by")},
                    "required": ["from", "to"],
                    "additionalProperties": False,
                },
            ]
        },
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        findings = self._unit_findings()
        if any(
            later <= earlier for earlier, later in zip(self.levels, self.levels[1:], strict=False)
        ):
            findings.append(
                Finding(
                    loc=("levels",),
                    message="the levels do not rise",
                    expected="each level once, lowest first",
                )
            )
        elif self.scale == "log" and self.levels[0] <= 0:
            findings.append(
                Finding(
                    loc=("levels", 0),
                    message=f"{self.levels[0]:g} on a log scale",
                    expected="a number above 0",
                )
            )
        else:
            findings += self._standard_findings()
        refuse(findings)
        return self

    def allows(self, value: Value) -> bool:
        """Whether `value` is one of the levels, to within rounding."""
        return self.snap(value) is not None

    @property
    def allowed(self) -> str:
        """The levels, for people; long lists are shortened."""
        shown = [f"{level:g}" for level in self.levels]
        if len(shown) > 12:
            shown = [*shown[:5], "...", *shown[-2:]]
        return f"one of {' '.join(shown)} {self.unit}".rstrip()

    @property
    def bounds(self) -> tuple[float, float]:
        """The first and the last level."""
        return self.levels[0], self.levels[-1]

    @property
    def choices(self) -> tuple[float, ...]:
        """The levels."""
        return self.levels

    def snap(self, value: Value) -> Value | None:
        """The level that `value` stands for, or None."""
        if isinstance(value, str):
            return None
        return next(
            (level for level in self.levels if math.isclose(level, value, rel_tol=_TOLERANCE)), None
        )


def _string_keys(labels: Any) -> Any:
    return (
        {str(level): label for level, label in labels.items()}
        if isinstance(labels, dict)
        else labels
    )


class CategoryParameter(BaseParameter):
    """One of several values without an order; `labels` name them for the robot and for people."""

    numeric = False

    kind: Literal["category"]
    levels: tuple[Value, ...] = Field(min_length=2)
    labels: Annotated[dict[str, str], BeforeValidator(_string_keys)] = Field(
        default_factory=dict, description="level -> what the robot is told"
    )
    standard: Value | None = None
    decided_by_well: None = Field(None, exclude=True)

    @model_validator(mode="after")
    def _check(self) -> Self:
        findings = self._unit_findings()
        if len(set(self.levels)) != len(self.levels):
            findings.append(
                Finding(
                    loc=("levels",), message="a level is duplicated", expected="each level once"
                )
            )
        for value in self.labels:
            if self.snap(value) is None:
                findings.append(
                    Finding(
                        loc=("labels",), message=f"{value!r} is not a level", expected=self.allowed
                    )
                )
        if self.standard is None:
            findings.append(Finding(loc=("standard",), message="missing", expected=self.allowed))
        elif self.standard not in self.levels:
            findings.append(
                Finding(
                    loc=("standard",),
                    message=f"{self.standard!r} is not allowed",
                    expected=self.allowed,
                )
            )
        refuse(findings)
        return self

    def allows(self, value: Value) -> bool:
        """Whether `value` is one of the levels."""
        return value in self.levels

    @property
    def allowed(self) -> str:
        """The levels with their labels, for people."""
        labels = {level: self.labels.get(str(level)) for level in self.levels}
        return "one of " + " ".join(
            f"{level} ({label})" if label else str(level) for level, label in labels.items()
        )

    def snap(self, value: Value) -> Value | None:
        """The level that `value` stands for (0.0 stands for 0), or None."""
        return next(
            (level for level in self.levels if level == value or str(level) == str(value)), None
        )

    @property
    def choices(self) -> tuple[Value, ...]:
        """The levels."""
        return self.levels

    @property
    def extremes(self) -> tuple[Value, Value]:
        """The first and the last level."""
        return self.levels[0], self.levels[-1]

    def to_unit_interval(self, value: Value) -> float:
        """The index of a level as a share of the last one's."""
        return float(self.levels.index(value)) / (len(self.levels) - 1)

    def feature(self, value: Value) -> float:
        """The index of a level."""
        return float(self.levels.index(value))

    def value_of(self, entry: float) -> Value:
        """The level with this index."""
        return self.levels[int(entry)]

    @property
    def level_labels(self) -> dict[str, str]:
        """The labels."""
        return self.labels


PARAMETER_KINDS: Registry[BaseParameter] = Registry(
    "wellwise.parameters", (ContinuousParameter, SteppedParameter, CategoryParameter)
)
"""Every kind of parameter by its name."""

Parameter = Annotated[BaseParameter, OneOf(PARAMETER_KINDS, "kind")]
"""Any parameter, as a campaign file has it."""
