"""The driver contract: what wellwise asks of any robot.

A driver is a class whose instances satisfy `Driver`, made from a `RobotSetup` and announced as an
entry point in the group `wellwise.drivers`. Nothing else connects it to wellwise. For a device that
takes one operation after another `drivers.device.Device` does all of it but the operations.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel

from drivers.capabilities import Capabilities, KeyMemory, Limits
from drivers.clock import Clock
from protocols.errors import WellwiseError
from protocols.jobs import Job, JobReport

__all__ = [
    "DRIVER_API",
    "Capabilities",
    "Clock",
    "DeviceCannotWork",
    "Driver",
    "DriverError",
    "FencedOff",
    "JobRefused",
    "KeyConflict",
    "KeyMemory",
    "Limits",
    "RobotOffline",
    "RobotSetup",
]

DRIVER_API = 1
"""Version of this contract.

A driver that was written for another one (its class attribute `driver_api`) is refused.
"""


class DriverError(WellwiseError):
    """A robot cannot do what it was asked; the message says which robot, what and why."""


class RobotOffline(DriverError):
    """The robot does not answer; whether it received the last request is not known."""


class JobRefused(DriverError):
    """The robot is certain that it will not do the job and has done nothing of it."""


class KeyConflict(JobRefused):
    """The robot has another job under this key; what it says of the key is about that one."""


class FencedOff(DriverError):
    """A newer owner has the robot: nothing was begun by this call, and nothing more will be."""

    newest: int
    """The fence of the newest owner."""

    def __init__(self, message: str, newest: int = 0) -> None:
        super().__init__(message)
        self.newest = newest


class DeviceCannotWork(DriverError):
    """The device cannot work, whatever the well: nothing that follows would be done either.

    Raised for a job by `submit` and `connect`, where nothing of it was begun, and by
    `drivers.device.Device.perform` for an operation.
    """

    begun: bool
    """Whether the operation may have been begun."""

    def __init__(self, message: str, begun: bool = False) -> None:
        super().__init__(message)
        self.begun = begun


@dataclass(frozen=True)
class RobotSetup:
    """What a driver is made from: the robot's name and options, a clock, a folder and a seed.

    `home` is where a driver may keep files; `seed` makes simulated equipment repeatable, real
    equipment ignores it; `limits` are those of the lab, where they are narrower than the driver's
    own. `fence` numbers the owners of the robot: one with an older number than the robot's job book
    has seen is held off; 0 if the caller has none. Since `home_fence` all were of this home.
    `journal` is what keys of the journal end with in the life that it has, empty at the bench: a
    job of another one that was under way is not gone on with. None: that of every job.
    """

    name: str
    options: Any
    clock: Clock
    home: Path
    seed: int = 0
    address: str = ""
    limits: Limits = field(default_factory=dict)
    fence: int = 0
    home_fence: int = 0
    journal: str | None = None

    @property
    def book_path(self) -> Path:
        """Where the job book of a device is kept."""
        return self.home / "robots" / f"{self.name}.sqlite"


class Driver(Protocol):
    """One robot, as wellwise sees it.

    Every method may raise `RobotOffline`; after that the same call may be made again. All but
    `stop` may be called while others run; calls never block the event loop.
    """

    Options: ClassVar[type[BaseModel]]
    """The options that a campaign or lab file may give; validated before the driver is made."""

    simulated: ClassVar[bool]
    """Whether the equipment does not exist.

    If that holds for all robots of a lab, its time is virtual.
    """

    def __init__(self, setup: RobotSetup) -> None: ...

    @property
    def capabilities(self) -> Capabilities:
        """What the robot can do; known without a connection."""
        ...

    async def connect(self) -> None:
        """Open the line to the robot; harmless if it is open."""
        ...

    async def submit(self, job: Job) -> None:
        """Take a job; return as soon as the robot has it. The same key again is the same job.

        Raises:
            JobRefused: the robot will not do it and has not begun.
            KeyConflict: the robot has a job with this key and another content.
            DeviceCannotWork: the device cannot work at all, and has not begun.
            FencedOff: a newer owner has the robot.
        """
        ...

    async def poll(self, key: str) -> JobReport:
        """What is known of the job with this key.

        `unknown` only if it is certain that the robot never took it.
        """
        ...

    async def stop(self) -> None:
        """Stop all movement now; jobs under way end as failed. Harmless if nothing moves."""
        ...

    async def close(self) -> None:
        """Close the line; the robot goes on with what it has. Harmless if it is closed."""
        ...
