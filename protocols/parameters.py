"""Parameters and the search space: what may vary, within which levels or range, and what the well decides."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from protocols.conditions import Condition, Finite, Value
from protocols.constraints import Constraint, Cost, ForbiddenCombination
from protocols.errors import Finding, Loc, refuse
from protocols.quantities import same_dimension

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case letters, digits and underscores")]

_TOLERANCE = 1e-9


class DecidedByWell(BaseModel):
    """A parameter whose value follows from the well: base of the round + per_well for each well in processing order.

    Both are in the parameter's unit. `base` has one entry a round; its last entry holds for all later rounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: tuple[Finite, ...] = Field(min_length=1)
    per_well: Finite

    def value(self, round: int, well: int) -> float:
        """The value in well number `well` (from 1, in processing order) in round number `round` (from 1)."""
        return self.base[min(round, len(self.base)) - 1] + self.per_well * (well - 1)


class _Parameter(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    step: Name | Annotated[str, Field(pattern=r"^[A-Z]$")] = Field(description="the protocol step that uses it")
    title: str = ""
    unit: str = Field("", description="a unit that pint knows, such as nM, day, mm/s; empty for a pure number")

    def _unit_findings(self) -> list[Finding]:
        try:
            same_dimension(self.unit or "dimensionless", "dimensionless")
        except ValueError as error:
            return [Finding(loc=("unit",), message=str(error), expected="a unit such as nM, min or mm/s")]
        return []


class _NumericParameter(_Parameter, ABC):
    scale: Literal["linear", "log"] = "linear"
    standard: Finite | None = Field(None, description="today's hand-made practice; absent if the well decides")
    decided_by_well: DecidedByWell | None = None

    @abstractmethod
    def allows(self, value: Value) -> bool:
        """Whether `value` (in `unit`) is allowed."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """What is allowed, for people."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest allowed value."""

    def to_unit_interval(self, value: float) -> float:
        """Where `value` lies between the bounds, on the parameter's scale: 0 at the lowest, 1 at the highest."""
        (low, high), number = self.bounds, value
        if self.scale == "log":
            low, high, number = math.log(low), math.log(high), math.log(value)
        return (number - low) / (high - low)

    def from_unit_interval(self, share: float) -> float:
        """The inverse of `to_unit_interval`; the result is in range but not yet on a level."""
        low, high = self.bounds
        if self.scale == "log":
            return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        return low + share * (high - low)

    def _standard_findings(self) -> list[Finding]:
        if self.standard is None:
            if self.decided_by_well is None:
                return [Finding(loc=("standard",), message="missing", expected="the value of the standard condition")]
            return []
        if not self.allows(self.standard):
            return [Finding(loc=("standard",), message=f"{self.standard:g} is not allowed", expected=self.allowed)]
        return []


class ContinuousParameter(_NumericParameter):
    """Any value from `low` to `high`, both included, in `unit`."""

    kind: Literal["continuous"]
    low: Finite
    high: Finite

    @model_validator(mode="after")
    def _check(self) -> Self:
        findings = self._unit_findings()
        if not self.low < self.high:
            findings.append(Finding(loc=("high",), message=f"{self.high:g} is not above low", expected="low < high"))
        elif self.scale == "log" and self.low <= 0:
            findings.append(Finding(loc=("low",), message=f"{self.low:g} on a log scale", expected="a number above 0"))
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
    return [round(low + by * index, 12) for index in range(math.floor((high - low) / by + 1e-9) + 1)]


class SteppedParameter(_NumericParameter):
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
        if any(later <= earlier for earlier, later in zip(self.levels, self.levels[1:], strict=False)):
            findings.append(
                Finding(loc=("levels",), message="the levels do not rise", expected="each level once, lowest first")
            )
        elif self.scale == "log" and self.levels[0] <= 0:
            findings.append(
                Finding(loc=("levels", 0), message=f"{self.levels[0]:g} on a log scale", expected="a number above 0")
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

    def snap(self, value: Value) -> Value | None:
        """The level that `value` stands for, or None."""
        if isinstance(value, str):
            return None
        return next((level for level in self.levels if math.isclose(level, value, rel_tol=_TOLERANCE)), None)


def _string_keys(labels: Any) -> Any:
    return {str(level): label for level, label in labels.items()} if isinstance(labels, dict) else labels


class CategoryParameter(_Parameter):
    """One of several values without an order; `labels` name them for the robot and for people."""

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
            findings.append(Finding(loc=("levels",), message="a level stands twice", expected="each level once"))
        for value in self.labels:
            if self.snap(value) is None:
                findings.append(Finding(loc=("labels",), message=f"{value!r} is not a level", expected=self.allowed))
        if self.standard is None:
            findings.append(Finding(loc=("standard",), message="missing", expected=self.allowed))
        elif self.standard not in self.levels:
            findings.append(
                Finding(loc=("standard",), message=f"{self.standard!r} is not allowed", expected=self.allowed)
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
        return "one of " + " ".join(f"{level} ({label})" if label else str(level) for level, label in labels.items())

    def snap(self, value: Value) -> Value | None:
        """The level that `value` stands for (0.0 stands for 0), or None."""
        return next((level for level in self.levels if level == value or str(level) == str(value)), None)

    def label(self, value: Value) -> str:
        """What the robot is told for a level: its label, or the level itself."""
        return self.labels.get(str(value), str(value))


Parameter = Annotated[ContinuousParameter | SteppedParameter | CategoryParameter, Field(discriminator="kind")]


class SearchSpace(BaseModel):
    """The parameters of a campaign, each with another name, and what may not come together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: tuple[Parameter, ...] = Field(min_length=1)
    constraints: tuple[Constraint, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(duplicate_names(self.parameters, "parameters"))
        refuse(list(constraint_findings(self.parameters, self.constraints)))
        return self

    def __hash__(self) -> int:
        return hash(tuple(parameter.name for parameter in self.parameters))

    def permits(self, values: Mapping[str, Value]) -> bool:
        """Whether every constraint holds for a condition whose values are allowed one by one."""
        return all(constraint.permits(values) for constraint in self.constraints)

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        """Parameters by name, in the order of the file."""
        return {parameter.name: parameter for parameter in self.parameters}

    @property
    def decided(self) -> tuple[ContinuousParameter | SteppedParameter, ...]:
        """The parameters that the well decides."""
        return tuple(
            parameter
            for parameter in self.parameters
            if not isinstance(parameter, CategoryParameter) and parameter.decided_by_well is not None
        )

    def decided_values(self, round: int, well: int) -> dict[str, Value]:
        """What well number `well` (from 1, in processing order) decides in round number `round` (from 1)."""
        return {
            parameter.name: _snapped(parameter, parameter.decided_by_well.value(round, well))
            for parameter in self.decided
            if parameter.decided_by_well is not None
        }

    def standard(self, decided: Mapping[str, Value]) -> Condition:
        """The standard condition in a well that decides `decided`."""
        return Condition(
            {
                parameter.name: value
                for parameter in self.parameters
                if (value := decided.get(parameter.name, parameter.standard)) is not None
            }
        )

    def standard_fits(self, decided: Mapping[str, Value]) -> bool:
        """Whether the standard condition may sit in a well that decides `decided`."""
        agrees = all(
            self.by_name[name].standard is None or self.by_name[name].standard == value
            for name, value in decided.items()
        )
        return agrees and self.permits(self.standard(decided).root)

    def snap(self, values: Mapping[str, Value]) -> Condition | None:
        """The condition that `values` stand for, on exact levels; None if one is missing or not allowed."""
        snapped: dict[str, Value] = {}
        for parameter in self.parameters:
            value = parameter.snap(values[parameter.name]) if parameter.name in values else None
            if value is None:
                return None
            snapped[parameter.name] = value
        return Condition(snapped)

    @property
    def size(self) -> float:
        """How many conditions there are; infinite with a continuous parameter."""
        return math.prod(
            math.inf if isinstance(parameter, ContinuousParameter) else len(parameter.levels)
            for parameter in self.parameters
        )


def constraint_findings(parameters: Sequence[Parameter], constraints: Sequence[Constraint]) -> Iterator[Finding]:
    """What is wrong between parameters and constraints: unknown names, values, and a standard that is not permitted."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for index, constraint in enumerate(constraints):
        wrong = list(_term_findings(constraint, by_name, ("constraints", index)))
        yield from wrong
        standard = {} if wrong else {name: by_name[name].standard for name in constraint.names}
        known = {name: value for name, value in standard.items() if value is not None}
        if known and known == standard and not constraint.permits(known):
            message = f"the standard condition is not permitted ({constraint})"
            yield Finding(loc=("constraints", index), message=message, expected="a constraint that it meets")


def cost_findings(parameters: Sequence[Parameter], costs: Sequence[Cost]) -> Iterator[Finding]:
    """What is wrong between parameters and costs: unknown names, and categories, which cannot be summed."""
    by_name = {parameter.name: parameter for parameter in parameters}
    for index, cost in enumerate(costs):
        yield from _term_findings(cost, by_name, ("costs", index))


def _term_findings(bound: Constraint | Cost, by_name: Mapping[str, Parameter], place: Loc) -> Iterator[Finding]:
    forbidden = bound.when if isinstance(bound, ForbiddenCombination) else {}
    summed = {} if isinstance(bound, ForbiddenCombination) else bound.terms
    for name in sorted([*forbidden, *summed]):
        parameter = by_name.get(name)
        loc: Loc = (*place, "terms" if summed else "when", name)
        if parameter is None:
            message = f"{name!r} is not a parameter of this campaign"
            yield Finding(loc=loc, message=message, expected="one of " + ", ".join(by_name))
        elif summed and isinstance(parameter, CategoryParameter):
            yield Finding(loc=loc, message=f"{name!r} is a category, which cannot be summed", expected="a number")
        for value in forbidden.get(name, ()):
            # A text that only looks like the level would forbid nothing.
            if parameter is not None and parameter.snap(value) != value:
                yield Finding(loc=loc, message=f"{value!r} is not allowed for {name!r}", expected=parameter.allowed)


def duplicate_names(things: Sequence[Any], key: str) -> list[Finding]:
    """A finding for each thing whose `name` an earlier one already has."""
    seen: set[str] = set()
    findings = []
    for index, thing in enumerate(things):
        if thing.name in seen:
            findings.append(
                Finding(loc=(key, index, "name"), message=f"{thing.name!r} stands twice", expected="each name once")
            )
        seen.add(thing.name)
    return findings


def _snapped(parameter: ContinuousParameter | SteppedParameter, value: float) -> Value:
    snapped = parameter.snap(value)
    return value if snapped is None else snapped
