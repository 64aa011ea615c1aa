"""Dispatch: one job to its robot, at most once, and what came of it into the journal."""

import hashlib
from datetime import datetime, timedelta

from drivers.base import Driver, JobRefused, KeyMemory, RobotOffline
from orchestrator.core.by import By
from orchestrator.core.events import EventKind
from orchestrator.core.lifecycle import lateness
from orchestrator.core.state import CampaignStatus, JobState, JobStatus
from orchestrator.errors import Halted
from orchestrator.journal.tables import ReadingRow
from orchestrator.lab.lab import Lab
from protocols.jobs import Job, JobReport, Reading

_POLL_S = 1.0


async def execute_job(lab: Lab, campaign_id: str, key: str) -> datetime:
    """Follow a job from its present state to its end; returns when that was, in lab time.

    The intent is committed before anything is sent. A job that the robot may have received is never
    sent again before the robot was asked for its key, and never if the robot cannot say what it
    did, unless all of it may be repeated. It returns early, with the job left for a later call, if
    the robot does not answer, if its campaign was paused before it was sent, if it has become too
    late for it, or if nothing is to be done for it any more.

    Raises:
        Conflict: somebody else moved the job meanwhile.
    """
    job, state = lab.journal.job(key)
    if state.status is not JobStatus.PLANNED and not state.status.in_flight:
        return lab.clock.now()
    if state.status is JobStatus.PLANNED and (late := lateness(state, lab.clock.now())):
        lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.LATE, lab.clock.now(), late)
        return lab.clock.now()
    try:
        return await _execute(lab, campaign_id, job, state)
    except RobotOffline as error:
        lab.journal.robot_offline(campaign_id, job.robot, str(error), lab.clock.now())
    except Halted:
        pass
    return lab.clock.now()


async def _execute(lab: Lab, campaign_id: str, job: Job, state: JobState) -> datetime:
    robot, key, status = lab.robots[job.robot], state.key, state.status
    await robot.connect()
    try:
        if status is JobStatus.PLANNED:
            lab.journal.move_job(key, status, JobStatus.DISPATCHED, lab.clock.now())
            status = JobStatus.DISPATCHED
            await robot.submit(job)
        elif status is JobStatus.DISPATCHED and (await _ask(robot, job)).state == "unknown":
            if lab.journal.status(campaign_id) != CampaignStatus.RUNNING:
                message = "the robot never got it, and its campaign does not run any more"
                lab.journal.move_job(key, status, JobStatus.PLANNED, lab.clock.now(), message)
                raise Halted(message)
            await robot.submit(job)
    except JobRefused as refusal:
        report = JobReport(
            key=job.key, state="failed", message=str(refusal), ended_at=lab.clock.now()
        )
        return _conclude(lab, campaign_id, key, job, status, report)
    report = await _ask(robot, job)
    if state.robot_silent:
        lab.journal.robot_back(campaign_id, job.robot, lab.clock.now())
    if status is JobStatus.DISPATCHED and report.state == "running":
        lab.journal.move_job(key, status, JobStatus.ACCEPTED, lab.clock.now())
        status = JobStatus.ACCEPTED
    logged = ""
    while report.state == "running":
        if report.message and report.message != logged:
            # Such as that a person is reminded, or that a door is open.
            logged = report.message
            lab.journal.note(
                campaign_id, lab.clock.now(), EventKind.NOTICE, job.robot, f"{key}: {logged}"
            )
        await lab.clock.sleep_until(lab.clock.now() + timedelta(seconds=_POLL_S))
        report = await _ask(robot, job)
    if report.over:
        return _conclude(lab, campaign_id, key, job, status, report)
    # Either the robot cannot say, or it had the job and no longer knows it.
    message = report.message or "the robot had accepted it and no longer knows it"
    left = (
        None
        if report.not_begun is None
        else [job.operations[position] for position in report.not_begun]
    )
    lab.journal.mark_in_doubt(key, status, lab.clock.now(), message, report.failed_wells, left)
    if job.repeatable:
        lab.journal.decide_job(
            key, "again", lab.clock.now(), By(why="every operation of it may be done once more")
        )
    return lab.clock.now()


async def _ask(robot: Driver, job: Job) -> JobReport:
    """What the robot knows of a job."""
    report = await robot.poll(job.key)
    if report.state == "unknown" and robot.capabilities.memory is KeyMemory.CANNOT_SAY:
        return report.model_copy(
            update={"state": "in_doubt", "message": "the robot cannot say what it did"}
        )
    return report


def _conclude(
    lab: Lab, campaign_id: str, key: str, job: Job, status: JobStatus, report: JobReport
) -> datetime:
    ended_at = report.ended_at or lab.clock.now()
    if report.state == "done":
        readings = [_keep(lab, campaign_id, key, job, reading) for reading in report.readings]
        lab.journal.finish_job(
            key, status, JobStatus.DONE, ended_at, report.message, report.failed_wells, readings
        )
    else:
        lost = dict.fromkeys(job.wells, report.message or "the robot failed") | report.failed_wells
        lab.journal.finish_job(key, status, JobStatus.FAILED, ended_at, report.message, lost, [])
    return ended_at


def _keep(lab: Lab, campaign_id: str, key: str, job: Job, reading: Reading) -> ReadingRow:
    """Put an image on the disk; it is there before the journal speaks of it."""
    row = ReadingRow(
        campaign_id=campaign_id,
        round=job.round,
        plate=job.plate,
        well=reading.well,
        job_key=key,
        kind=reading.kind,
        number=reading.number,
        unit=reading.unit,
    )
    if reading.kind == "image":
        name = f"r{job.round}-p{job.plate}-{reading.well}-{job.step}-{job.occurrence}.png"
        path = lab.home / "campaigns" / campaign_id / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(reading.image_png)
        row.path = path.relative_to(lab.home).as_posix()
        row.sha256 = hashlib.sha256(reading.image_png).hexdigest()
    return row
