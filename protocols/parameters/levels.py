"""Parameters whose values are named levels."""

from typing import Any
from unicodedata import normalize

from protocols.conditions import Value
from protocols.parameters.base import BaseParameter

_TRUTH = {"true": 1, "false": 0, "yes": 1, "no": 0}


def string_keys(labels: Any) -> Any:
    """A mapping with its keys as text; anything else as it is."""
    return (
        {str(level): label for level, label in labels.items()}
        if isinstance(labels, dict)
        else labels
    )


class LevelsParameter(BaseParameter):
    """A parameter with two or more levels, which have labels for the robot and for people."""

    numeric = False

    @property
    def _levels(self) -> tuple[Value, ...]:
        found = self.choices
        assert found is not None
        return found

    def allows(self, value: Value) -> bool:
        """Whether `value` is one of the levels."""
        return value in self._levels

    @property
    def allowed(self) -> str:
        """The levels with their labels, for people."""
        labels = {level: self.level_labels.get(str(level)) for level in self._levels}
        return "one of " + " ".join(
            f"{level} ({label})" if label else str(level) for level, label in labels.items()
        )

    def amount(self, value: Value) -> float:
        """The place of a level, from 0."""
        return float(self._levels.index(value))

    def snap(self, value: Value) -> Value | None:
        """The level that `value` denotes (0.0 denotes 0), or None.

        A letter with an accent is the same however its text is composed (NFC or NFD).
        """
        text = normalize("NFC", str(value))
        return next(
            (
                level
                for level in self._levels
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
                for level in self._levels
                for known in (str(level), self.level_labels.get(str(level), str(level)))
                if alike(normalize("NFC", known)) == alike(text)
            }
            if labelled:
                return labelled.pop() if len(labelled) == 1 else None
        try:
            return self.snap(float(_TRUTH.get(text.casefold(), text)))
        except ValueError:
            return None

    @property
    def extremes(self) -> tuple[Value, Value]:
        """The first and the last level."""
        return self._levels[0], self._levels[-1]

    def to_unit_interval(self, value: Value) -> float:
        """The index of a level as a share of the last one's."""
        return float(self._levels.index(value)) / (len(self._levels) - 1)

    def feature(self, value: Value) -> float:
        """The index of a level, or its share of the last one's where levels have an order."""
        return self.to_unit_interval(value) if self.has_order else self.amount(value)

    def value_of(self, entry: float) -> Value:
        """The level with this index."""
        return self._levels[int(entry)]
