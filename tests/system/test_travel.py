"""Forty days on the code path of the real clock, with the process lost fifty times meanwhile."""

import asyncio
import random
from collections import Counter
from pathlib import Path

from drivers.base import RobotSetup
from drivers.registry import make_driver
from orchestrator.engine.advance import advance
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab
from protocols.campaign import Campaign
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests.acting import decide
from tests.conftest import START
from tests.travel import Lost, TravelClock


def test_forty_days_pass_with_fifty_lost_processes(tmp_path: Path, rpe: Campaign) -> None:
    campaign = rpe.model_copy(update={"stop": rpe.stop.model_copy(update={"rounds": 1})})
    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    clock = TravelClock(START)
    journal = Journal(url)
    campaign_id = journal.create_campaign(campaign, "", [], START)
    rng = random.Random(5)
    lives = 0

    async def live() -> None:
        lab = Lab(
            journal=Journal(url),
            clock=clock,
            home=tmp_path,
            robots={
                name: make_driver(
                    config.driver, RobotSetup(name, config.options, clock, tmp_path, campaign.seed)
                )
                for name, config in campaign.robots.items()
            },
        )
        try:
            while lab.journal.state(campaign_id).status == "running":
                outlook = await advance(lab, campaign_id)
                for question in outlook.questions:
                    decide(lab, question.key, "again", "ada", "seen")
                if outlook.moment is not None:
                    await clock.sleep_until(outlook.moment)
        finally:
            for robot in lab.robots.values():
                await robot.close()
            lab.journal.close()

    while journal.state(campaign_id).status == "running":
        lives += 1
        clock.sleeps_left = rng.randint(30, 260) if lives <= 50 else None
        try:
            asyncio.run(live())
        except Lost:
            continue

    assert lives > 50
    assert (clock.now() - START).days == 36
    log = RobotLog(lab_log_path(tmp_path, "ipsc-rpe"))
    done = Counter(
        (performed.key, performed.position)
        for performed in log.everything()
        if not performed.operation.repeatable
    )
    assert max(done.values()) == 1
    (batch,) = journal.state(campaign_id).rounds
    assert [str(well.well) for well in batch.wells if well.lost] == ["plate 1 B2"]
    assert sum(well.scored for well in batch.wells) == 47
    doubts = journal.events(campaign_id, kinds=["job_in_doubt"])
    assert doubts == []
