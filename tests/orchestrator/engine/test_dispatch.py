import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from drivers.base import JobRefused, RobotOffline
from drivers.telemetry import Measurement
from orchestrator.core.lifecycle import ExecuteJob, WaitUntil, next_actions
from orchestrator.core.state import JobStatus
from orchestrator.engine import dispatch
from orchestrator.engine.advance import Outlook, advance
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.lab.robots import used_robot
from orchestrator.service.telemetry import measured_units, telemetry_chart
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.jobs import Job, JobReport
from tests import acting
from tests.builders import performed, planned
from tests.conftest import START

KEY = "rpe/r1/p1/A/1"


def lab_with(home: Path, campaign: Campaign, faults: list[dict[str, object]]) -> tuple[Lab, str]:
    robots = dict(campaign.robots)
    robots["maholo"] = robots["maholo"].model_copy(
        update={"options": {"lab": "virtual", "faults": faults}}
    )
    journal, campaign_id = planned(home, campaign.model_copy(update={"robots": robots}))
    return open_lab(Settings(home=home), journal, journal.state(campaign_id)), campaign_id


async def executed(lab: Lab, campaign_id: str, key: str) -> datetime:
    async with used_robot(lab, campaign_id, "maholo") as used:
        return await dispatch.execute_job(lab, used, key)


def kinds(lab: Lab, campaign_id: str) -> list[str]:
    return [
        event.kind
        for event in lab.journal.events(campaign_id)
        if event.kind.startswith(("job", "robot", "well"))
    ]


def test_the_intent_is_written_before_anything_is_sent(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])
    robot = lab.robots["maholo"]
    seen = []
    tell = robot.submit

    async def watched(job: object) -> None:
        seen.append(lab.journal.job(KEY)[1].status)
        await tell(job)  # type: ignore[arg-type]

    robot.submit = watched  # type: ignore[method-assign]
    asyncio.run(executed(lab, campaign_id, KEY))
    assert seen == [JobStatus.DISPATCHED]
    assert kinds(lab, campaign_id) == ["job_dispatched", "job_done"]


@pytest.mark.parametrize("received", [False, True])
def test_a_dropped_line_never_doubles_a_job(tmp_path: Path, rpe: Campaign, received: bool) -> None:
    fault: dict[str, object] = {
        "kind": "disconnect",
        "round": 1,
        "plate": 1,
        "step": "A",
        "heard": received,
    }
    lab, campaign_id = lab_with(tmp_path, rpe, [fault])

    async def twice() -> None:
        await executed(lab, campaign_id, KEY)
        assert lab.journal.state(campaign_id).outages[0].robot == "maholo"
        await executed(lab, campaign_id, KEY)

    asyncio.run(twice())
    assert lab.journal.state(campaign_id).outages == ()
    assert kinds(lab, campaign_id) == ["job_dispatched", "robot_offline", "robot_back", "job_done"]
    assert performed(tmp_path) == len(lab.journal.job(KEY)[0].operations)


@pytest.mark.parametrize("received", [False, True])
def test_a_job_left_dispatched_by_a_crash_is_asked_for_first(
    tmp_path: Path, rpe: Campaign, received: bool
) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])

    async def crash_and_recover() -> None:
        job, _ = lab.journal.job(KEY)
        lab.journal.move_job(KEY, JobStatus.PLANNED, JobStatus.DISPATCHED, lab.clock.now())
        if received:
            await lab.robots["maholo"].connect()
            await lab.robots["maholo"].submit(job)
        await executed(lab, campaign_id, KEY)

    asyncio.run(crash_and_recover())
    assert lab.journal.job(KEY)[1].status is JobStatus.DONE
    assert performed(tmp_path) == len(lab.journal.job(KEY)[0].operations)


def test_a_failed_job_costs_the_wells_of_its_plate(tmp_path: Path, rpe: Campaign) -> None:
    fault: dict[str, object] = {"kind": "job", "round": 1, "plate": 1, "step": "A"}
    lab, campaign_id = lab_with(tmp_path, rpe, [fault])
    asyncio.run(executed(lab, campaign_id, KEY))
    state = lab.journal.state(campaign_id)
    assert len(state.rounds[0].lost_wells(1)) == 6
    assert not state.rounds[0].lost_wells(2)
    assert "step A: machine error (injected)" in state.rounds[0].wells[0].lost


def test_a_robot_that_stays_away_is_asked_after_waits_that_double(
    tmp_path: Path, rpe: Campaign
) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])
    waits = []
    for _ in range(9):
        lab.journal.robot_offline(campaign_id, "maholo", "the cable is out", START)
        (outage,) = lab.journal.state(campaign_id).outages
        waits.append((outage.retry_at - START).total_seconds())
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert next_actions(lab.journal.state(campaign_id), START) == [
        WaitUntil(START + timedelta(minutes=1))
    ]
    lab.journal.robot_back(campaign_id, "maholo", START)
    assert all(
        isinstance(action, ExecuteJob)
        for action in next_actions(lab.journal.state(campaign_id), START)
    )


