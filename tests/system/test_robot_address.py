"""Robots that are somewhere else than where a campaign was launched with them.

Pumps are at real pseudo-terminals; what they moved is the judge of what was done twice.
"""

import asyncio
import os
import pty
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drivers.base import KeyMemory
from orchestrator.control.robots import (
    SetRobotAddress,
    take_lab_file,
)
from orchestrator.core.events import EventKind
from orchestrator.core.lifecycle import ExecuteJob, next_actions
from orchestrator.core.state import JobStatus
from orchestrator.engine.advance import Outlook, advance
from orchestrator.errors import JournalError
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import LabFile, read_campaign, read_lab
from simulators.clock import AcceleratedClock
from simulators.firmware import MasterflexFirmware
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests import acting
from tests.builders import small_lab
from tests.conftest import START
from tests.service import house

CAMPAIGN = """
name: pumps
parameters:
  - {name: volume, step: react, kind: stepped, unit: mL, levels: [2, 3, 4], standard: 3}
protocol:
  name: assay
  steps:
    - name: react
      robot: pump
      days: 0
      tolerance: 90 day
      operations: [{do: dispense, liquid: buffer, volume: {parameter: volume}}]
    - {name: look, robot: ada, days: 80, tolerance: 90 day, operations: [{do: image}]}
plates: {count: 1, labware: 6-well, wells: A1:A3}
rounds: {first: {initial: 2, standard: 1}, later: {proposed: 3}}
stop: {rounds: 1}
"""

LAB = """
robots:
  pump:
    driver: masterflex-ls
    address: PORT
    options: {settings: {ul_per_revolution: 800}, outlets: {A1: "01", A2: "01", A3: "01"}}
  ada: {driver: manual}
"""


class Pluggable(MasterflexFirmware):
    """A drive whose cable can be pulled and plugged in elsewhere, while it keeps its power."""

    elsewhere = False

    def tick(self) -> None:
        """Change the port, in the thread that reads it."""
        super().tick()
        if self.elsewhere:
            former = self._mine, self._theirs
            self._mine, self._theirs = pty.openpty()
            tty.setraw(self._theirs)
            self._received = b""
            self.path = os.ttyname(self._theirs)
            for end in former:
                os.close(end)
            self.elsewhere = False

    async def plug_in_elsewhere(self) -> None:
        """Pull the cable; returns when there is another port."""
        self.elsewhere = True
        while self.elsewhere:
            await asyncio.sleep(0.005)


@pytest.fixture
def drive() -> Iterator[Pluggable]:
    running = Pluggable()
    yield running
    running.end()


def lab_file(port: object, text: str = LAB) -> LabFile:
    return read_lab(text.replace("PORT", str(port)))


def launched(home: Path, port: object) -> tuple[Lab, str]:
    """The lab of a campaign that was launched with the pump at a port."""
    campaign = read_campaign(CAMPAIGN, lab=lab_file(port))
    settings = Settings(home=home)
    clock = AcceleratedClock(datetime.now(UTC), 50_000)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(campaign, CAMPAIGN, [], clock.now())
    return replace(
        open_lab(settings, journal, journal.state(campaign_id)), clock=clock
    ), campaign_id


def again(lab: Lab, campaign_id: str) -> Lab:
    """The same lab in the hands of another process."""
    settings = Settings(home=lab.home)
    opened = open_lab(settings, lab.journal, lab.journal.state(campaign_id))
    return replace(opened, clock=lab.clock)


def volumes(lab: Lab, campaign_id: str) -> list[float]:
    """What each well is to get, uL, in the order of the wells."""
    [batch] = lab.journal.state(campaign_id).rounds
    return [1000.0 * float(well.proposal.condition["volume"]) for well in batch.wells]


def pump_job(lab: Lab, campaign_id: str) -> JobStatus:
    [job] = [job for job in lab.journal.jobs(campaign_id, 1) if job.robot == "pump"]
    return job.status


async def until_pumped(lab: Lab, campaign_id: str) -> Outlook:
    """Run until the pump's job is over or somebody is asked."""
    async with asyncio.timeout(60):
        while True:
            running = asyncio.create_task(advance(lab, campaign_id))
            try:
                while not running.done():
                    await asyncio.sleep(0.02)
                    if lab.journal.state(campaign_id).rounds and pump_job(lab, campaign_id).over:
                        return Outlook()
            finally:
                running.cancel()
                await asyncio.wait([running])
            outlook = await running
            if outlook.questions or pump_job(lab, campaign_id).over:
                return outlook
            assert outlook.moment is not None
            await lab.clock.sleep_until(outlook.moment)


