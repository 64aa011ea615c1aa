"""What a robot measures of itself while it has a job: into the journal, in parts."""

import asyncio
import logging
import math
from datetime import datetime, timedelta

from drivers.base import Driver, DriverError
from drivers.telemetry import Measures
from orchestrator.core.events import EventKind
from orchestrator.lab.lab import Lab
from protocols.instants import later

_FIRST = timedelta(seconds=10)
_PART = 60
_MOST_NAMES = 50
_PATIENCE_S = 5.0
_log = logging.getLogger("wellwise.telemetry")


class TelemetryRecorder:
    """Asks a robot while it has a job, and writes an event of the job for each 60 samples.

    Every ten seconds at first, and half as often after each part: a job of a week has a dozen
    parts. Nothing depends on it: a robot that does not say it in time is asked again later, one
    that fails to say it is not asked any more.
    """

    def __init__(self, lab: Lab, campaign_id: str, key: str, robot: Driver) -> None:
        self._lab, self._campaign_id, self._key = lab, campaign_id, key
        self._robot = robot if isinstance(robot, Measures) else None
        self._every, self._next = _FIRST, lab.clock.now()
        self._units: dict[str, str] = {}
        self._samples: list[tuple[datetime, dict[str, float]]] = []

    async def sample(self) -> None:
        """Ask, if it is time to."""
        now = self._lab.clock.now()
        if self._robot is None or now < self._next:
            return
        self._next = later(now, self._every)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                found = list(await self._robot.telemetry())[:_MOST_NAMES]
            values = {one.name: float(one.value) for one in found if math.isfinite(one.value)}
            units = {one.name: str(one.unit) for one in found}
        except (DriverError, TimeoutError):
            return
        except Exception as error:
            _log.warning("%s: what its robot measures is not recorded: %s", self._key, error)
            self._robot = None
            return
        if values:
            self._units |= units
            self._samples.append((now, values))
        if len(self._samples) >= _PART:
            self.write()
            self._every *= 2

    def write(self) -> None:
        """Write what was not written yet."""
        if not self._samples:
            return
        samples, self._samples = self._samples, []
        names = dict.fromkeys(name for _, values in samples for name in values)
        said = []
        for name in names:
            own = [values[name] for _, values in samples if name in values]
            low, high = f"{min(own):.4g}", f"{max(own):.4g}"
            span = low if low == high else f"{low} to {high}"
            said.append(f"{name} {span} {self._units[name]}".rstrip())
        data = {
            "units": {name: self._units[name] for name in names},
            "samples": [[at.isoformat(), values] for at, values in samples],
        }
        at = samples[-1][0]
        kind = EventKind.TELEMETRY
        self._lab.journal.note(self._campaign_id, at, kind, self._key, "; ".join(said), data=data)
