"""One of several named levels."""

import statistics
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from protocols.conditions import MOST, Finite, Value
from protocols.errors import Finding, refuse
from protocols.parameters.levels import LevelsParameter, string_keys

Descriptors = dict[str, dict[str, Finite | str]]


class CategoryParameter(LevelsParameter):
    """One of several values without an order; `labels` name them for the robot and for people.

    With `ordered` the levels have an order, from low to high: they stand in sums as their places,
    0, 1, 2, ..., and a model sees how far apart they are.

    `descriptors` are properties of the levels, such as the polarity and the boiling point of
    solvents: levels with like properties are expected to do alike. A property is used if it is a
    number for every level; text, such as SMILES, says which substance a level is.
    """

    kind: Literal["category"]
    levels: tuple[Value, ...] = Field(min_length=2, max_length=MOST)
    labels: Annotated[dict[str, str], BeforeValidator(string_keys)] = Field(
        default_factory=dict, max_length=MOST, description="level -> what the robot receives"
    )
    ordered: bool = Field(
        False, description="whether the levels rise in this order", exclude_if=lambda it: not it
    )
    descriptors: Annotated[Descriptors, BeforeValidator(string_keys)] = Field(
        default_factory=dict,
        max_length=MOST,
        description="level -> property -> number, or text; in a file also the name of a table",
        exclude_if=lambda it: not it,
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
        if self.standard is not None and self.standard not in self.levels:
            findings.append(
                Finding(
                    loc=("standard",),
                    message=f"{self.standard!r} is not allowed",
                    expected=self.allowed,
                )
            )
        refuse(findings + self._descriptor_findings())
        return self

    def _descriptor_findings(self) -> list[Finding]:
        if not self.descriptors:
            return []
        levels = {str(level) for level in self.levels}
        findings = [
            Finding(loc=("descriptors",), message=f"{name!r} has none", expected="one a level")
            for name in sorted(levels - self.descriptors.keys())
        ]
        findings += [
            Finding(
                loc=("descriptors", name),
                message=f"{name!r} is not a level",
                expected=self.allowed,
            )
            for name in sorted(self.descriptors.keys() - levels)
        ]
        if self.ordered:
            message = "levels have either an order or descriptors"
            findings.append(Finding(loc=("descriptors",), message=message, expected="one of them"))
        elif not findings and not self.numeric_descriptors:
            message = "no property is a number for every level that differs between levels"
            expected = "such as {DMF: {polarity: 6.4}, THF: {polarity: 4.0}}"
            findings.append(Finding(loc=("descriptors",), message=message, expected=expected))
        return findings

    @property
    def numeric_descriptors(self) -> dict[str, tuple[float, ...]]:
        """The properties that are numbers for every level and differ: a number a level."""
        found = {}
        rows = [self.descriptors.get(str(level), {}) for level in self.levels]
        for name in rows[0]:
            numbers = [row.get(name) for row in rows]
            values = tuple(float(n) for n in numbers if isinstance(n, int | float))
            if len(values) == len(rows) and len(set(values)) > 1:
                found[name] = values
        return found

    @property
    def coordinates(self) -> tuple[tuple[float, ...], ...]:
        """The numeric descriptors of each level, each with mean 0 and variance 1."""
        columns = []
        for values in self.numeric_descriptors.values():
            mean, sd = statistics.fmean(values), statistics.pstdev(values)
            columns.append([(value - mean) / sd for value in values])
        return tuple(zip(*columns, strict=True))

    @property
    def has_order(self) -> bool:
        """Whether the levels are ordered."""
        return self.ordered

    @property
    def choices(self) -> tuple[Value, ...]:
        """The levels."""
        return self.levels

    @property
    def level_labels(self) -> dict[str, str]:
        """The labels."""
        return self.labels