async def interrupted(lab: Lab, campaign_id: str, when: Callable[[], bool]) -> None:
    """Run until something is so, then let go."""
    running = asyncio.create_task(until_pumped(lab, campaign_id))
    async with asyncio.timeout(60):
        while not when():
            assert not running.done()
            await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.wait([running])


def configured(lab: Lab, campaign_id: str) -> list[tuple[str, str, str]]:
    events = lab.journal.events(campaign_id, kinds=[EventKind.ROBOT_CONFIGURED])
    return [(event.subject, event.who, event.message) for event in events]


@pytest.mark.reproduction("C")
def test_a_running_campaign_is_told_where_its_robot_is_now(
    tmp_path: Path, drive: Pluggable
) -> None:
    lab, campaign_id = launched(tmp_path, tmp_path / "ttyUSB0")

    async def run() -> None:
        running = asyncio.create_task(until_pumped(lab, campaign_id))
        async with asyncio.timeout(30):
            while not lab.journal.state(campaign_id).outages:
                await asyncio.sleep(0.01)
        told = SetRobotAddress(robot="pump", address=drive.path, why="plugged in elsewhere")
        acting.do(lab, campaign_id, "ada", told)
        await running

    asyncio.run(run())
    assert pump_job(lab, campaign_id) is JobStatus.DONE
    assert drive.moved_ul == pytest.approx(volumes(lab, campaign_id), rel=0.01)
    assert configured(lab, campaign_id) == [
        ("pump", "ada", f"address {tmp_path}/ttyUSB0 -> {drive.path}: plugged in elsewhere")
    ]
    [offline] = {
        event.message for event in lab.journal.events(campaign_id, kinds=[EventKind.ROBOT_OFFLINE])
    }
    assert "ttyUSB0' cannot be opened" in offline


@pytest.mark.reproduction("C")
def test_a_job_whose_cable_was_pulled_is_decided_and_goes_on_at_the_new_port(
    tmp_path: Path, drive: Pluggable
) -> None:
    lab, campaign_id = launched(tmp_path, drive.path)
    drive.speedup = 10.0

    async def run() -> None:
        running = asyncio.create_task(until_pumped(lab, campaign_id))
        while len(drive.moved_ul) < 1 or drive._ends_at is None:
            await asyncio.sleep(0.002)
        await drive.plug_in_elsewhere()
        outlook = await running
        [question] = outlook.questions
        assert "(dispense A2) was under way" in question.message  # type: ignore[union-attr]
        told = SetRobotAddress(robot="pump", address=drive.path, why="the cable was pulled")
        acting.do(lab, campaign_id, "ada", told)
        # A new address alone sends nothing again: a person says what became of A2.
        outlook = await until_pumped(lab, campaign_id)
        assert len(outlook.questions) == 1
        acting.decide(lab, question.key, "go-on", "ada", "A2 is full")  # type: ignore[union-attr]
        await until_pumped(lab, campaign_id)

    asyncio.run(run())
    first, cut_short, third = drive.moved_ul
    wanted = volumes(lab, campaign_id)
    assert [first, third] == pytest.approx([wanted[0], wanted[2]], rel=0.01)
    # The driver stops a pump that it does not know when its line is open again.
    assert 0 < cut_short <= wanted[1] * 1.01


@pytest.mark.parametrize("replaced", [False, True], ids=["the same pump", "another pump"])
def test_a_job_under_way_at_the_old_address_is_asked_for_at_the_new_one(
    tmp_path: Path, drive: Pluggable, replaced: bool
) -> None:
    lab, campaign_id = launched(tmp_path, drive.path)
    asyncio.run(interrupted(lab, campaign_id, lambda: len(drive.moved_ul) == 1))
    assert pump_job(lab, campaign_id) in (JobStatus.DISPATCHED, JobStatus.ACCEPTED)
    before = len(drive.moved_ul)
    assert before < 3
    other = MasterflexFirmware() if replaced else drive
    if not replaced:
        asyncio.run(drive.plug_in_elsewhere())
    changed = lab_file(other.path)
    assert take_lab_file(lab, campaign_id, changed, "lab.yaml", "ada") != []
    outlook = asyncio.run(until_pumped(again(lab, campaign_id), campaign_id))
    moved = drive.moved_ul + (other.moved_ul if replaced else [])
    if replaced:
        other.end()
    assert outlook.questions == ()
    assert moved == pytest.approx(volumes(lab, campaign_id), rel=0.01)
    assert len(drive.moved_ul) == (before if replaced else 3)


