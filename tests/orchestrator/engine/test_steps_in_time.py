"""Steps that follow each other, and that wait for a state: judged by what the robots did."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import pytest
from typer.testing import CliRunner

from drivers.base import RobotSetup
from drivers.registry import make_driver
from orchestrator.cli.main import app
from orchestrator.core.lifecycle import AskOperator
from orchestrator.core.state import JobStatus
from orchestrator.engine.advance import Outlook
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab
from orchestrator.settings import Settings
from orchestrator.studies.rehearsal import rehearse
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.operations import Dispense, Image
from simulators.robot import lab_log_path
from simulators.robot_log import Performed, RobotLog
from tests.acting import decide
from tests.builders import planned, until_asked
from tests.conftest import ROOT, START
from tests.postgres import temporary_database
from tests.travel import TravelClock

PASSAGE = (ROOT / "examples" / "passage" / "campaign.yaml").read_text()

# Eight plates on one arm: each is quenched half an hour after its reaction began to run, and one
# plate after the other would be too late for it.
QUENCH = """
name: quench
start: now
objective: {name: coloured_cell_ratio}
parameters:
  - {name: substrate, step: react, kind: continuous, unit: uM, low: 1, high: 100, standard: 20}
protocol:
  name: reaction
  steps:
    - name: react
      robot: arm
      days: 0
      operations:
        - do: dispense
          liquid: buffer
          volume: 100 uL
          supplements: [{substance: substrate, concentration: {parameter: substrate}}]
        - {do: incubate, duration: 6 min, temperature: 37 degC}
    - name: quench
      robot: arm
      after: {step: react, wait: 30 min, tolerance: 2 min}
      operations: [{do: dispense, liquid: acid, volume: 20 uL}]
    - {name: read, robot: arm, after: {step: quench, wait: 1 hour}, operations: [{do: image}]}
