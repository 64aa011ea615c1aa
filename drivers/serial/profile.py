"""Profiles of serial instruments: everything that differs between them, as data."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from drivers.base import DriverError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(_Part):
    """Line settings, such as 4800 baud 7O1."""

    baud: int
    data_bits: Literal[7, 8]
    parity: Literal["none", "odd", "even"]
    stop_bits: Literal[1, 2]

    def __str__(self) -> str:
        return f"{self.baud} baud {self.data_bits}{self.parity[0].upper()}{self.stop_bits}"


class Frame(_Part):
    """The framing of messages: prefix and suffix, or STX, length, CRC-16 (CCITT) and ETX."""

    kind: Literal["plain", "length_crc"]
    prefix: str = ""
    suffix: str = ""


class Exchange(_Part):
    """A message and what its answer looks like, as a regular expression.

    Without one the answer is the profile's acknowledgement. A raw message has no frame.
    """

    send: str
    expect: str = ""
    raw: bool = False


class Phase(_Part):
    """One movement: its settings, the message that starts it, and a query for its outcome.

    Settings may be sent again; the start never is without the query. `evidence` is that query,
    which has no effect, or several, whose answers are then read as one. It matches `not_begun` if
    the start was never received, `done` when the movement is over, and neither while it moves. A
    group `moved_ul` of `done` is the volume that the pump says it has moved.
    """

    prepare: tuple[Exchange, ...] = ()
    go: Exchange
    evidence: tuple[Exchange, ...] = Field(min_length=1)
    not_begun: str
    done: str

    @field_validator("evidence", mode="before")
    @classmethod
    def _one_or_several(cls, evidence: Any) -> Any:
        return [evidence] if isinstance(evidence, dict) else evidence


class PowerOn(_Part):
    """How to bring to work an instrument that was just switched on, and to see that it is.

    `before` is sent first, then `ask`; if its answer does not match `ready`, or none comes, `bring`
    is sent, and then `wait` until its answer matches `until`.
    """

    before: tuple[Exchange, ...] = ()
    ask: Exchange
    ready: str
    bring: tuple[Exchange, ...] = ()
    wait: Exchange | None = None
    until: str = ""
    wait_s: float = Field(30.0, gt=0)


class Heartbeat(_Part):
    """A message that an instrument must hear at least once in a time, given by a setting (s)."""

    setting: str
    exchange: Exchange


class Choice(_Part):
    """One of several words that a lab may choose, such as a port of the valve."""

    default: str
    of: tuple[str, ...]
    description: str


class Address(_Part):
    """The device's address on its line."""

    default: str
    pattern: str


class Setting(_Part):
    """A number that a lab may set, such as the calibration of a tubing."""

    default: float = Field(gt=0)
    description: str


class Scaled(_Part):
    """A number of a message: an operation's volume or a setting, scaled and written in a format."""

    of: Literal["volume_ul"] | None = None
    setting: str = ""
    multiply_by: float = 1.0
    divide_by: str = ""
    format: str
    digits: int | None = Field(
        None, description="as many digits as the instrument takes, the point not counted"
    )

    def text(self, volume_ul: float, settings: Mapping[str, float]) -> str:
        """The number in the instrument's format."""
        value = (volume_ul if self.of else settings[self.setting]) * self.multiply_by
        if self.divide_by:
            value /= settings[self.divide_by]
        written = format(value, self.format)
        if self.digits is not None and "." in written and len(written) > self.digits + 1:
            written = written[: self.digits + 1].rstrip(".")
        return written

    def step_ul(self, settings: Mapping[str, float]) -> float:
        """The least difference of volume that can be written, uL; 0 for a setting."""
        if not self.of:
            return 0.0
        decimals = int(self.format.rpartition(".")[2].rstrip("f") or 0)
        return (
            10.0**-decimals
            / self.multiply_by
            * (settings[self.divide_by] if self.divide_by else 1.0)
        )


class Duration(_Part):
    """How many seconds a volume takes."""

    of: Literal["volume_ul"]
    divide_by: tuple[str, ...] = ()
    multiply_by: float = 1.0

    def seconds(self, volume_ul: float, settings: Mapping[str, float]) -> float:
        """Seconds that a movement of this volume takes."""
        value = volume_ul * self.multiply_by
        for name in self.divide_by:
            value /= settings[name]
        return value


class Profile(_Part):
    """A serial instrument, declared."""

    title: str
    line: Line
    frame: Frame
    answer_ends: tuple[str, ...] = ()
    acknowledged: str
    damaged: str = Field(
        "", description="an answer that says that the message came garbled and was not executed"
    )
    errors: dict[str, str] = Field(default_factory=dict)
    address: Address
    settings: dict[str, Setting] = Field(default_factory=dict)
    choices: dict[str, Choice] = Field(default_factory=dict)
    quantities: dict[str, Scaled] = Field(default_factory=dict)
    limits: dict[str, tuple[float, float]] = Field(default_factory=dict)
    seconds: Duration
    power_on: PowerOn | None = None
    heartbeat: Heartbeat | None = None
    identify: Exchange
    prepare: tuple[Exchange, ...] = ()
    stop: tuple[Exchange, ...] = Field(min_length=1)
    operations: dict[Literal["dispense", "aspirate"], tuple[Phase, ...]] = Field(min_length=1)
    answer_s: float = Field(0.5, gt=0, description="how long an answer may take")
    grace_s: float = Field(
        5.0, gt=0, description="how much longer than twice its time a movement may take"
    )
    retries: int = Field(3, ge=0, description="how often a message without effect is sent again")


def read_profile(name: str) -> Profile:
    """A profile by the name of one that comes with wellwise, or by the path of a YAML file.

    Raises:
        DriverError: there is none, or it is not right.
    """
    shipped = files("drivers.serial") / "profiles" / f"{name}.yaml"
    try:
        text = (
            shipped.read_text(encoding="utf-8")
            if shipped.is_file()
            else Path(name).read_text(encoding="utf-8")
        )
        return Profile.model_validate(YAML(typ="safe", pure=True).load(text))
    except OSError as error:
        raise DriverError(f"there is no serial profile {name!r} (expected "
                          f"{', '.join(profile_names())}, or a file): "
                          f"{error.strerror}") from None  # fmt: skip
    except (YAMLError, ValidationError, re.error) as error:
        raise DriverError(f"serial profile {name} is not right: {error}") from None


def profile_names() -> list[str]:
    """The profiles that come with wellwise."""
    folder = files("drivers.serial") / "profiles"
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )
