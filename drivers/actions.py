"""Actions and settings that a driver declares: which values they take, in which units."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from protocols.operations import Call, Set
from protocols.quantities import conversion

Plain = StrictBool | int | float | str
"""A value without its unit, as a device takes it."""


class ValueType(BaseModel):
    """Which values an argument or a setting takes: kind, unit, lowest and highest.

    `default` is that of an argument that may be left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["number", "whole", "text", "truth"] = "number"
    unit: str = Field("", description="into which numbers are converted")
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = Field((), description="the texts that it takes; any if empty")
    default: Plain | None = None

    @property
    def expected(self) -> str:
        """What is allowed, for people."""
        if self.kind == "truth":
            return "true or false"
        if self.kind == "text":
            return f"one of {', '.join(self.choices)}" if self.choices else "a text"
        number = "a whole number" if self.kind == "whole" else "a number"
        low = "" if self.low is None else f" from {self.low:g}"
        high = "" if self.high is None else f" to {self.high:g}"
        return f"{number}{low}{high} {self.unit}".rstrip()

    def taken(self, value: Plain, unit: str) -> Plain:
        """The value in this one's unit.

        Raises:
            ValueError: it takes no such value.
        """
        wrong = f"{value} {unit}".rstrip() + f" (expected {self.expected})"
        if self.kind == "truth" or isinstance(value, bool):
            if self.kind == "truth" and isinstance(value, bool):
                return value
            raise ValueError(wrong)
        if self.kind == "text":
            if isinstance(value, str) and not unit and value in (self.choices or (value,)):
                return value
            raise ValueError(wrong)
        if isinstance(value, str):
            raise ValueError(wrong)
        try:
            number = conversion(value, unit, self.unit or "dimensionless") if unit else float(value)
        except ValueError:
            raise ValueError(wrong) from None
        within = (self.low is None or number >= self.low) and (
            self.high is None or number <= self.high
        )
        if not within or (self.kind == "whole" and not number.is_integer()):
            raise ValueError(wrong)
        return int(number) if self.kind == "whole" else number

    @property
    def typical(self) -> Plain:
        """A value that it takes, for a bench check."""
        if self.default is not None:
            return self.default
        if self.kind == "truth":
            return False
        if self.kind == "text":
            return self.choices[0] if self.choices else "bench"
        return self.low if self.low is not None else min(1.0, self.high or 1.0)


class Action(BaseModel):
    """An action of a device: its arguments, and what it does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arguments: Mapping[str, ValueType] = Field(default_factory=dict)
    description: str = ""

    def taken(self, call: Call) -> dict[str, Plain]:
        """The arguments of a call, in the units of the device; those left out at their default.

        Raises:
            ValueError: with everything that is wrong with them.
        """
        found = {
            name: argument.default
            for name, argument in self.arguments.items()
            if argument.default is not None
        }
        wrong = []
        for given in call.arguments:
            known = self.arguments.get(given.name)
            if known is None:
                names = ", ".join(self.arguments) or "none"
                wrong.append(f"there is no {given.name} (expected some of {names})")
                continue
            try:
                found[given.name] = known.taken(given.value, given.unit)
            except ValueError as error:
                wrong.append(f"{given.name} cannot be {error}")
        named = {given.name for given in call.arguments}
        wrong += [
            f"{name} is missing (expected {argument.expected})"
            for name, argument in self.arguments.items()
            if argument.default is None and name not in named
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return found


def refusals_of(
    operation: Any,
    actions: Mapping[str, Action] | None,
    settings: Mapping[str, ValueType] | None,
) -> Iterator[str]:
    """Why a call or a setting is not one that a driver declares; None declares any."""
    if isinstance(operation, Call) and actions is not None:
        action = actions.get(operation.action)
        if action is None:
            names = ", ".join(actions) or "none"
            yield f"it has no action {operation.action!r} (it has {names})"
            return
        try:
            action.taken(operation)
        except ValueError as error:
            yield f"it cannot {operation.action}: {error}"
    if isinstance(operation, Set) and settings is not None:
        setting = settings.get(operation.setting)
        if setting is None:
            names = ", ".join(settings) or "none"
            yield f"it has no setting {operation.setting!r} (it has {names})"
            return
        try:
            setting.taken(operation.value, operation.unit)
        except ValueError as error:
            yield f"{operation.setting} cannot be {error}"
