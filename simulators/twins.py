"""Simulated twins of our drivers, for the conformance kit."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from drivers.twin import Twin
from protocols.operations import OPERATIONS
from simulators.clock import AcceleratedClock
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog

_SPEED = 600.0


@contextmanager
def simulated(home: Path) -> Iterator[Twin]:
    """The virtual robot is its own twin; its log counts what it did."""

    def performed() -> int:
        total = 0
        for file in home.rglob(lab_log_path(Path(), "bench").name):
            log = RobotLog(file)
            total += sum(not OPERATIONS[entry.operation.kind].repeatable for entry in log.everything())
            log.close()
        return total

    yield Twin(
        clock=AcceleratedClock(datetime.now(UTC), _SPEED),
        options={"lab": "bench", "culture": "enzyme-assay"},
        performed=performed,
    )
