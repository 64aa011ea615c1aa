"""A robot server that has another address now, or another robot there, while a job is under way."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.control.robots import SetRobotAddress
from orchestrator.core.lifecycle import AskOperator
from orchestrator.core.state import JobStatus
from orchestrator.engine.advance import Outlook, advance
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.settings import Settings
from protocols.campaign_file import read_campaign, read_lab
from simulators.clock import AcceleratedClock
from simulators.opentrons_server import OpentronsServer
from tests import acting

CAMPAIGN = """
name: moved
parameters:
  - {name: volume, step: react, kind: stepped, unit: uL, levels: [200, 300, 400], standard: 300}
protocol:
  name: assay
  steps:
    - name: react
      robot: ot2
      days: 0
      tolerance: 90 day
      operations: [{do: dispense, liquid: water, volume: {parameter: volume}}]
    - {name: look, robot: ada, days: 80, tolerance: 90 day, operations: [{do: image}]}
plates: {count: 1, labware: 6-well, wells: A1:B3}
rounds: {first: {initial: 5, standard: 1}, later: {proposed: 6}}
stop: {rounds: 1}
"""

LAB = """
robots:
  ot2:
    driver: opentrons
    address: SERVER
    options:
      analyze: false
      pipettes: {left: {name: p1000_single_gen2, tips: opentrons_96_tiprack_1000ul, slots: [8]}}
      reservoirs: {media: {labware: nest_12_reservoir_15ml, slot: 5}}
      liquids: {water: {reservoir: media, wells: [A1], volume_ul: 14000}}
  ada: {driver: manual}
"""


@pytest.fixture
def servers() -> Iterator[tuple[OpentronsServer, OpentronsServer]]:
    running = OpentronsServer(operation_s=0.3), OpentronsServer(operation_s=0.01)
    yield running
    for server in running:
        server.end()


def launched(home: Path, address: str) -> tuple[Lab, str]:
    campaign = read_campaign(CAMPAIGN, lab=read_lab(LAB.replace("SERVER", address)))
    settings = Settings(home=home)
    clock = AcceleratedClock(datetime.now(UTC), 50_000)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(campaign, CAMPAIGN, [], clock.now())
    lab = open_lab(settings, journal, journal.state(campaign_id))
    return replace(lab, clock=clock), campaign_id


def react(lab: Lab, campaign_id: str) -> JobStatus | None:
    jobs = lab.journal.jobs(campaign_id, 1)
    return next((job.status for job in jobs if job.robot == "ot2"), None)


async def until(lab: Lab, campaign_id: str, done: int, server: OpentronsServer) -> Outlook:
    """Run until the server has done so many operations, the job is over or somebody is asked."""
    async with asyncio.timeout(60):
        while True:
            running = asyncio.create_task(advance(lab, campaign_id))
            try:
                while not running.done():
                    await asyncio.sleep(0.02)
                    status = react(lab, campaign_id)
                    if server.lasting >= done or (status is not None and status.over):
                        return Outlook()
            finally:
                running.cancel()
                await asyncio.wait([running])
            outlook = await running
            if outlook.questions:
                return outlook
            assert outlook.moment is not None
            await lab.clock.sleep_until(outlook.moment)


@pytest.mark.parametrize("another_robot", [False, True])
def test_a_run_under_way_is_adopted_at_the_new_address_and_never_sent_to_another_robot(
    tmp_path: Path, servers: tuple[OpentronsServer, OpentronsServer], another_robot: bool
) -> None:
    server, other = servers
    # One robot under two addresses, or two robots.
    before = server.url.replace("127.0.0.1", "localhost")
    lab, campaign_id = launched(tmp_path, before)
    asyncio.run(until(lab, campaign_id, 1, server))
    assert react(lab, campaign_id) in (JobStatus.DISPATCHED, JobStatus.ACCEPTED)
    now = other.url if another_robot else server.url
    told = SetRobotAddress(robot="ot2", address=now, why="the router gave it another address")
    acting.do(lab, campaign_id, "ada", told)

    later = open_lab(Settings(home=tmp_path), lab.journal, lab.journal.state(campaign_id))
    outlook = asyncio.run(until(replace(later, clock=lab.clock), campaign_id, 99, server))
    if another_robot:
        [question] = outlook.questions
        assert isinstance(question, AskOperator)
        assert "the robot does not have the run any more" in question.message
        assert (other.protocols, other.runs, other.lasting) == ([], [], 0)
    else:
        assert react(lab, campaign_id) is JobStatus.DONE
        assert server.lasting == 6
        assert len(server.runs) == 1
