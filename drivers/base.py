"""The driver contract: what wellwise asks of any robot.

A driver is a class whose instances satisfy `Driver`, made from a `RobotSetup` and announced as an entry point in the
group `wellwise.drivers`. Nothing else connects it to wellwise.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from protocols.errors import WellwiseError
from protocols.jobs import Job, JobReport


class DriverError(WellwiseError):
    """A robot cannot do what it was asked; the message says which robot, what and why."""


class RobotOffline(DriverError):
    """The robot does not answer. Whether it heard the last request is not known."""


class JobRefused(DriverError):
    """The robot is certain that it will not do the job and has done nothing of it."""


class KeyMemory(StrEnum):
    """What a robot can say about a job key after a crash, its own or ours."""

    REMEMBERS_KEYS = "remembers keys"
    KNOWS_WHAT_IT_NEVER_GOT = "knows what it never got"
    CANNOT_SAY = "cannot say"


class Capabilities(BaseModel):
    """What a robot can do: kinds of operations, labware, and what it remembers."""

    model_config = ConfigDict(frozen=True)

    operations: frozenset[str]
    labware: frozenset[str]
    memory: KeyMemory


class Clock(Protocol):
    """Where drivers and orchestrator read the time, so that it can be virtual.

    On a virtual clock time passes only by `sleep_until`, which returns at once. A driver for real equipment reads it
    for timestamps only; a simulated robot stamps its operations ahead of it.
    """

    virtual: bool

    def now(self) -> datetime:
        """The time, with its zone."""
        ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return when `moment` has come."""
        ...


@dataclass(frozen=True)
class RobotSetup:
    """What a driver is made from: the robot's name, its options from the campaign, a clock, a folder and a seed.

    `home` is where a driver may keep files; `seed` makes simulated equipment repeatable, real equipment ignores it.
    """

    name: str
    options: Any
    clock: Clock
    home: Path
    seed: int


class Driver(Protocol):
    """One robot, as wellwise sees it.

    Every method may raise `RobotOffline`; after that the same call may be made again. All but `stop` may be called
    while others run; calls never block the event loop.
    """

    Options: ClassVar[type[BaseModel]]
    """The options that a campaign may give to such a robot; validated before the driver is made."""

    simulated: ClassVar[bool]
    """Whether the equipment does not exist: if that holds for all robots of a lab, its time is virtual."""

    def __init__(self, setup: RobotSetup) -> None: ...

    @property
    def capabilities(self) -> Capabilities:
        """What the robot can do; known without a connection."""
        ...

    async def connect(self) -> None:
        """Open the line to the robot; harmless if it is open."""
        ...

    async def submit(self, job: Job) -> None:
        """Take a job; return as soon as the robot has it. The same key again is the same job: nothing is done twice.

        Raises:
            JobRefused: the robot will not do it and has not begun.
        """
        ...

    async def poll(self, key: str) -> JobReport:
        """What is known of the job with this key; `unknown` only if it is certain that the robot never took it."""
        ...

    async def stop(self) -> None:
        """Stop all movement now; jobs under way end as failed. Harmless if nothing moves."""
        ...

    async def close(self) -> None:
        """Close the line; the robot goes on with what it has. Harmless if it is closed."""
        ...
