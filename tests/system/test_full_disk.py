"""A disk that is full in the middle of a campaign: it waits, says so, and goes on by itself."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.base import RobotOffline
from drivers.job_book import JobBook
from protocols.jobs import JobReport
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests import acting
from tests.builders import dispenses, finished, job_of
from tests.conftest import ASSAY_FILE
from tests.drivers.test_job_book import did
from tests.program import wellwise
from tests.system.device_lab import end_of, started
from tests.system.homes import opened, planned, reason
from tests.system.test_books_of_others import KEY, OURS, shared_pump

WELLWISE = Path(sys.executable).with_name("wellwise")
SMALL, LARGE = "6m", "200m"


def mounted(*arguments: str) -> bool:
    ran = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    return ran.returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of six megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mounted("-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(disk)):
        pytest.skip("a disk cannot be mounted here: it takes root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=False)


@pytest.mark.reproduction("A11")
def test_a_full_disk_is_waited_for_and_nothing_is_done_twice(small_disk: Path) -> None:
    process = subprocess.Popen(
        [WELLWISE, "run", ASSAY_FILE, "--home", small_disk],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Its own lease cannot be given back on a full disk, and is waited for.
        env=os.environ | {"WELLWISE_LEASE_S": "8"},
    )
    assert process.stdout is not None
    try:
        before = next((line for line in process.stdout if "no room left" in line), "")
        assert "make room, and it goes on by itself" in before
        assert mounted("-o", f"remount,size={LARGE}", str(small_disk))
        rest = process.stdout.read()
        assert process.wait() == 0, rest
    finally:
        process.kill()
    assert "Traceback" not in rest
    assert "Recommended condition" in rest
    log = RobotLog(lab_log_path(small_disk, "colour-assay"))
    done = Counter(
        (entry.key, entry.position) for entry in log.everything() if not entry.operation.repeatable
    )
    log.close()
    assert done
    assert set(done.values()) == {1}


def fill(disk: Path) -> Path:
    """Take all the room that a disk has."""
    large = disk / "large"
    with large.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"-" * 4096):
            pass
    return large


@pytest.mark.reproduction("A11")
def test_a_device_whose_job_book_is_on_a_full_disk_waits_and_goes_on_by_itself(
    small_disk: Path,
) -> None:
    """Its log is on another disk. What was done while nothing could be noted is not done again."""
    job = job_of(*dispenses(*[10] * 6), key=KEY + OURS)
    next_job = job_of(*dispenses(10), key="crash/r1/p2/react/1" + OURS)

    async def run() -> tuple[JobReport, JobReport]:
        device = shared_pump(small_disk)
        await device.connect()
        await device.submit(job)
        while not did(small_disk.parent):
            await asyncio.sleep(0.002)
        large = fill(small_disk)
        while not (waiting := await device.poll(job.key)).message:
            await asyncio.sleep(0.01)
        with pytest.raises(RobotOffline, match="cannot be written"):
            await device.submit(next_job)
        large.unlink()
        report = await finished(device, job.key)
        await device.submit(next_job)
        await finished(device, next_job.key)
        await device.close()
        return waiting, report

    waiting, report = asyncio.run(run())
    assert waiting.state == "running"
    assert "Make room on its disk" in waiting.message
    assert (report.state, report.message, report.operations_done) == ("done", "", 6)
    assert len(did(small_disk.parent)) == 7


@pytest.mark.reproduction("A2")
def test_a_job_that_was_stopped_while_its_book_was_full_does_not_go_on(small_disk: Path) -> None:
    job = job_of(*dispenses(*[10] * 6), key=KEY + OURS)

    async def run() -> JobReport:
        device = shared_pump(small_disk)
        await device.connect()
        await device.submit(job)
        while not did(small_disk.parent):
            await asyncio.sleep(0.002)
        large = fill(small_disk)
        while not (await device.poll(job.key)).message:
            await asyncio.sleep(0.01)
        with pytest.raises(RobotOffline, match="cannot be written"):
            await device.stop()
        large.unlink()
        report = await finished(device, job.key)
        await device.close()
        return report

    report = asyncio.run(run())
    done = did(small_disk.parent)
    assert (report.state, report.message) == ("failed", "stopped by the operator")
    asyncio.run(shared_pump(small_disk).connect())
    assert did(small_disk.parent) == done


@pytest.mark.reproduction("A11")
def test_a_job_book_on_a_disk_that_is_read_only_is_a_robot_that_waits(small_disk: Path) -> None:
    new, known = small_disk / "new" / "pump.sqlite", small_disk / "pump.sqlite"
    JobBook(known, "pump").close()
    assert mounted("-o", "remount,ro", str(small_disk))
    for path in (new, known):
        with pytest.raises(RobotOffline, match="make it writable"):
            JobBook(path, "pump")
    assert mounted("-o", "remount,rw", str(small_disk))
    JobBook(known, "pump").close()


def test_a_home_on_a_disk_that_is_read_only_is_said_in_a_sentence(small_disk: Path) -> None:
    settings, campaign_id = planned(small_disk)

    def pause() -> None:
        acting.pause(opened(settings, campaign_id), campaign_id, "ada", "the disk is looked at")

    # Its process ends without a close: what it wrote last lies beside the journal.
    assert end_of(started(pause)) == 0
    assert mounted("-o", "remount,ro", str(small_disk))
    refused = wellwise("resume", campaign_id, home=small_disk)
    assert mounted("-o", "remount,rw", str(small_disk))
    assert refused.returncode == 2
    assert "Make the home writable, and try again" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert reason(settings, campaign_id) == "the disk is looked at"