def test_nothing_is_sent_once_the_campaign_is_paused(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])
    acting.pause(lab, campaign_id, "ada", "the incubator is open")
    asyncio.run(executed(lab, campaign_id, KEY))
    assert lab.journal.job(KEY)[1].status is JobStatus.PLANNED
    assert performed(tmp_path) == 0


@pytest.mark.parametrize("received", [False, True])
def test_a_paused_campaign_sees_to_its_end_what_a_robot_has_and_sends_nothing(
    tmp_path: Path, rpe: Campaign, received: bool
) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])

    async def crash_then_pause() -> None:
        job, _ = lab.journal.job(KEY)
        lab.journal.move_job(KEY, JobStatus.PLANNED, JobStatus.DISPATCHED, lab.clock.now())
        await lab.robots["maholo"].connect()
        if received:
            await lab.robots["maholo"].submit(job)
        acting.pause(lab, campaign_id, "ada", "the incubator is open")
        await advance(lab, campaign_id)

    asyncio.run(crash_then_pause())
    assert lab.journal.job(KEY)[1].status is (JobStatus.DONE if received else JobStatus.PLANNED)
    assert next_actions(lab.journal.state(campaign_id), START) == []


def test_a_pause_in_the_middle_of_a_queue_stops_the_queue(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])
    robot = lab.robots["maholo"]
    tell = robot.submit

    async def pausing(job: Job) -> None:
        await tell(job)
        if job.key.startswith("rpe/r1/p3"):
            acting.pause(lab, campaign_id, "ada", "look at plate 3")

    robot.submit = pausing  # type: ignore[method-assign]
    assert asyncio.run(advance(lab, campaign_id)) == Outlook()
    jobs = lab.journal.jobs(campaign_id, 1)
    assert [job.status for job in jobs[:5]] == [JobStatus.DONE] * 3 + [JobStatus.PLANNED] * 2


def test_a_refused_job_was_never_accepted(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])

    async def refuse(job: Job) -> None:
        raise JobRefused("no tips left")

    lab.robots["maholo"].submit = refuse  # type: ignore[method-assign]
    asyncio.run(executed(lab, campaign_id, KEY))
    assert kinds(lab, campaign_id)[:2] == ["job_dispatched", "job_failed"]


def test_a_job_that_waited_too_long_for_its_robot_is_not_sent(
    tmp_path: Path, rpe: Campaign
) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])
    asyncio.run(lab.clock.sleep_until(START + timedelta(days=3)))
    asyncio.run(executed(lab, campaign_id, KEY))
    status = lab.journal.job(KEY)[1]
    assert (status.status, status.message) == (
        JobStatus.LATE,
        "it was due at 2026-03-02 09:00 and is 3.0 days late",
    )


def test_what_a_robot_reports_meanwhile_is_logged_once(tmp_path: Path, rpe: Campaign) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])
    robot = lab.robots["maholo"]
    messages = iter(["", "the door is open", "the door is open", "a person is reminded"])
    asked = robot.poll

    async def slowly(key: str) -> JobReport:
        report = await asked(key)
        message = next(messages, None)
        return (
            report
            if message is None
            else report.model_copy(update={"state": "running", "message": message})
        )

    robot.poll = slowly  # type: ignore[method-assign]
    asyncio.run(executed(lab, campaign_id, KEY))
    notices = [
        event.message
        for event in lab.journal.events(campaign_id, kinds=["notice"])
        if event.subject == KEY
    ]
    assert notices == ["maholo: the door is open", "maholo: a person is reminded"]
    assert lab.journal.job(KEY)[1].status is JobStatus.DONE


def test_what_a_robot_measures_of_itself_is_kept_with_its_job(
    tmp_path: Path, rpe: Campaign
) -> None:
    lab, campaign_id = lab_with(tmp_path, rpe, [])
    robot = lab.robots["maholo"]
    states, asked = iter(["running"] * 95), robot.poll
    temperatures = (36 + number / 100 for number in range(1000))

    async def slowly(key: str) -> JobReport:
        report = await asked(key)
        return report.model_copy(update={"state": next(states, report.state)})

    async def telemetry() -> list[Measurement]:
        value = next(temperatures)
        if value == 36.02:
            raise RobotOffline("it is asked again later")
        return [Measurement("block", value, "degC"), Measurement("pressure", float("nan"), "kPa")]

    robot.poll = slowly  # type: ignore[method-assign]
    robot.telemetry = telemetry  # type: ignore[attr-defined]
    asyncio.run(executed(lab, campaign_id, KEY))
    assert lab.journal.job(KEY)[1].status is JobStatus.DONE
    [event] = [e for e in lab.journal.events(campaign_id) if e.kind == "telemetry"]
    assert (event.subject, event.message) == (KEY, "block 36 to 36.09 degC")
    chart = telemetry_chart(lab.journal, campaign_id, KEY, "degC").trace
    assert chart.channels[0].values == tuple(36 + n / 100 for n in range(10) if n != 2)
    assert chart.x.values[:3] == pytest.approx((0, 1 / 6, 0.5))
    assert measured_units(lab.journal, campaign_id, KEY) == ["degC"]
