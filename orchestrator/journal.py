"""The journal: the durable record, written before and after everything that touches the physical world."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col, select

from orchestrator.errors import Conflict, Halted
from orchestrator.state import CampaignState, JobState, JobStatus, Outage
from orchestrator.state_query import job_state, round_state
from orchestrator.store import Store, add_event, campaign_resource, existing, robot_resource
from orchestrator.tables import (
    CampaignRow,
    EventRow,
    JobRow,
    ObservationRow,
    OutageRow,
    ReadingRow,
    RoundRow,
    WellRow,
)
from protocols.campaign import Campaign
from protocols.conditions import Observation
from protocols.jobs import Job
from protocols.layout import Layout
from protocols.scoring import Score

_OBSERVATIONS = TypeAdapter(list[Observation])
_LONGEST_WAIT_S = 60.0


class Journal(Store):
    """One database with the campaigns of a lab. Every method that writes is one transaction, its events included."""

    # Campaigns

    def create_campaign(self, campaign: Campaign, file_text: str, past: Sequence[Observation], at: datetime) -> str:
        """Write down a new campaign; returns its id: its name, with a number behind it if the name is taken."""
        with self.transaction() as session:
            taken = set(session.exec(select(CampaignRow.id).where(CampaignRow.name == campaign.name)))
            number = next(n for n in range(1, len(taken) + 2) if _numbered(campaign.name, n) not in taken)
            campaign_id = _numbered(campaign.name, number)
            session.add(
                CampaignRow(
                    id=campaign_id,
                    name=campaign.name,
                    status="running",
                    definition=campaign.model_dump(mode="json", by_alias=True, exclude_unset=True),
                    file_text=file_text,
                    past=_OBSERVATIONS.dump_python(list(past), mode="json"),
                    started_at=at,
                )
            )
            session.flush()
            add_event(session, campaign_id, at, "campaign_created", campaign_id, campaign.title or campaign.name)
        return campaign_id

    def finish_campaign(self, campaign_id: str, reason: str, at: datetime) -> None:
        """The stop rule held."""
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            row = existing(session, CampaignRow, campaign_id)
            row.status, row.reason, row.ended_at = "finished", reason, at
            add_event(session, campaign_id, at, "campaign_finished", campaign_id, reason)

    def campaign_ids(self, running: bool = False) -> list[str]:
        """Every campaign, or every running one, oldest first."""
        query = select(CampaignRow.id).order_by(col(CampaignRow.started_at), CampaignRow.id)
        if running:
            query = query.where(CampaignRow.status == "running")
        with self.reading_session() as session:
            return list(session.exec(query))

    def state(self, campaign_id: str) -> CampaignState:
        """Where a campaign stands.

        Raises:
            JournalError: there is no such campaign.
        """
        with self.reading_session() as session:
            row = existing(session, CampaignRow, campaign_id)
            rounds = session.exec(
                select(RoundRow).where(RoundRow.campaign_id == campaign_id).order_by(col(RoundRow.number))
            ).all()
            return CampaignState(
                id=row.id,
                campaign=Campaign.model_validate(row.definition),
                status=row.status,
                reason=row.reason,
                started_at=row.started_at,
                past=tuple(_OBSERVATIONS.validate_python(row.past)),
                rounds=tuple(round_state(session, round) for round in rounds),
                outages=tuple(
                    Outage(row.robot, row.since, row.retry_at, row.message)
                    for row in session.exec(select(OutageRow).where(OutageRow.campaign_id == campaign_id))
                ),
            )

    def status(self, campaign_id: str) -> str:
        """Whether a campaign is running, paused, aborted or finished."""
        with self.reading_session() as session:
            return existing(session, CampaignRow, campaign_id).status

    # Rounds

    def plan_round(
        self,
        campaign_id: str,
        layout: Layout,
        jobs: Sequence[Job],
        notices: Sequence[str],
        start: datetime,
        at: datetime,
        requeued: Sequence[tuple[int, int, str]] = (),
    ) -> None:
        """Write down the layout of a new round, and its jobs if it needs no approval.

        `requeued` are the lost wells (round, plate, name) whose conditions have a well again.
        """
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            status = "running" if jobs else "proposed"
            session.add(RoundRow(campaign_id=campaign_id, number=layout.round, status=status, started_at=start))
            session.flush()
            for placement in layout.placements:
                session.add(
                    WellRow(
                        campaign_id=campaign_id,
                        round=layout.round,
                        plate=placement.well.plate,
                        well=placement.well.name,
                        number=placement.well.number,
                        proposal=placement.proposal.model_dump(mode="json"),
                    )
                )
            self.add_jobs(session, campaign_id, jobs)
            subject = f"{campaign_id}/r{layout.round}"
            text = f"{len(layout.placements)} wells, " + (f"{len(jobs)} jobs" if jobs else "to be approved")
            data = {"round": layout.round, "wells": len(layout.placements), "jobs": len(jobs)}
            add_event(session, campaign_id, at, "round_planned", subject, text, data)
            for place in requeued:
                existing(session, WellRow, (campaign_id, *place)).requeued = False
            for notice in notices:
                add_event(session, campaign_id, at, "notice", subject, notice)

    def add_jobs(self, session: Session, campaign_id: str, jobs: Sequence[Job]) -> None:
        """Write down the jobs of a round, in a transaction that is open."""
        for position, job in enumerate(jobs):
            session.add(
                JobRow(
                    key=job.key,
                    campaign_id=campaign_id,
                    round=job.round,
                    position=position,
                    plate=job.plate,
                    step=job.step,
                    robot=job.robot,
                    due_at=job.due_at,
                    state=JobStatus.PLANNED.value,
                    job=job.model_dump(mode="json"),
                )
            )

    def finish_round(self, campaign_id: str, number: int, at: datetime) -> None:
        """Every job is over and every reading scored."""
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            row = existing(session, RoundRow, (campaign_id, number))
            row.status, row.ended_at = "finished", at
            add_event(session, campaign_id, at, "round_finished", f"{campaign_id}/r{number}", "")

    # Jobs

    def job(self, key: str) -> tuple[Job, JobState]:
        """A job without the wells that are lost by now, and where it stands.

        A job that was decided to be sent again carries the number of its attempt in the key that the robot is given.

        Raises:
            JournalError: there is no such job.
        """
        with self.reading_session() as session:
            row = existing(session, JobRow, key)
            lost = session.exec(
                select(WellRow.well)
                .where(WellRow.campaign_id == row.campaign_id, WellRow.round == row.round, WellRow.plate == row.plate)
                .where(WellRow.lost != "")
            ).all()
            job = Job.model_validate(row.job).without_wells(frozenset(lost))
            if row.attempt > 1:
                job = job.model_copy(update={"key": f"{key}#{row.attempt}"})
            return job, job_state(row)

    def move_job(self, key: str, origin: JobStatus, to: JobStatus, at: datetime, message: str = "") -> None:
        """Move a job from one state to another, if it is still there.

        Raises:
            Conflict: it is not in `origin` any more.
            Halted: it was to be dispatched and its campaign is paused or over.
        """
        with self.transaction() as session:
            self.move(session, key, origin, to, at, message)

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
        """A robot's last word on a job: it is done or failed, these wells are lost, these readings were taken.

        Raises:
            Conflict: the job is not in `origin` any more.
        """
        with self.transaction() as session:
            row = self.move(session, key, origin, to, at, message)
            self.lose(session, row, lost, at)
            session.add_all(readings)

    def lose(self, session: Session, row: JobRow, lost: dict[str, str], at: datetime, who: str = "wellwise") -> None:
        """Note why wells of a job are lost, in a transaction that is open; a well is lost once."""
        for name, why in lost.items():
            well = existing(session, WellRow, (row.campaign_id, row.round, row.plate, name))
            if not well.lost:
                well.lost = f"step {row.step}: {why}"
                subject = f"{row.campaign_id}/r{row.round}/p{row.plate}/{name}"
                add_event(session, row.campaign_id, at, "well_lost", subject, well.lost, who=who)

    def move(
        self,
        session: Session,
        key: str,
        origin: JobStatus,
        to: JobStatus,
        at: datetime,
        message: str,
        who: str = "wellwise",
    ) -> JobRow:
        """Move a job in a transaction that is open, with its event; see `move_job`."""
        times: dict[str, Any] = {"ended_at": at} if to.over else {}
        if to is JobStatus.DISPATCHED:
            times["dispatched_at"] = at
        row = existing(session, JobRow, key)
        if who == "wellwise":
            self.guard(session, campaign_resource(row.campaign_id), robot_resource(row.robot))
        if to is JobStatus.DISPATCHED:
            self._refuse_if_halted(session, row.campaign_id)
        statement = (
            update(JobRow)
            .where(col(JobRow.key) == key, col(JobRow.state) == origin.value)
            .values(state=to.value, message=message, **times)
        )
        result = session.connection().execute(statement)
        assert isinstance(result, CursorResult)
        session.refresh(row)
        if result.rowcount != 1:
            raise Conflict(f"job {key} is {row.state}, not {origin.value}: somebody else moved it first")
        data = {"robot": row.robot, "step": row.step, "round": row.round, "plate": row.plate, "day": row.job["day"]}
        add_event(session, row.campaign_id, at, f"job_{to.value}", key, message, data, who)
        return row

    def _refuse_if_halted(self, session: Session, campaign_id: str) -> None:
        # The lock makes a pause wait for the dispatches before it, and dispatches wait for a pause before them.
        statement = select(CampaignRow.status).where(CampaignRow.id == campaign_id).with_for_update(read=True)
        status = session.exec(statement).one()
        if status != "running":
            raise Halted(f"campaign {campaign_id} is {status}: no job is sent")

    # Robots

    def robot_offline(self, campaign_id: str, robot: str, message: str, at: datetime) -> None:
        """A robot does not answer: it is asked again at once, then after waits that double up to a minute."""
        with self.transaction() as session:
            row = session.get(OutageRow, (campaign_id, robot))
            if row is None:
                row = OutageRow(
                    campaign_id=campaign_id, robot=robot, since=at, retry_at=at, wait_s=0.0, message=message
                )
                session.add(row)
            else:
                row.wait_s = min(max(1.0, 2 * row.wait_s), _LONGEST_WAIT_S)
                row.retry_at, row.message = at + timedelta(seconds=row.wait_s), message
            add_event(session, campaign_id, at, "robot_offline", robot, message)

    def robot_back(self, campaign_id: str, robot: str, at: datetime) -> None:
        """A robot answers; an event if it did not before."""
        with self.reading_session() as session:
            if session.get(OutageRow, (campaign_id, robot)) is None:
                return
        with self.transaction() as session:
            row = session.get(OutageRow, (campaign_id, robot))
            if row is not None:
                session.delete(row)
                add_event(session, campaign_id, at, "robot_back", robot, f"it had not answered since {row.since:%H:%M}")

    # Readings and observations

    def reading(self, reading_id: int) -> ReadingRow:
        """One reading."""
        with self.reading_session() as session:
            return existing(session, ReadingRow, reading_id)

    def record_scores(self, scores: Sequence[tuple[int, Score]], scorer: str, version: str, at: datetime) -> None:
        """Write down what a scorer derived from readings (by id)."""
        with self.transaction() as session:
            for reading_id, score in scores:
                reading = existing(session, ReadingRow, reading_id)
                self.guard(session, campaign_resource(reading.campaign_id))
                reading.scored = True
                session.add(
                    ObservationRow(
                        campaign_id=reading.campaign_id,
                        round=reading.round,
                        plate=reading.plate,
                        well=reading.well,
                        reading_id=reading_id,
                        value=score.ratio,
                        flags=list(score.flags),
                        scorer=scorer,
                        scorer_version=version,
                    )
                )
                subject = f"{reading.campaign_id}/r{reading.round}/p{reading.plate}/{reading.well}"
                data = {"value": score.ratio, "flags": list(score.flags)}
                add_event(session, reading.campaign_id, at, "observation", subject, "", data)

    # Events

    def note(
        self, campaign_id: str, at: datetime, kind: str, subject: str, message: str, who: str = "wellwise"
    ) -> None:
        """Append an event that changes nothing else."""
        with self.transaction() as session:
            add_event(session, campaign_id, at, kind, subject, message, who=who)

    def events(self, campaign_id: str, after: int = 0, kinds: Sequence[str] = ()) -> list[EventRow]:
        """The events of a campaign whose id is above `after`, oldest first."""
        query = select(EventRow).where(EventRow.campaign_id == campaign_id, col(EventRow.id) > after)
        if kinds:
            query = query.where(col(EventRow.kind).in_(kinds))
        with self.reading_session() as session:
            return list(session.exec(query.order_by(col(EventRow.id))))

    def last_event(self, campaign_id: str) -> int:
        """The id of the latest event of a campaign; 0 if there is none."""
        with self.reading_session() as session:
            statement = select(func.max(EventRow.id)).where(EventRow.campaign_id == campaign_id)
            return session.exec(statement).one() or 0

    def last_moment(self, campaign_id: str) -> datetime | None:
        """The time of the latest event of a campaign, by the lab's clock."""
        with self.reading_session() as session:
            statement = select(func.max(EventRow.at)).where(EventRow.campaign_id == campaign_id)
            return session.exec(statement).one()


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
