"""Telemetry: what a robot measures of itself while it works, such as temperatures and pressures."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable


class Measurement(NamedTuple):
    """What is measured, as people call it, its value now, and its unit (one that pint knows)."""

    name: str
    value: float
    unit: str = ""


@runtime_checkable
class Measures(Protocol):
    """A driver whose robot measures something of itself."""

    async def telemetry(self) -> Sequence[Measurement]:
        """What is measured now, each name once; asked every few seconds while a job runs.

        It does nothing to the robot, and what it says decides nothing: where it fails or takes
        long, the job goes on. Units of a name do not change.

        Raises:
            RobotOffline: the robot does not answer.
        """
        ...
