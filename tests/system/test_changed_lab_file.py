"""A lab file that was changed since a campaign was launched with it."""

import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.control.robots import take_lab_file, take_lab_file_everywhere
from orchestrator.core.events import EventKind
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import JobStatus
from orchestrator.journal.journal import Journal
from orchestrator.service.backend import Backend
from orchestrator.settings import Settings
from protocols.campaign_file import read_campaign
from protocols.compile import compile_jobs
from protocols.errors import InvalidInput
from tests.program import PROGRAM, wellwise
from tests.system.test_robot_address import (
    CAMPAIGN,
    LAB,
    Pluggable,
    configured,
    drive,
    lab_file,
    launched,
)

__all__ = ["drive"]


def due_now(home: Path, port: object) -> tuple[Journal, str]:
    """A campaign that was launched with the pump at a port, whose first job is due."""
    campaign = read_campaign(CAMPAIGN, lab=lab_file(port))
    journal = Journal(Settings(home=home).journal_url)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    campaign_id = journal.create_campaign(campaign, CAMPAIGN, [], yesterday)
    plan = plan_round(campaign, 1, [])
    jobs = compile_jobs(campaign, campaign_id, plan.layout, yesterday)
    journal.plan_round(campaign_id, plan.layout, jobs, [], yesterday, yesterday)
    return journal, campaign_id


def test_advance_and_resume_open_the_port_that_the_lab_file_names_now(
    tmp_path: Path, drive: Pluggable
) -> None:
    journal, campaign_id = due_now(tmp_path, tmp_path / "ttyUSB0")
    second, third = tmp_path / "lab2.yaml", tmp_path / "lab3.yaml"
    second.write_text(LAB.replace("PORT", str(tmp_path / "ttyUSB1")))
    third.write_text(LAB.replace("PORT", str(tmp_path / "ttyUSB2")))

    def opened() -> set[str]:
        events = journal.events(campaign_id, kinds=[EventKind.ROBOT_OFFLINE])
        return {event.message.split("'")[1].rpartition("/")[2] for event in events}

    wellwise("advance", campaign_id, home=tmp_path)
    assert opened() == {"ttyUSB0"}
    said = wellwise("advance", campaign_id, home=tmp_path, WELLWISE_LAB=str(second))
    assert said.returncode == 0, said.stderr
    assert f"address {tmp_path}/ttyUSB0 -> {tmp_path}/ttyUSB1" in said.stdout
    assert opened() == {"ttyUSB0", "ttyUSB1"}
    # The same file once more, and none, change nothing.
    wellwise("advance", campaign_id, "--lab", second, home=tmp_path)
    wellwise("advance", campaign_id, home=tmp_path)
    assert len(journal.events(campaign_id, kinds=[EventKind.ROBOT_CONFIGURED])) == 1

    words = [PROGRAM, "resume", campaign_id, "--lab", third, "--home", tmp_path]
    resumed = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: "ttyUSB2" in opened())
        # Now the pump is there.
        (tmp_path / "ttyUSB2").symlink_to(drive.path)
        [job, *_] = journal.jobs(campaign_id, 1)
        until(lambda: journal.job(job.key)[1].status is JobStatus.DONE)
    finally:
        resumed.kill()
        said_by_resume, _ = resumed.communicate()
    assert "ttyUSB1 -> " in said_by_resume
    [batch] = journal.state(campaign_id).rounds
    wanted = [1000.0 * float(well.proposal.condition["volume"]) for well in batch.wells]
    assert drive.moved_ul == pytest.approx(wanted, rel=0.01)
    journal.close()


def until(so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 120
    while not so():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_what_differs_in_the_lab_file_is_taken_for_the_robots_that_are_meant(
    tmp_path: Path,
) -> None:
    lab, campaign_id = launched(tmp_path, "/dev/ttyUSB0")
    everything = LAB.replace("driver: manual}", "driver: manual, options: {person: Ada}}")
    settings = Settings(home=tmp_path)
    changed = lab_file("/dev/ttyUSB0", everything.replace("800}", "790}"))
    take_lab_file_everywhere(settings, lab.journal, changed, "lab.yaml", "ada", only=["pump"])
    [(robot, who, message)] = configured(lab, campaign_id)
    assert (robot, who) == ("pump", "ada")
    assert '"ul_per_revolution": 800' in message
    assert '"ul_per_revolution": 790' in message
    assert message.endswith(": lab file lab.yaml")
    take_lab_file_everywhere(settings, lab.journal, changed, "lab.yaml", "ada")
    assert [robot for robot, _, _ in configured(lab, campaign_id)] == ["pump", "ada"]


def test_a_lab_file_that_does_not_fit_a_campaign_changes_nothing(tmp_path: Path) -> None:
    lab, campaign_id = launched(tmp_path, "/dev/ttyUSB0")
    before = lab.journal.state(campaign_id).campaign.robots

    other = lab_file("/dev/ttyUSB1", LAB.replace("masterflex-ls", "simulated").split("options")[0])
    [line] = take_lab_file(lab, campaign_id, other, "lab.yaml", "ada")
    assert "was launched with masterflex-ls and keeps it" in line

    narrow = LAB.replace(
        "    address", "    limits: {dispense: {volume_ul: [1, 100]}}\n    address"
    )
    with pytest.raises(InvalidInput, match=r"lab\.yaml: robot pump cannot do step react"):
        take_lab_file(lab, campaign_id, lab_file("/dev/ttyUSB1", narrow), "lab.yaml", "ada")
    take_lab_file_everywhere(
        Settings(home=tmp_path), lab.journal, lab_file("x", narrow), "lab.yaml", "ada"
    )
    [notice] = lab.journal.events(campaign_id, kinds=[EventKind.NOTICE])
    assert "lab.yaml does not fit" in notice.message
    assert lab.journal.state(campaign_id).campaign.robots == before
    assert configured(lab, campaign_id) == []


def test_a_service_reaches_robots_as_its_lab_file_says_when_it_starts(tmp_path: Path) -> None:
    lab, campaign_id = launched(tmp_path, "/dev/ttyUSB0")
    file = tmp_path / "lab.yaml"
    file.write_text(LAB.replace("PORT", "/dev/ttyUSB4"))
    backend = Backend.opened(Settings(home=tmp_path, lab=file))
    _, state = backend.state(campaign_id)
    backend.journal.close()
    assert state.campaign.robots["pump"].address == "/dev/ttyUSB4"
    assert [who for _, who, _ in configured(lab, campaign_id)] == ["wellwise"]


def test_a_worker_takes_the_addresses_of_its_own_robots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, campaign_id = launched(tmp_path, "/dev/ttyUSB0")
    file = tmp_path / "lab.yaml"
    everything = LAB.replace("PORT", "/dev/ttyUSB5")
    file.write_text(
        everything.replace("driver: manual}", "driver: manual, options: {person: Ada}}")
    )
    served: list[list[str]] = []
    # Not Prefect's queues: the server that they are on is another test's.
    monkeypatch.setattr("orchestrator.cli.workers._serve", lambda robots, *_: served.append(robots))
    said = wellwise("worker", "pump", "--lab", file, home=tmp_path)
    assert said.returncode == 0, said.stderr
    assert served == [["pump"]]
    assert [robot for robot, _, _ in configured(lab, campaign_id)] == ["pump"]
