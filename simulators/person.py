"""A simulated person: ticks checklists and gives what instruments might, for training."""

import zlib
from collections import defaultdict
from datetime import datetime, timedelta
from typing import ClassVar

import numpy as np

from drivers.base import RobotSetup
from drivers.checklist import Checklist
from drivers.manual import ManualRobot
from protocols.images import write_png
from protocols.jobs import Job
from protocols.operations import Operation
from simulators.camera import render_well

NAME = "simulated person"
"""Who confirms the items of their checklists."""

_NOISE = 0.03


class SimulatedPerson(ManualRobot):
    """A person who does each checklist as soon as it is there, item by item.

    Numbers, tables, traces and images follow from what was done in a well before, with a little
    noise: smoothly, so that there is something to find, and with nothing in them that is true of
    any experiment. On a virtual clock items take the time that they usually take.
    """

    simulated: ClassVar[bool] = True

    def __init__(self, setup: RobotSetup) -> None:
        super().__init__(setup)
        self._of_well: defaultdict[tuple[str, str], list[Operation]] = defaultdict(list)
        self._free_at: datetime | None = None

    async def submit(self, job: Job) -> None:
        """Put a checklist on the table, and do it."""
        await super().submit(job)
        checklist = Checklist(self._setup.home, self._setup.name)
        try:
            self._work(checklist, job)
        finally:
            checklist.close()

    def _work(self, checklist: Checklist, job: Job) -> None:
        now = self._setup.clock.now()
        moment = max(now, self._free_at or now)
        for item in checklist.items(job):
            if item.done or checklist.report(job.key) is None:
                continue
            if self._setup.clock.virtual:
                moment += timedelta(seconds=item.operation.nominal_s)
            if item.operation.reads is None:
                checklist.confirm(job.key, [item.number], moment, NAME)
            else:
                given = self._given(job, item.number, item.operation)
                checklist.read(job.key, item.number, given, moment, who=NAME)
            wells = [item.operation.well_name] if item.operation.well_name else job.definition.wells
            for well in wells:
                self._of_well[job.plate_id, well].append(item.operation)
        self._free_at = moment

    def _given(self, job: Job, number: int, operation: Operation) -> float | bytes:
        """What an instrument might give for an item."""
        rng = np.random.default_rng([self._setup.seed, zlib.crc32(f"{job.key} {number}".encode())])
        if operation.reads == "plate":
            rows = [
                f"{well},{self._signal(job.plate_id, well, rng):.5g}"
                for well in job.definition.wells
            ]
            return "\n".join(["well,value", *rows]).encode()
        signal = self._signal(job.plate_id, operation.well_name or "", rng)
        if operation.reads == "image":
            return write_png(render_well(min(signal, 1.0), rng))
        if operation.reads == "trace":
            times = range(0, 60, 5)
            rows = [f"{t},{signal * (1 - np.exp(-t / 20)):.5g}" for t in times]
            return "\n".join(["time [s],signal", *rows]).encode()
        return float(f"{signal:.5g}")

    def _signal(self, plate: str, well: str, rng: np.random.Generator) -> float:
        """A number above 0 and rarely above 1, by what was done in a well."""
        total = 0.0
        for operation in self._of_well[plate, well]:
            for name, value in operation.model_dump(exclude={"well", "kind"}).items():
                mark = zlib.crc32(f"{operation.kind} {name}".encode()) / 2**32
                if isinstance(value, str):
                    total += (zlib.crc32(f"{mark} {value}".encode()) / 2**32 - 0.5) / 2
                elif isinstance(value, int | float):
                    share = value / (value + 100 * (mark + 0.1))
                    total += (mark - 0.3) * share
        return float(abs((0.2 + 0.6 / (1 + np.exp(-total))) * (1 + _NOISE * rng.normal())))
