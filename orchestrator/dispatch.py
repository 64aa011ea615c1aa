"""Dispatch: one job to its robot, at most once, and what came of it into the journal."""

import hashlib
from datetime import datetime, timedelta

from drivers.base import Driver, JobRefused, KeyMemory, RobotOffline
from orchestrator.lab import Lab
from orchestrator.state import JobStatus
from orchestrator.tables import ReadingRow
from protocols.jobs import Job, JobReport, Reading

_POLL_S = 1.0
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0


async def carry_out(lab: Lab, campaign_id: str, key: str) -> datetime:
    """See a job to its end, from wherever it stands; returns when it ended, by the lab's clock.

    The intent is committed before the robot hears a word. A job that may have been heard is never sent again before
    the robot was asked for its key, and never if the robot cannot say what it did, unless all of it may be repeated.

    Raises:
        Conflict: somebody else moved the job meanwhile.
    """
    job, state = lab.journal.job(key)
    robot = lab.robots[job.robot]
    status = state.status
    if status is JobStatus.PLANNED:
        lab.journal.move_job(key, status, JobStatus.DISPATCHED, lab.clock.now())
        status = JobStatus.DISPATCHED
        report = await _submit(lab, campaign_id, robot, job)
    else:
        report = await _ask(lab, campaign_id, robot, job)
        if report.state == "unknown" and status is JobStatus.DISPATCHED:
            report = await _submit(lab, campaign_id, robot, job)
    if status is JobStatus.DISPATCHED and report.state in ("running", "done", "failed"):
        lab.journal.move_job(key, status, JobStatus.ACCEPTED, lab.clock.now())
        status = JobStatus.ACCEPTED
    while report.state == "running":
        await _wait(lab, _POLL_S)
        report = await _ask(lab, campaign_id, robot, job)
    if report.over:
        return _conclude(lab, campaign_id, key, job, status, report)
    # Either the robot cannot say, or it had the job and no longer knows it.
    message = report.message or "the robot had accepted it and no longer knows it"
    lab.journal.move_job(key, status, JobStatus.IN_DOUBT, lab.clock.now(), message)
    if job.repeatable:
        why = "every operation of it may be done once more"
        lab.journal.decide(key, "again", lab.clock.now(), who="wellwise", why=why)
    return lab.clock.now()


async def _wait(lab: Lab, seconds: float) -> None:
    await lab.clock.sleep_until(lab.clock.now() + timedelta(seconds=seconds))


async def _submit(lab: Lab, campaign_id: str, robot: Driver, job: Job) -> JobReport:
    """Tell the robot; if the line drops meanwhile, ask what it heard, and tell it again only if it heard nothing."""
    while True:
        try:
            await robot.connect()
            await robot.submit(job)
            return await robot.poll(job.key)
        except JobRefused as refusal:
            return JobReport(key=job.key, state="failed", message=str(refusal), ended_at=lab.clock.now())
        except RobotOffline as error:
            lab.journal.note(campaign_id, lab.clock.now(), "robot_offline", job.robot, str(error))
        report = await _ask(lab, campaign_id, robot, job)
        if report.state != "unknown":
            return report


async def _ask(lab: Lab, campaign_id: str, robot: Driver, job: Job) -> JobReport:
    """What the robot knows of a job, however long it takes until it answers."""
    wait = _FIRST_RETRY_S
    while True:
        try:
            await robot.connect()
            report = await robot.poll(job.key)
        except RobotOffline as error:
            lab.journal.note(campaign_id, lab.clock.now(), "robot_offline", job.robot, str(error))
            await _wait(lab, wait)
            wait = min(2 * wait, _LONGEST_RETRY_S)
            continue
        if report.state == "unknown" and robot.capabilities.memory is KeyMemory.CANNOT_SAY:
            return report.model_copy(update={"state": "in_doubt", "message": "the robot cannot say what it did"})
        return report


def _conclude(lab: Lab, campaign_id: str, key: str, job: Job, status: JobStatus, report: JobReport) -> datetime:
    ended_at = report.ended_at or lab.clock.now()
    if report.state == "done":
        readings = [_keep(lab, campaign_id, key, job, reading) for reading in report.readings]
        lab.journal.finish_job(key, status, JobStatus.DONE, ended_at, report.message, report.failed_wells, readings)
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
