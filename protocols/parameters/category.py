"""One of several values without an order."""

from typing import Annotated, Any, Literal, Self
from unicodedata import normalize

from pydantic import BeforeValidator, Field, model_validator

from protocols.conditions import Value
from protocols.errors import Finding, refuse
from protocols.parameters.base import BaseParameter

_TRUTH = {"true": 1, "false": 0}


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
        default_factory=dict, description="level -> what the robot receives"
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
        """The level that `value` denotes (0.0 denotes 0), or None.

        A letter with an accent is the same however its text is composed (NFC or NFD).
        """
        text = normalize("NFC", str(value))
        return next(
            (
                level
                for level in self.levels
                if level == value or normalize("NFC", str(level)) == text
            ),
            None,
        )

    def from_text(self, text: str) -> Value | None:
        """The level with this text; or else with this label; or else this number or truth value."""
        found = self.snap(text)
        if found is not None:
            return found
        text = normalize("NFC", text)
        for alike in (str, str.casefold):
            labelled = {
                level
                for level in self.levels
                for known in (str(level), self.labels.get(str(level), str(level)))
                if alike(normalize("NFC", known)) == alike(text)
            }
            if labelled:
                return labelled.pop() if len(labelled) == 1 else None
        try:
            return self.snap(float(_TRUTH.get(text.casefold(), text)))
        except ValueError:
            return None

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