plates: {count: 8, labware: 6-well, wells: A1:A2}
rounds: {first: {initial: 15, standard: 1}, later: {proposed: 16}}
stop: {rounds: 1}
robots: {arm: {driver: simulated, options: {lab: quench, culture: enzyme-assay}}}
"""


def _lab(home: Path, url: str, campaign: Campaign, clock: TravelClock) -> Lab:
    robots = {
        name: make_driver(
            config.driver, RobotSetup(name, config.options, clock, home, campaign.seed)
        )
        for name, config in campaign.robots.items()
    }
    return Lab(journal=Journal(url), clock=clock, home=home, robots=robots)


def _by_plate(log: RobotLog) -> dict[str, list[Performed]]:
    found: dict[str, list[Performed]] = defaultdict(list)
    for done in log.everything():
        found[done.key.split("/")[2]].append(done)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'journal.sqlite'}"
        return
    with temporary_database() as found:
        yield found


def test_eight_plates_are_quenched_half_an_hour_after_they_reacted(
    tmp_path: Path, url: str
) -> None:
    campaign = read_campaign(QUENCH)
    lab = _lab(tmp_path, url, campaign, TravelClock(START))
    campaign_id = lab.journal.create_campaign(campaign, QUENCH, [], START)
    assert until_asked(lab, campaign_id) == Outlook()
    assert lab.journal.status(campaign_id) == "finished"
    plates = _by_plate(RobotLog(lab_log_path(tmp_path, "quench")))
    assert len(plates) == 8
    for done in plates.values():
        reacted = max(entry.ended_at for entry in done if "/react/" in entry.key)
        quenched = min(entry.started_at for entry in done if "/quench/" in entry.key)
        assert timedelta(minutes=30) <= quenched - reacted <= timedelta(minutes=32)


def test_a_rehearsal_keeps_those_times_too(tmp_path: Path) -> None:
    found = rehearse(read_campaign(QUENCH), Settings(home=tmp_path))
    assert not [conflict for conflict in found.conflicts if conflict.fatal]
    assert max(entry.wait for entry in found.jobs if entry.job.step == "quench") <= timedelta(
        minutes=2
    )


def _passage(**changed: str) -> str:
    """One round of three plates with two wells each."""
    text = PASSAGE.replace("stop: {rounds: 3}", "stop: {rounds: 1}")
    text = text.replace("{count: 4, labware: 6-well,", "{count: 3, labware: 6-well, wells: A1:A2,")
    text = text.replace("initial: 23", "initial: 5").replace("proposed: 22", "proposed: 4")
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    return text


def test_plates_are_passaged_when_their_cells_are_ready(tmp_path: Path) -> None:
    campaign = read_campaign(_passage())
    lab = _lab(tmp_path, f"sqlite:///{tmp_path / 'j.sqlite'}", campaign, TravelClock(START))
    campaign_id = lab.journal.create_campaign(campaign, PASSAGE, [], START)
    assert until_asked(lab, campaign_id) == Outlook()
    days: dict[str, timedelta] = {}
    for plate, done in _by_plate(RobotLog(lab_log_path(tmp_path, "passage"))).items():
        looks = {e.key for e in done if "/look/" in e.key}
        last_look = max(e.ended_at for e in done if e.key in looks)
        fed = min(
            e.started_at for e in done if "/feed/" in e.key and not isinstance(e.operation, Image)
        )
        assert timedelta(hours=1) <= fed - last_look < timedelta(hours=1, minutes=30)
        days[plate] = fed - START
        assert 2 <= len(looks) <= 14
    assert len(set(days.values())) > 1, "plates are ready at times of their own"
    (batch,) = lab.journal.state(campaign_id).rounds
    dropped = [job for job in lab.journal.jobs(campaign_id, 1) if job.status is JobStatus.DROPPED]
    assert dropped
    assert all(job.message.startswith("confluence is at least 0.8") for job in dropped)
    # What the camera saw last is what was waited for.
    for number in range(1, 4):
        wells = [well for well in batch.wells if well.well.plate == number]
        seen = [well.measured["confluence"] for well in wells]
        assert median(value for value in seen if value is not None) >= 0.8


def test_a_state_that_is_never_reached_is_asked_about(tmp_path: Path) -> None:
    text = _passage(**{"at_least: 0.8": "at_least: 0.999", "at_most: 7 day": "at_most: 1 day"})
    campaign = read_campaign(text)
    lab = _lab(tmp_path, f"sqlite:///{tmp_path / 'j.sqlite'}", campaign, TravelClock(START))
    campaign_id = lab.journal.create_campaign(campaign, text, [], START)
    asked = []
    while questions := until_asked(lab, campaign_id).questions:
        for question in questions:
            assert isinstance(question, AskOperator)
            asked.append(question.message)
            decide(lab, question.key, "again", "ada", "they are dense enough")
    assert len(asked) == 3
    assert "step look looked at plate 1 for 1 day and never found that confluence is at" in asked[0]
    everything = RobotLog(lab_log_path(tmp_path, "passage")).everything()
    fed = [
        done
        for done in everything
        if isinstance(done.operation, Dispense) and done.operation.liquid == "medium"
    ]
    assert len(fed) == 6


def test_or_the_protocol_goes_on_where_it_says_so(tmp_path: Path) -> None:
    text = _passage(
        **{
            "at_least: 0.8": "at_least: 0.999, otherwise: go_on",
            "at_most: 7 day": "at_most: 1 day",
        }
    )
    campaign = read_campaign(text)
    lab = _lab(tmp_path, f"sqlite:///{tmp_path / 'j.sqlite'}", campaign, TravelClock(START))
    campaign_id = lab.journal.create_campaign(campaign, text, [], START)
    assert until_asked(lab, campaign_id) == Outlook()
    assert lab.journal.status(campaign_id) == "finished"


def test_a_late_end_moves_what_follows_and_nothing_else(tmp_path: Path) -> None:
    campaign = read_campaign(QUENCH)
    lab = _lab(tmp_path, f"sqlite:///{tmp_path / 'j.sqlite'}", campaign, TravelClock(START))
    journal = lab.journal
    campaign_id = journal.create_campaign(campaign, QUENCH, [], START)
    asyncio.run(_planned_only(lab, campaign_id))
    before = {job.key: job.due_at for job in journal.jobs(campaign_id, 1)}
    key = f"{campaign_id}/r1/p1/react/1"
    begun, ended = START, START + timedelta(hours=1)
    journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, begun)
    journal.move_job(key, JobStatus.DISPATCHED, JobStatus.DONE, ended)
    after = {job.key: job.due_at for job in journal.jobs(campaign_id, 1)}
    moved = {key: due - before[key] for key, due in after.items() if due != before[key]}
    assert set(moved) == {f"{campaign_id}/r1/p1/quench/1", f"{campaign_id}/r1/p1/read/1"}
    assert len(set(moved.values())) == 1
    assert after[f"{campaign_id}/r1/p1/quench/1"] == ended + timedelta(minutes=30)
    job, _ = journal.job(f"{campaign_id}/r1/p1/quench/1")
    assert job.due_at == ended + timedelta(minutes=30)


async def _planned_only(lab: Lab, campaign_id: str) -> datetime:
    """The first round planned, and nothing of it done."""
    from orchestrator.core.lifecycle import PlanRound
    from orchestrator.engine.actions import run_action, run_plainly

    await run_action(lab, campaign_id, PlanRound(1, START), run_plainly)
    return lab.clock.now()


def test_status_says_what_is_waited_for_and_until_when(tmp_path: Path) -> None:
    planned(tmp_path, read_campaign(PASSAGE))
    found = CliRunner().invoke(app, ["status", "--home", str(tmp_path)], env={"COLUMNS": "200"})
    assert found.exit_code == 0
    assert "passage: step seed of plate 1 is due at 2026-03-02 09:00" in found.output
