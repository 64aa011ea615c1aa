"""A second process of a campaign, which takes over when the first is killed."""

import contextlib
import os
import subprocess
from pathlib import Path

from orchestrator.journal.journal import Journal
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests.conftest import ROOT
from tests.program import PROGRAM, line_with

LAB_FILE = ROOT / "tests" / "system" / "lab_campaign.yaml"


def servers_of(home: Path) -> list[str]:
    """Prefect's servers that have this home in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            is_server = b"prefect.server.api" in (process / "cmdline").read_bytes()
            if is_server and str(home / "prefect").encode() in (process / "environ").read_bytes():
                found.append(process.name)
    return found


def test_a_second_process_waits_and_takes_over_when_the_first_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_text(
        LAB_FILE.read_text()
        .replace("stop: {rounds: 2}", "stop: {rounds: 1}")
        .replace("tolerance: 5 day", "tolerance: 50 day")
    )
    home = tmp_path / "home"
    environment = {
        **os.environ,
        "WELLWISE_HOME": str(home),
        "WELLWISE_LEASE_S": "6",
    }

    def started(*command: str, speed: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, *command],
            env=environment | {"WELLWISE_SPEED": str(speed)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    with started("run", str(file), speed=2500) as first:
        # The round takes it half a minute more, so that it holds the campaign when the second
        # comes, for which the reading is due soon.
        line_with(first, "round 1:")
        with started("resume", "--wait", speed=10000) as second:
            assert f"process {first.pid}" in line_with(second, "Waiting:")
            first.kill()
            out, _ = second.communicate()
            assert second.returncode == 0, out
    assert servers_of(home) == [], "Prefect's servers end with the processes that started them"
    journal = Journal(f"sqlite:///{home / 'journal.sqlite'}")
    state = journal.state("lab")
    assert (state.status, len(state.rounds)) == ("finished", 1)
    assert all(well.value is not None for well in state.rounds[0].wells)
    log = RobotLog(lab_log_path(home, "virtual"))
    done = [
        (performed.key, performed.position)
        for performed in log.everything()
        if performed.operation.kind != "image"
    ]
    assert len(done) == len(set(done)) == 10
    journal.close()
    log.close()
