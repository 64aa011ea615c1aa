"""The record of jobs: durable state transitions, and robots that do not answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

from sqlalchemy import bindparam, func, insert, text, update
from sqlmodel import Session, col, select

from orchestrator.core.by import WELLWISE, By
from orchestrator.core.events import EventKind
from orchestrator.core.scheduling import Start
from orchestrator.core.state import CampaignStatus, Decision, JobState, JobStatus
from orchestrator.errors import Conflict, Halted, JournalError
from orchestrator.journal.followers import MovedJob, expected, move_followers, set_due
from orchestrator.journal.load_state import job_state
from orchestrator.journal.outages import OutageRecord
from orchestrator.journal.store import add_event, campaign_resource, existing, robot_resource
from orchestrator.journal.tables import (
    OPEN_JOB,
    CampaignRow,
    JobRow,
    Moment,
    OutageRow,
    ReadingRow,
    WellRow,
)
from protocols.addresses import JobAddress, RoundAddress, WellAddress
from protocols.jobs import Job
from protocols.operations import Operation

_CHUNK = 500
# Statements of every transition, built once: to build one costs more than to run it.
_MOVE = (
    update(JobRow)
    .where(col(JobRow.key) == bindparam("moved"), col(JobRow.state) == bindparam("origin"))
    .values(
        state=bindparam("to"),
        message=bindparam("why"),
        dispatched_at=func.coalesce(bindparam("sent", type_=Moment()), JobRow.dispatched_at),
        ended_at=func.coalesce(bindparam("ended", type_=Moment()), JobRow.ended_at),
    )
    .returning(
        col(JobRow.campaign_id),
        col(JobRow.round),
        col(JobRow.plate),
        col(JobRow.step),
        col(JobRow.robot),
        col(JobRow.job)["day"].as_integer(),
        col(JobRow.job)["followed"].as_boolean(),
        col(JobRow.attempt),
    )
)
_STATUS = (
    select(CampaignRow.status)
    .where(CampaignRow.id == bindparam("campaign"))
    .with_for_update(read=True)
)
_LOST = select(WellRow.well).where(
    WellRow.campaign_id == bindparam("campaign"),
    WellRow.round == bindparam("round"),
    WellRow.plate == bindparam("plate"),
    WellRow.lost != "",
)
_SILENT = select(OutageRow.robot).where(
    OutageRow.campaign_id == bindparam("campaign"), OutageRow.robot == bindparam("robot")
)


class JobRecord(OutageRecord):
    """The jobs of all campaigns.

    Every method that writes is one transaction, its events included.
    """

    def add_jobs(
        self,
        session: Session,
        campaign_id: str,
        jobs: Iterable[Job],
        starts: Mapping[str, Start] | None = None,
    ) -> int:
        """Write down the jobs of a round, in a transaction that is open; returns how many.

        `starts` is the schedule, by key.
        """
        starts = starts or {}
        jobs = (expected(job, starts.get(job.key)) for job in jobs)
        rows = (
            {
                "key": job.key,
                "campaign_id": campaign_id,
                "round": job.round,
                "position": position,
                "plate": job.plate,
                "step": job.step,
                "robot": job.robot,
                "due_at": job.due_at,
                "begin_at": starts[job.key].at if job.key in starts else None,
                "placed": job.key in starts and starts[job.key].order_fixed,
                "state": JobStatus.PLANNED.value,
                "job": job.model_dump(mode="json"),
            }
            for position, job in enumerate(jobs)
        )
        number = 0
        while chunk := list(islice(rows, _CHUNK)):
            session.connection().execute(insert(JobRow), chunk)
            number += len(chunk)
        return number

    def jobs(self, campaign_id: str, round_number: int) -> list[JobState]:
        """Every job of a round, in the order in which they are due."""
        query = (
            select(JobRow)
            .filter_by(campaign_id=campaign_id, round=round_number)
            .order_by(col(JobRow.position))
        )
        with self.reading_session() as session:
            return [job_state(row) for row in session.exec(query)]

    def open_jobs(
        self, campaign_id: str, round_number: int
    ) -> list[tuple[Job, JobState, datetime | None]]:
        """The open jobs of a round by due time, and when they were dispatched."""
        query = (
            select(JobRow)
            .filter_by(campaign_id=campaign_id, round=round_number)
            .where(text(OPEN_JOB))
            .order_by(col(JobRow.position))
        )
        with self.reading_session() as session:
            return [
                (Job.model_validate(row.job), job_state(row), row.dispatched_at)
                for row in session.exec(query)
            ]

    def reschedule(
        self,
        campaign_id: str,
        round_number: int,
        starts: Mapping[str, Start],
        at: datetime,
        message: str = "",
    ) -> None:
        """Let planned jobs begin at other times; with a message it becomes an event."""
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            for key, start in starts.items():
                moved = update(JobRow).where(col(JobRow.key) == key)
                session.connection().execute(
                    moved.values(begin_at=start.at, placed=start.order_fixed)
                )
                if start.due is not None:
                    set_due(existing(session, JobRow, key), start.due)
            if message:
                add_event(
                    session,
                    campaign_id,
                    at,
                    EventKind.RESCHEDULED,
                    str(RoundAddress(campaign_id, round_number)),
                    message,
                )

    def job(self, key: str) -> tuple[Job, JobState]:
        """A job without the wells that are lost by now, and its state.

        The key that the robot is given is unique for ever: it has the number of its attempt, if it
        is sent again, and the identity of this journal. Raises `Missing` if there is no such job.
        """
        with self.reading_session() as session:
            row = existing(session, JobRow, key)
            lost = self._lost_wells(session, row)
            outage = {"campaign": row.campaign_id, "robot": row.robot}
            silent = session.connection().execute(_SILENT, outage).scalar() is not None
            job = Job.model_validate(row.job).without_wells(lost)
            job = job.model_copy(update={"key": self.unique_key(session, key, row.attempt)})
            return job, replace(job_state(row), robot_silent=silent)

    def move_job(
        self,
        key: str,
        origin: JobStatus,
        to: JobStatus,
        at: datetime,
        message: str = "",
        as_key: str = "",
    ) -> None:
        """Move a job from one state to another, if it is still there.

        `as_key` is the key that its robot is to be given, as `job` gave it.

        Raises:
            Conflict: it is not in `origin` any more.
            Halted: it was to be dispatched, but its campaign does not run, or its key is another.
        """
        with self.transaction() as session:
            moved = self.move(session, key, origin, to, at, message)
            if as_key and as_key != (now := self.unique_key(session, key, moved.attempt)):
                raise Halted(f"{as_key} is {now} by now: decided again, or brought back meanwhile")
        if to is JobStatus.DISPATCHED:
            self.on_dispatch()

    def drop_checks(self, key: str, at: datetime, message: str) -> None:
        """Leave out a planned job and every later one of its step on its plate.

        Raises:
            Conflict: one of them is planned no more.
        """
        with self.transaction() as session:
            row = existing(session, JobRow, key)
            query = (
                select(JobRow.key)
                .filter_by(
                    campaign_id=row.campaign_id, round=row.round, plate=row.plate, step=row.step
                )
                .where(text(OPEN_JOB), col(JobRow.position) >= row.position)
                .order_by(col(JobRow.position))
            )
            for left in session.exec(query).all():
                self.move(session, left, JobStatus.PLANNED, JobStatus.DROPPED, at, message)

    def finish_job(
        self,
        key: str,
        origin: JobStatus,
        to: JobStatus,
        at: datetime,
        message: str,
        lost: dict[str, str],
        readings: Sequence[ReadingRow],
    ) -> None:
        """Record a robot's final report: done or failed, with lost wells and readings.

        Raises:
            Conflict: the job is not in `origin` any more.
        """
        with self.transaction() as session:
            row = self.move(session, key, origin, to, at, message)
            self.mark_wells_lost(session, row, lost, at)
            session.add_all(readings)

    def mark_in_doubt(
        self,
        key: str,
        origin: JobStatus,
        at: datetime,
        message: str,
        lost: dict[str, str],
        left: Sequence[Operation] | None,
    ) -> None:
        """Mark a job in doubt, with the wells known to have failed and what was not begun.

        Raises:
            Conflict: the job is not in `origin` any more.
        """
        with self.transaction() as session:
            moved = self.move(session, key, origin, JobStatus.IN_DOUBT, at, message)
            self.mark_wells_lost(session, moved, lost, at)
            row = existing(session, JobRow, key)
            row.not_begun = (
                None if left is None else [operation.model_dump(mode="json") for operation in left]
            )

    def mark_wells_lost(
        self,
        session: Session,
        job: MovedJob,
        lost: dict[str, str],
        at: datetime,
        who: str = WELLWISE,
    ) -> None:
        """Note why wells of a job are lost, in a transaction that is open; a well is lost once."""
        for name, why in lost.items():
            well = existing(session, WellRow, (job.campaign_id, job.round, job.plate, name))
            if not well.lost:
                well.lost = f"step {job.step}: {why}"
                address = WellAddress(job.campaign_id, job.round, job.plate, name)
                add_event(
                    session,
                    job.campaign_id,
                    at,
                    EventKind.WELL_LOST,
                    str(address),
                    well.lost,
                    who=who,
                )

    def move(
        self,
        session: Session,
        key: str,
        origin: JobStatus,
        to: JobStatus,
        at: datetime,
        message: str,
        who: str = WELLWISE,
    ) -> MovedJob:
        """Move a job in a transaction that is open, with its event; see `move_job`."""
        values = {
            "moved": key,
            "origin": origin.value,
            "to": to.value,
            "why": message,
            "sent": at if to is JobStatus.DISPATCHED else None,
            "ended": at if to.over else None,
        }
        if to is JobStatus.DISPATCHED:
            # Before the job's own row: acts lock the campaign first as well.
            self._refuse_if_halted(session, JobAddress.parse(key).campaign)
        moved = session.connection().execute(_MOVE, values).one_or_none()
        if moved is None:
            found = existing(session, JobRow, key).state
            raise Conflict(
                f"job {key} is {found}, not {origin.value}: somebody else moved it first"
            )
        place = MovedJob(*moved)
        if who == WELLWISE:
            self.guard(session, campaign_resource(place.campaign_id), robot_resource(place.robot))
        if to.over and place.followed:
            move_followers(session, key, place, at)
        data = place.told()
        if to is JobStatus.DISPATCHED:
            data["fence"] = self.fence(robot_resource(place.robot))
        add_event(session, place.campaign_id, at, EventKind.of_job(to), key, message, data, who)
        return place

    def decide(
        self,
        session: Session,
        key: str,
        decision: Decision,
        at: datetime,
        by: By,
        failed_wells: Sequence[str] = (),
    ) -> None:
        """Decide in an open transaction what became of a job in doubt or late, or send it again.

        Args:
            session: the transaction.
            key: the job.
            decision: `done`: all of it happened, but in `failed_wells`; `failed`: all its wells are
                lost; `again`: it did not happen at all (or is late) and is sent, under a new key;
                `go-on`: what was done stays, the operation that was under way counts as done (or
                its well is among `failed_wells`), what was certainly not begun is sent.
            at: by the lab's clock.
            by: who decides, and why.
            failed_wells: names of wells that are lost.

        Raises:
            Conflict: the job is neither in doubt nor late.
            JournalError: it does not work on one of the wells, a late job is called done, or a
                job is to go on whose robot cannot say what is left.
        """
        row = existing(session, JobRow, key)
        wells = Job.model_validate(row.job).without_wells(self._lost_wells(session, row)).wells
        strangers = set(failed_wells) - set(wells)
        if strangers:
            raise JournalError(
                f"job {key} does not work on {', '.join(sorted(strangers))} (expected "
                f"{', '.join(wells)})"
            )
        late = row.state == JobStatus.LATE
        if late and decision in ("done", "go-on"):
            raise JournalError(
                f"job {key} was never sent to a robot: decide failed, or again to send it late"
            )
        if decision == "go-on" and row.state == JobStatus.IN_DOUBT and row.not_begun is None:
            raise JournalError(
                f"the robot of {key} cannot say what is left of it: decide done, failed or again"
            )
        to = {"done": JobStatus.DONE, "failed": JobStatus.FAILED}.get(decision, JobStatus.PLANNED)
        origin = JobStatus.LATE if late else JobStatus.IN_DOUBT
        moved = self.move(session, key, origin, to, at, by.why, by.who)
        lost = wells if decision == "failed" else failed_wells
        self.mark_wells_lost(session, moved, dict.fromkeys(lost, by.why), at, by.who)
        if decision == "go-on":
            row.job = row.job | {"operations": row.not_begun}
        if to is JobStatus.PLANNED:
            # What is left of it is late by nobody's fault.
            row.cleared = late or decision == "go-on"
            if not late:
                row.attempt += 1

    def decide_job(self, key: str, decision: Decision, at: datetime, by: By) -> None:
        """The same in a transaction of its own."""
        with self.transaction() as session:
            self.decide(session, key, decision, at, by)

    def _lost_wells(self, session: Session, row: JobRow) -> frozenset[str]:
        plate = {"campaign": row.campaign_id, "round": row.round, "plate": row.plate}
        return frozenset(session.connection().execute(_LOST, plate).scalars())

    def _refuse_if_halted(self, session: Session, campaign_id: str) -> None:
        # The lock makes a pause wait for the dispatches before it, and these for a pause.
        status = session.connection().execute(_STATUS, {"campaign": campaign_id}).scalar_one()
        if status != CampaignStatus.RUNNING:
            raise Halted(f"campaign {campaign_id} is {status}: no job is sent")
