"""Any whole number of a range."""

from typing import Literal, Self

from pydantic import model_validator

from protocols.conditions import Value, Whole
from protocols.errors import Finding, refuse
from protocols.parameters.numeric import NumericParameter
from protocols.parameters.stepped import MOST_LEVELS


class IntegerParameter(NumericParameter):
    """Any whole number from `low` to `high`, both included, in `unit`."""

    kind: Literal["integer"]
    low: Whole
    high: Whole

    @model_validator(mode="after")
    def _check(self) -> Self:
        findings = self._unit_findings()
        if not self.low < self.high:
            message = f"{self.high} is not above low"
            findings.append(Finding(loc=("high",), message=message, expected="low < high"))
        elif self.high - self.low >= MOST_LEVELS:
            message = f"{self.high - self.low + 1:,} levels"
            expected = f"at most {MOST_LEVELS:,}: take a continuous parameter"
            findings.append(Finding(loc=("high",), message=message, expected=expected))
        elif self.scale == "log" and self.low <= 0:
            message = f"{self.low} on a log scale"
            findings.append(Finding(loc=("low",), message=message, expected="a number above 0"))
        else:
            findings += self._standard_findings()
        refuse(findings)
        return self

    def allows(self, value: Value) -> bool:
        """Whether `value` is a whole number of the range."""
        return self.snap(value) is not None

    @property
    def allowed(self) -> str:
        """The range, for people."""
        return f"a whole number from {self.low} to {self.high} {self.unit}".rstrip()

    @property
    def bounds(self) -> tuple[float, float]:
        """`low` and `high`."""
        return self.low, self.high

    @property
    def choices(self) -> tuple[int, ...]:
        """Each whole number of the range."""
        return tuple(range(self.low, self.high + 1))

    def entry(self, value: Value) -> float:
        """How many whole numbers are before it."""
        return float(value) - self.low

    def snap(self, value: Value) -> Value | None:
        """The whole number that `value` denotes, or None."""
        if isinstance(value, str) or value != int(value):
            return None
        return int(value) if self.low <= value <= self.high else None
