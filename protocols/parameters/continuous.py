"""Any value of a range."""

from typing import Literal, Self

from pydantic import model_validator

from protocols.conditions import Finite, Value
from protocols.errors import Finding, refuse
from protocols.parameters.base import TOLERANCE
from protocols.parameters.numeric import NumericParameter


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
        margin = TOLERANCE * (self.high - self.low)
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
        """The allowed value that `value` denotes, or None."""
        return min(max(float(value), self.low), self.high) if self.allows(value) else None
