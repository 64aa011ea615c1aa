"""A disk that is full in the middle of a campaign: it waits, says so, and goes on by itself."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests.conftest import ASSAY_FILE

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
