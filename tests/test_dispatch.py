import asyncio
from pathlib import Path

import pytest

from orchestrator.dispatch import carry_out
from orchestrator.lab import Lab, open_lab
from orchestrator.settings import Settings
from orchestrator.state import JobStatus
from protocols.campaign import Campaign
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests.test_journal import planned

KEY = "rpe/r1/p1/A/1"


def lab_with(home: Path, campaign: Campaign, faults: list[dict[str, object]]) -> tuple[Lab, str]:
    robots = dict(campaign.robots)
    robots["maholo"] = robots["maholo"].model_copy(update={"options": {"lab": "virtual", "faults": faults}})
    journal, campaign_id = planned(home, campaign.model_copy(update={"robots": robots}))
    return open_lab(Settings(home=home), journal, journal.state(campaign_id)), campaign_id


def performed(home: Path) -> int:
    return len(RobotLog(lab_log_path(home, "virtual")).everything())


def kinds(lab: Lab, campaign_id: str) -> list[str]:
    return [event.kind for event in lab.journal.events(campaign_id) if event.kind.startswith(("job", "robot", "well"))]


def test_the_intent_is_written_before_the_robot_is_told(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])
    robot = lab.robots["maholo"]
    seen = []
    tell = robot.submit

    async def watched(job: object) -> None:
        seen.append(lab.journal.job(KEY)[1].status)
        await tell(job)  # type: ignore[arg-type]

    robot.submit = watched  # type: ignore[method-assign]
    asyncio.run(carry_out(lab, campaign_id, KEY))
    assert seen == [JobStatus.DISPATCHED]
    assert kinds(lab, campaign_id) == ["job_dispatched", "job_accepted", "job_done"]


@pytest.mark.parametrize("heard", [False, True])
def test_a_dropped_line_never_doubles_a_job(tmp_path: Path, rpe: Campaign, heard: bool) -> None:
    fault: dict[str, object] = {"kind": "disconnect", "round": 1, "plate": 1, "step": "A", "heard": heard}
    lab, campaign_id = lab_with(tmp_path, rpe, [fault])
    asyncio.run(carry_out(lab, campaign_id, KEY))
    assert kinds(lab, campaign_id) == ["job_dispatched", "robot_offline", "job_accepted", "job_done"]
    assert performed(tmp_path) == len(lab.journal.job(KEY)[0].operations)


@pytest.mark.parametrize("heard", [False, True])
def test_a_job_left_dispatched_by_a_crash_is_asked_for_first(tmp_path: Path, rpe: Campaign, heard: bool) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])

    async def crash_and_recover() -> None:
        job, _ = lab.journal.job(KEY)
        lab.journal.move_job(KEY, JobStatus.PLANNED, JobStatus.DISPATCHED, lab.clock.now())
        if heard:
            await lab.robots["maholo"].connect()
            await lab.robots["maholo"].submit(job)
        await carry_out(lab, campaign_id, KEY)

    asyncio.run(crash_and_recover())
    assert lab.journal.job(KEY)[1].status is JobStatus.DONE
    assert performed(tmp_path) == len(lab.journal.job(KEY)[0].operations)


def test_a_failed_job_costs_the_wells_of_its_plate(tmp_path: Path, rpe: Campaign) -> None:
    fault: dict[str, object] = {"kind": "job", "round": 1, "plate": 1, "step": "A"}
    lab, campaign_id = lab_with(tmp_path, rpe, [fault])
    asyncio.run(carry_out(lab, campaign_id, KEY))
    state = lab.journal.state(campaign_id)
    assert len(state.rounds[0].lost_wells(1)) == 6
    assert not state.rounds[0].lost_wells(2)
    assert "step A: machine error (injected)" in state.rounds[0].wells[0].lost