@pytest.mark.parametrize("moved", [False, True])
def test_a_robot_elsewhere_that_does_not_know_a_job_is_not_sent_it_again(
    tmp_path: Path, moved: bool
) -> None:
    """What was handed out at one address may have been done there, whatever another one says."""
    lab, campaign_id = small_lab(tmp_path)

    def power_cut() -> None:
        raise KeyboardInterrupt

    lab.journal.on_dispatch = power_cut
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(advance(lab, campaign_id))
    lab.journal.on_dispatch = lambda: None
    handed_out = [
        job for job in lab.journal.jobs(campaign_id, 1) if job.status is JobStatus.DISPATCHED
    ]
    assert handed_out != []
    if moved:
        told = SetRobotAddress(robot=handed_out[0].robot, address="10.0.0.7", why="a new address")
        acting.do(lab, campaign_id, "ada", told)
    other = open_lab(Settings(home=tmp_path), lab.journal, lab.journal.state(campaign_id))
    outlook = asyncio.run(advance(other, campaign_id))
    done = [
        entry
        for entry in RobotLog(lab_log_path(tmp_path, "virtual")).everything()
        if entry.key.startswith(handed_out[0].key)
    ]
    if moved:
        [question] = outlook.questions
        assert "was at no address; where it is now it does not know of it" in question.message  # type: ignore[union-attr]
        assert done == []
    else:
        assert outlook.questions == ()
        assert done != []


def test_only_an_admin_says_where_a_robot_is_over_the_network(
    tmp_path: Path, assay: Campaign
) -> None:
    robot = next(iter(assay.robots))
    with house(tmp_path) as served:
        campaign_id = served.campaign(assay)
        path = f"/api/v1/campaigns/{campaign_id}/robot-address"
        body = {"robot": robot, "address": "http://10.0.0.7:31950", "why": "a new router"}
        assert served.client("operator").post(path, json=body).status_code == 403
        assert served.client("admin").post(path, json=body).status_code == 200
        journal = served.backend.journal
        assert journal.state(campaign_id).campaign.robots[robot].address == body["address"]
        wrong = served.client("admin").post(path, json=body | {"robot": "nobody"})
        assert (wrong.status_code, "no robot 'nobody'" in wrong.text) == (409, True)
        empty = served.client("admin").post(path, json=body | {"address": " "})
        assert empty.status_code == 422
        lab = served.backend.acting(campaign_id)
        lab.journal.robot_offline(campaign_id, robot, "silence", lab.clock.now())
        served.backend.changed(campaign_id)
        page = served.client("operator").get(f"/campaigns/{campaign_id}").text
        buttons = [tag for tag in page.split("<button") if 'data-act="set_robot_address"' in tag]
        # Next to the robot that does not answer, and among the further acts; for admins alone.
        assert len(buttons) == 2
        assert all('class="operator admin"' in tag for tag in buttons)
        acting.abort(lab, campaign_id, "ada", "enough")
        with pytest.raises(JournalError, match="its robots get nothing more"):
            acting.do(lab, campaign_id, "ada", SetRobotAddress(robot=robot, address="x", why="y"))


def test_a_robot_that_was_waited_for_is_asked_at_its_new_address_at_once(tmp_path: Path) -> None:
    lab, campaign_id = small_lab(tmp_path, KeyMemory.REMEMBERS_KEYS)
    [robot] = {job.robot for job in lab.journal.jobs(campaign_id, 1)[:1]}
    for _ in range(8):
        lab.journal.robot_offline(campaign_id, robot, "silence", START)

    def asked() -> set[str]:
        actions = next_actions(lab.state(campaign_id), START)
        return {action.robot for action in actions if isinstance(action, ExecuteJob)}

    assert robot not in asked()
    told = SetRobotAddress(robot=robot, address="elsewhere", why="moved")
    acting.do(lab, campaign_id, "ada", told)
    assert robot in asked()
