"""A pump's line loses, doubles and garbles what is said on it: no volume goes out twice."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from protocols.jobs import JobReport
from simulators.firmware import Abuse, Firmware
from tests.builders import dispenses
from tests.drivers.test_serial import PUMPS, VOLUMES, executed, pump, quick, switched_on

FAULTS = ("lost", "doubled", "garbled", "split", "late")


async def on_a_bad_line(
    home: Path, profile: str, firmware: type[Firmware], fault: str
) -> tuple[str, Abuse, list[float], JobReport]:
    abuse = Abuse(seed=int(home.name), late_s=0.1, **{fault: 0.12})
    with switched_on(firmware, abuse) as running:
        driver = pump(home, quick(home, profile), running.path)
        report = await executed(driver, dispenses(*VOLUMES))
    return fault, abuse, running.moved_ul, report


@pytest.mark.parametrize(("profile", "firmware"), PUMPS)
def test_a_bad_line_never_doubles_a_dispense(
    tmp_path: Path, profile: str, firmware: type[Firmware]
) -> None:
    async def on_every_line() -> list[tuple[str, Abuse, list[float], JobReport]]:
        # A pump on a bad line waits most of the time: each has a line of its own, side by side.
        lines = [
            on_a_bad_line(tmp_path / fault / str(seed), profile, firmware, fault)
            for fault in FAULTS
            for seed in range(2)
        ]
        return await asyncio.gather(*lines)

    suffered: Counter[str] = Counter()
    for fault, abuse, moved_ul, report in asyncio.run(on_every_line()):
        assert report.state in ("done", "in_doubt"), report.message
        suffered[fault] += abuse.suffered
        # What is reported done was done once, in full; nothing was done twice, whatever became of
        # it.
        wells = [
            volume for n, volume in enumerate(VOLUMES, 1) if f"A{n}" not in report.failed_wells
        ]
        for volume in wells[: report.operations_done]:
            assert sum(one == pytest.approx(volume, rel=0.01) for one in moved_ul) == 1, report
        assert len(moved_ul) <= len(VOLUMES)
        assert all(sum(a == pytest.approx(b, rel=0.01) for a in moved_ul) == 1 for b in moved_ul)
    assert min(suffered[fault] for fault in FAULTS) > 3, suffered
