"""One of several ordered numbers."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from protocols.conditions import LARGEST, Finite, Value
from protocols.errors import Finding, refuse
from protocols.parameters.base import TOLERANCE
from protocols.parameters.numeric import NumericParameter

MOST_LEVELS = 10_000


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
    number = math.floor((high - low) / by + 1e-9) + 1
    if number > MOST_LEVELS:
        raise ValueError(
            f"{levels} has {number:,} levels (expected at most {MOST_LEVELS:,}): take a continuous "
            "parameter, or a larger step"
        )
    return [round(low + by * index, 12) for index in range(number)]


_NUMBER = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
_LEVELS = {
    "anyOf": [
        {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": MOST_LEVELS},
        {
            "type": "object",
            "properties": dict.fromkeys(("from", "to", "by"), _NUMBER),
            "required": ["from", "to"],
            "additionalProperties": False,
        },
    ]
}


class SteppedParameter(NumericParameter):
    """One of several ordered numbers, in `unit`."""

    kind: Literal["stepped"]
    levels: Annotated[
        tuple[Finite, ...], BeforeValidator(_expand_range), WithJsonSchema(_LEVELS)
    ] = Field(
        min_length=2,
        max_length=MOST_LEVELS,
        description="ordered numbers, or a range such as {from: 1, to: 6, by: 1}",
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
        """The level that `value` denotes, or None."""
        if isinstance(value, str):
            return None
        return next(
            (level for level in self.levels if math.isclose(level, value, rel_tol=TOLERANCE)), None
        )
