"""Dispatch: one job to its robot, at most once, and what came of it into the journal."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from drivers.base import (
    DeviceCannotWork,
    Driver,
    FencedOff,
    JobRefused,
    KeyConflict,
    KeyMemory,
    RobotOffline,
)
from drivers.clock import SteppedClock
from orchestrator.core.by import By
from orchestrator.core.events import EventKind
from orchestrator.core.lifecycle import lateness
from orchestrator.core.state import CampaignStatus, JobState, JobStatus
from orchestrator.engine.readings import kept, reading_faults
from orchestrator.engine.telemetry import TelemetryRecorder
from orchestrator.errors import Halted, LeaseLost
from orchestrator.journal.queries import failed_in_a_row, wells_on
from orchestrator.journal.robot_configs import handed_out_by, left_behind
from orchestrator.journal.store import robot_resource
from orchestrator.lab.lab import Lab
from orchestrator.lab.robots import UsedRobot
from protocols.instants import between, later
from protocols.jobs import Job, JobReport
from protocols.operations import Operation

_POLL = timedelta(seconds=1.0)
_BELIEVED = timedelta(days=1)
"""How long ago, by its own clock, a robot may say that a job ended."""

_FAILURES = 3
"""How many jobs of a robot may fail in a row before a person is asked."""


async def execute_job(lab: Lab, used: UsedRobot, key: str) -> datetime:
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
    if job.robot != used.name:
        # It was handed over while its robot was waited for.
        return lab.clock.now()
    if state.status is not JobStatus.PLANNED and not state.status.in_flight:
        return lab.clock.now()
    if state.status is JobStatus.PLANNED and (late := lateness(state, lab.clock.now())):
        lab.journal.move_job(key, JobStatus.PLANNED, JobStatus.LATE, lab.clock.now(), late)
        return lab.clock.now()
    try:
        return await _execute(lab, used, job, state)
    except (RobotOffline, DeviceCannotWork) as error:
        # Nothing was sent; it is asked again, and a person sees why.
        lab.journal.robot_offline(used.campaign_id, job.robot, str(error), lab.clock.now())
    except FencedOff as error:
        if not error.newest:
            raise LeaseLost(str(error)) from error
        # If it is owned here, its book has seen owners of another life of the journal, or of
        # another one. Nothing was sent; the next owner comes after them.
        lab.journal.outdo(robot_resource(job.robot), error.newest)
    except Halted:
        pass
    return lab.clock.now()


async def _execute(lab: Lab, used: UsedRobot, job: Job, state: JobState) -> datetime:
    robot, campaign_id, key, status = used.driver, used.campaign_id, state.key, state.status
    await robot.connect()
    try:
        if status is JobStatus.PLANNED:
            lab.journal.move_job(key, status, JobStatus.DISPATCHED, lab.clock.now(), as_key=job.key)
            status = JobStatus.DISPATCHED
            used.lease.check()
            await robot.submit(job)
        elif (
            status is JobStatus.DISPATCHED and (asked := await _ask(robot, job)).state == "unknown"
        ):
            if forgotten := _forgotten(lab, campaign_id, state, asked):
                return _in_doubt(lab, job, key, status, forgotten, {}, None)
            former = left_behind(lab.journal, campaign_id, job.robot, key)
            if former is not None:
                message = (
                    f"it was handed out when {job.robot} was at {former or 'no address'}; where "
                    "it is now it does not know of it"
                )
                return _in_doubt(lab, job, key, status, message, {}, None)
            if lab.journal.status(campaign_id) != CampaignStatus.RUNNING:
                message = "the robot never got it, and its campaign does not run any more"
                lab.journal.move_job(key, status, JobStatus.PLANNED, lab.clock.now(), message)
                raise Halted(message)
            found, now = lab.journal.job(key)
            if (found.key, found.content, now.status) != (job.key, job.content, status):
                raise Halted("it was decided otherwise while its robot was asked")
            used.lease.check()
            await robot.submit(job)
    except KeyConflict as conflict:
        # Its report is about another job: a person has to look.
        lab.journal.mark_in_doubt(key, status, lab.clock.now(), str(conflict), {}, None)
        return lab.clock.now()
    except DeviceCannotWork as fault:
        everything = None if fault.begun else job.operations
        return _in_doubt_by_fault(lab, used, key, status, str(fault), everything)
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
    logged, telemetry = "", TelemetryRecorder(lab, campaign_id, key, robot)
    try:
        while report.state == "running":
            if report.message and report.message != logged:
                # Such as that a person is reminded, or that a door is open.
                logged = report.message
                said = f"{job.robot}: {logged}"
                lab.journal.note(campaign_id, lab.clock.now(), EventKind.NOTICE, key, said)
            await telemetry.sample()
            await lab.clock.sleep_until(later(lab.clock.now(), _POLL))
            report = await _ask(robot, job)
    finally:
        telemetry.write()
    if report.over:
        if report.ended_at is not None and isinstance(lab.clock, SteppedClock):
            await lab.clock.wait_for(report.ended_at)
        return _conclude(lab, campaign_id, key, job, status, report)
    # Either the robot cannot say, or it had the job and no longer knows it.
    message = report.message or "the robot had accepted it and no longer knows it"
    left = (
        None
        if report.not_begun is None
        else [job.operations[position] for position in report.not_begun]
    )
    if report.device_fault:
        return _in_doubt_by_fault(lab, used, key, status, report.device_fault, left)
    return _in_doubt(lab, job, key, status, message, report.failed_wells, left)


def _forgotten(lab: Lab, campaign_id: str, state: JobState, asked: JobReport) -> str:
    """Why a robot that does not know a job may have had it, or nothing."""
    since, sent = asked.remembers_since, state.dispatched_at
    if lab.clock.virtual or since is None or sent is None:
        return ""
    begins = f"{since.astimezone(lab.clock.now().tzinfo):%Y-%m-%d %H:%M:%S}"
    if since <= sent:
        # Unless the clock was set back meanwhile: owners are numbered in their order.
        by = handed_out_by(lab.journal, campaign_id, state.key)
        if not by or asked.remembers_since_owner <= by:
            return ""
        begins += ", with a later owner"
    return (
        f"{state.robot} does not know of it, but what it knows begins at {begins}, after it was "
        "handed out"
    )


def _in_doubt(
    lab: Lab,
    job: Job,
    key: str,
    status: JobStatus,
    message: str,
    failed_wells: dict[str, str],
    left: Sequence[Operation] | None,
) -> datetime:
    """A person says what became of a job, unless all of it may be done once more."""
    lab.journal.mark_in_doubt(key, status, lab.clock.now(), message, failed_wells, left)
    if job.repeatable:
        lab.journal.decide_job(
            key, "again", lab.clock.now(), By(why="every operation of it may be done once more")
        )
    return lab.clock.now()


def _in_doubt_by_fault(
    lab: Lab,
    used: UsedRobot,
    key: str,
    status: JobStatus,
    fault: str,
    left: Sequence[Operation] | None,
) -> datetime:
    """A device that cannot work is no well that failed: its robot is held and a person is asked."""
    message = f"{used.name} cannot work: {fault}"
    lab.journal.mark_in_doubt(key, status, lab.clock.now(), message, {}, left)
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
    ended_at = _ended_at(lab, report)
    reads_plate = any(op.reads and op.well_name is None for op in job.operations)
    on_plate = wells_on(lab.journal, campaign_id, job.round, job.plate) if reads_plate else []
    wrong = reading_faults(job, report, on_plate) if report.state == "done" else []
    if wrong:
        # Done without its readings is not done.
        message = f"the robot says that it is done, but {'; '.join(wrong)}"
        left = [operation for operation in job.operations if operation.reads]
        again = left if all(operation.repeatable for operation in left) else None
        lab.journal.mark_in_doubt(key, status, lab.clock.now(), message, report.failed_wells, again)
        return ended_at
    if report.state == "done":
        living = [well for well in on_plate if well not in report.failed_wells]
        readings = kept(lab, campaign_id, key, job, report, living)
        lab.journal.finish_job(
            key, status, JobStatus.DONE, ended_at, report.message, report.failed_wells, readings
        )
    else:
        # Wells of a plate that could not be read have no value: a person reads them, or nobody.
        wells = dict.fromkeys([*job.wells, *on_plate])
        lost = dict.fromkeys(wells, report.message or "the robot failed") | report.failed_wells
        lab.journal.finish_job(key, status, JobStatus.FAILED, ended_at, report.message, lost, [])
        _brake(lab, campaign_id, job.robot)
    return ended_at


def _ended_at(lab: Lab, report: JobReport) -> datetime:
    """When a job ended, by the lab's clock: a robot's own clock may be wrong by years."""
    now = lab.clock.now()
    if report.ended_at is None:
        return now
    if lab.clock.virtual:
        return report.ended_at
    believed = timedelta(0) <= between(report.ended_at, now) < _BELIEVED
    return report.ended_at if believed else now


def _brake(lab: Lab, campaign_id: str, robot: str) -> None:
    """Pause when a robot's jobs fail one after the other: the wells are not the cause."""
    if failed_in_a_row(lab.journal, campaign_id, robot, _FAILURES) == _FAILURES:
        why = (
            f"the last {_FAILURES} jobs of {robot} failed: look at it, then resume; nothing more "
            "is sent until then"
        )
        lab.journal.pause_campaign(campaign_id, lab.clock.now(), why)
