"""What several tests build upon.

Campaigns that are planned, labs, jobs of one kind, and campaigns that run on.
"""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

from drivers.base import KeyMemory
from drivers.device import Device
from orchestrator.core.round_planning import plan_round
from orchestrator.engine.advance import Outlook, advance
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.compile import compile_jobs
from protocols.conditions import Condition, Proposal
from protocols.jobs import Job, JobReport
from protocols.layout import Layout, Placement
from protocols.operations import Dispense, Operation
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests.conftest import START
from tests.system import crash


def planned(home: Path, campaign: Campaign) -> tuple[Journal, str]:
    """A campaign with its first round planned, in a journal of its own."""
    journal = Journal(f"sqlite:///{home / 'journal.sqlite'}")
    campaign_id = journal.create_campaign(campaign, "text", [], START)
    plan = plan_round(campaign, 1, [])
    jobs = compile_jobs(campaign, campaign_id, plan.layout, START)
    journal.plan_round(campaign_id, plan.layout, jobs, ["a notice"], START, START)
    return journal, campaign_id


def launched(home: Path, campaign: Campaign, text: str = "") -> tuple[Lab, str]:
    """The lab of a campaign of which nothing is planned yet, in a home of its own."""
    settings = Settings(home=home)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(campaign, text, [], START)
    return open_lab(settings, journal, journal.state(campaign_id)), campaign_id


def lab_of(home: Path, campaign: Campaign) -> tuple[Lab, str]:
    """The lab of a campaign whose first round is planned."""
    journal, campaign_id = planned(home, campaign)
    return open_lab(Settings(home=home), journal, journal.state(campaign_id)), campaign_id


def small_lab(home: Path, memory: KeyMemory = KeyMemory.REMEMBERS_KEYS) -> tuple[Lab, str]:
    """A lab of two plates with two wells each."""
    return lab_of(home, crash.campaign(memory))


def performed(home: Path) -> int:
    """How many operations the virtual robot has done."""
    return len(RobotLog(lab_log_path(home, "virtual")).everything())


def until_asked(lab: Lab, campaign_id: str) -> Outlook:
    """Run the campaign until it is over or somebody is asked; returns what is asked."""

    async def run() -> Outlook:
        while True:
            outlook = await advance(lab, campaign_id)
            if outlook.moment is None or outlook.questions:
                return outlook
            await lab.clock.sleep_until(outlook.moment)

    return asyncio.run(run())


def job_of(*operations: Operation, key: str = "c/r1/p1/s/1") -> Job:
    """A job of these operations, for a robot that is called pump."""
    details: dict[str, Any] = {
        "round": 1,
        "step": "s",
        "occurrence": 1,
        "day": 0,
        "plate": 1,
        "plate_id": "c/r1/p1",
    }
    return Job(
        key=key,
        labware="6-well",
        robot="pump",
        due_at=START,
        tolerance_s=60.0,
        operations=operations,
        **details,
    )


def jobs_for(campaign: Campaign, condition: Condition, start: datetime = START) -> tuple[Job, ...]:
    """The jobs of a round whose every well has the same condition."""
    placements = tuple(
        Placement(well=well, proposal=Proposal(condition=condition, role="proposed", reason="test"))
        for well in campaign.plates.all_wells()
    )
    layout = Layout(round=1, placements=placements)
    return tuple(compile_jobs(campaign, campaign.name, layout, start))


def dispenses(*volumes: float) -> list[Operation]:
    """A volume of medium for each well of a row."""
    return [
        Dispense(well=f"A{n}", liquid="medium", volume_ul=volume)
        for n, volume in enumerate(volumes, 1)
    ]


async def finished(device: Device, key: str) -> JobReport:
    """What became of a job, when it is over."""
    while (report := await device.poll(key)).state == "running":
        await asyncio.sleep(0.005)
    return report
