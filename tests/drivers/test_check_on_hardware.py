"""The conformance kit on equipment that nobody simulates: each run has it move."""

from pathlib import Path
from typing import ClassVar

import pytest

from protocols.jobs import Job, Reading
from protocols.operations import Operation, well_of
from tests.drivers.bad_drivers import Honest, equipment
from tests.program import wellwise


class Remembering(Honest):
    """Equipment that keeps the keys of earlier runs, as a robot's server may."""

    seen: ClassVar[set[str]] = set()
    earlier: ClassVar[set[str]] = set()

    async def perform(self, operation: Operation, job: Job) -> Reading | None:
        self.seen.add(job.key)
        if job.key not in self.earlier:
            return await super().perform(operation, job)
        return self.reading(well_of(operation) or "A1") if operation.reads else None


@pytest.mark.reproduction("E")
def test_a_second_check_of_real_equipment_moves_it_again(tmp_path: Path) -> None:
    moved = []
    for _ in range(2):
        before = len(equipment.did)
        name = "tests.drivers.test_check_on_hardware:Remembering"
        ran = wellwise("driver", "check", name, "--hardware", "--yes", home=tmp_path)
        assert "holds  bronze  it does a job to its end" in ran.stdout
        moved.append(len(equipment.did) - before)
        Remembering.earlier |= Remembering.seen
    assert Remembering.seen
    assert min(moved) > 0.9 * max(moved) > 0
