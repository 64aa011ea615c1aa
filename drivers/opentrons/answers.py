"""What an Opentrons robot server answers, as far as the driver reads it: everything is checked."""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Content = TypeVar("Content")

ENDED = frozenset({"succeeded", "failed", "stopped"})
"""The statuses in which a run is over; any other one, known or not, is none."""

WAITING = {
    "paused": "the run waits for a person at the robot",
    "blocked-by-open-door": "the robot's door is open",
    "awaiting-recovery": "the robot waits for a person to recover from an error",
    "awaiting-recovery-paused": "the robot waits for a person to recover from an error",
    "awaiting-recovery-blocked-by-open-door": (
        "the robot waits for a person to recover from an error, and its door is open"
    ),
}
"""What is said of a run that waits for a person."""

_MOVING = frozenset({"running", "finishing", "stop-requested", "idle"})


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Health(_Answer):
    """That a robot server is there."""

    api_version: str
    robot_model: str


class Protocol(_Answer):
    """A protocol that the server has."""

    id: str = Field(min_length=1)
    key: str | None = None


class Action(_Answer):
    """Something that somebody did to a run."""

    actionType: str  # noqa: N815 - the server's name


class RunError(_Answer):
    """Why a run failed."""

    detail: str = ""
    errorType: str = ""  # noqa: N815

    def __str__(self) -> str:
        return self.detail or self.errorType


class Run(_Answer):
    """A run of a protocol."""

    id: str = Field(min_length=1)
    status: str
    current: bool = False
    ok: bool = True
    protocolId: str | None = None  # noqa: N815
    actions: tuple[Action, ...] = ()
    errors: tuple[RunError, ...] = ()
    completedAt: datetime | None = None  # noqa: N815

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status in ENDED

    @property
    def prepared(self) -> bool:
        """Whether it was made and never started."""
        played = any(action.actionType == "play" for action in self.actions)
        return self.status == "idle" and not played

    @property
    def in_words(self) -> str:
        """What a person should know of a run that is not over."""
        if self.status in WAITING:
            return WAITING[self.status]
        return "" if self.status in _MOVING else f"the robot says {self.status!r} of the run"


class Command(_Answer):
    """A command of a run that was done or tried."""

    commandType: str  # noqa: N815
    status: str
    params: dict[str, Any] = Field(default_factory=dict)

    @property
    def comments(self) -> list[str]:
        """What a protocol said here; servers before 8 call a comment `custom`."""
        if self.commandType not in ("comment", "custom") or self.status != "succeeded":
            return []
        return [value for value in self.params.values() if isinstance(value, str)]


class Module(_Answer):
    """A module that is attached, with its live data."""

    moduleType: str  # noqa: N815
    serialNumber: str = ""  # noqa: N815
    data: dict[str, Any] = Field(default_factory=dict)


class ErrorDetail(_Answer):
    """One error of an answer."""

    id: str
    title: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.id}: {self.detail or self.title}"


class Errors(_Answer):
    """An answer that says what was wrong."""

    errors: tuple[ErrorDetail, ...] = Field(min_length=1)


class Data(_Answer, Generic[Content]):
    """An answer that has what was asked for."""

    data: Content
