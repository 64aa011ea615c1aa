"""The journal: the durable record, written before and after everything that touches the physical world."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import func, update
from sqlalchemy.engine import CursorResult, make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, col, select

from orchestrator.database import open_database
from orchestrator.errors import Conflict, JournalError, LeaseLost, Owned
from orchestrator.state import CampaignState, JobState, JobStatus
from orchestrator.state_query import job_state, round_state
from orchestrator.tables import (
    BY_HAND,
    CampaignRow,
    EventRow,
    JobRow,
    LeaseRow,
    ObservationRow,
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
_Row = TypeVar("_Row", bound=SQLModel)


class Journal:
    """One database with the campaigns of a lab. Every method that writes is one transaction, its events included."""

    def __init__(self, url: str) -> None:
        """Open the database and bring its tables up to date.

        Raises:
            JournalError: it cannot be opened, or was written by a newer wellwise.
        """
        self.url = url
        self._engine = open_database(url)
        self._fences: dict[str, int] = {}

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    # Campaigns

    def create_campaign(self, campaign: Campaign, file_text: str, past: Sequence[Observation], at: datetime) -> str:
        """Write down a new campaign; returns its id: its name, with a number behind it if the name is taken."""
        with self._transaction() as session:
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
            _note(session, campaign_id, at, "campaign_created", campaign_id, campaign.title or campaign.name)
        return campaign_id

    def finish_campaign(self, campaign_id: str, reason: str, at: datetime) -> None:
        """The stop rule held."""
        with self._transaction() as session:
            self._guard(session, campaign_id)
            row = _existing(session, CampaignRow, campaign_id)
            row.status, row.reason, row.ended_at = "finished", reason, at
            _note(session, campaign_id, at, "campaign_finished", campaign_id, reason)

    def campaign_ids(self) -> list[str]:
        """Every campaign, oldest first."""
        with Session(self._engine) as session:
            return list(session.exec(select(CampaignRow.id).order_by(col(CampaignRow.started_at), CampaignRow.id)))

    def state(self, campaign_id: str) -> CampaignState:
        """Where a campaign stands.

        Raises:
            JournalError: there is no such campaign.
        """
        with Session(self._engine) as session:
            row = _existing(session, CampaignRow, campaign_id)
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
            )

    # Rounds

    def plan_round(
        self,
        campaign_id: str,
        layout: Layout,
        jobs: Sequence[Job],
        notices: Sequence[str],
        start: datetime,
        at: datetime,
    ) -> None:
        """Write down the layout and the jobs of a new round."""
        with self._transaction() as session:
            self._guard(session, campaign_id)
            session.add(RoundRow(campaign_id=campaign_id, number=layout.round, status="running", started_at=start))
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
            subject = f"{campaign_id}/r{layout.round}"
            text = f"{len(layout.placements)} wells, {len(jobs)} jobs"
            data = {"round": layout.round, "wells": len(layout.placements), "jobs": len(jobs)}
            _note(session, campaign_id, at, "round_planned", subject, text, data)
            for notice in notices:
                _note(session, campaign_id, at, "notice", subject, notice)

    def finish_round(self, campaign_id: str, number: int, at: datetime) -> None:
        """Every job is over and every reading scored."""
        with self._transaction() as session:
            self._guard(session, campaign_id)
            row = _existing(session, RoundRow, (campaign_id, number))
            row.status, row.ended_at = "finished", at
            _note(session, campaign_id, at, "round_finished", f"{campaign_id}/r{number}", "")

    # Jobs

    def job(self, key: str) -> tuple[Job, JobState]:
        """A job without the wells that are lost by now, and where it stands.

        A job that was decided to be sent again carries the number of its attempt in the key that the robot is given.

        Raises:
            JournalError: there is no such job.
        """
        with Session(self._engine) as session:
            row = _existing(session, JobRow, key)
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
        """
        with self._transaction() as session:
            self._move(session, key, origin, to, at, message)

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
        with self._transaction() as session:
            row = self._move(session, key, origin, to, at, message)
            self._lose(session, row, lost, at)
            session.add_all(readings)

    def decide(
        self,
        key: str,
        decision: Literal["done", "failed", "again"],
        at: datetime,
        who: str,
        why: str,
        failed_wells: Sequence[str] = (),
    ) -> None:
        """What a person says of a job in doubt or late: it was done (but for some wells), failed, or is to be sent.

        Args:
            key: the job.
            decision: `done`: all of it happened, but in `failed_wells`; `failed`: all its wells are lost; `again`: a
                job in doubt did not happen at all and is planned again under a new key for the robot; a late one is
                sent although it is late.
            at: when, by the lab's clock.
            who: the person who decides.
            why: what the decision rests on.
            failed_wells: names of wells that are lost.

        Raises:
            Conflict: the job is neither in doubt nor late.
            JournalError: it does not work on one of the wells, or a late job is said to be done.
        """
        to = {"done": JobStatus.DONE, "failed": JobStatus.FAILED, "again": JobStatus.PLANNED}[decision]
        job, state = self.job(key)
        strangers = set(failed_wells) - set(job.wells)
        if strangers:
            raise JournalError(
                f"job {key} does not work on {', '.join(sorted(strangers))} (expected {', '.join(job.wells)})"
            )
        late = state.status is JobStatus.LATE
        if late and decision == "done":
            raise JournalError(f"job {key} was never sent to a robot: decide failed, or again to send it late")
        lost = job.wells if decision == "failed" else failed_wells
        with self._transaction() as session:
            row = self._move(session, key, JobStatus.LATE if late else JobStatus.IN_DOUBT, to, at, why, who)
            self._lose(session, row, dict.fromkeys(lost, why), at, who)
            if decision == "again":
                row.cleared = late
                row.attempt += not late

    def set_status(
        self, campaign_id: str, status: Literal["running", "paused", "aborted"], at: datetime, who: str, why: str
    ) -> None:
        """An operator pauses, resumes or aborts a campaign.

        Raises:
            JournalError: it is already over.
        """
        with self._transaction() as session:
            row = _existing(session, CampaignRow, campaign_id)
            if row.status in ("finished", "aborted"):
                raise JournalError(f"campaign {campaign_id} is {row.status}: it cannot become {status}")
            if row.status != status:
                row.status, row.reason = status, why
                _note(session, campaign_id, at, f"campaign_{status}", campaign_id, why, who=who)

    def set_rounds(self, campaign_id: str, rounds: int, at: datetime, who: str, why: str) -> None:
        """An operator raises or lowers how many rounds the stop rule allows; a round under way is finished.

        Raises:
            JournalError: fewer than have begun, or the campaign was aborted.
        """
        with self._transaction() as session:
            row = _existing(session, CampaignRow, campaign_id)
            begun = len(session.exec(select(RoundRow).where(RoundRow.campaign_id == campaign_id)).all())
            if rounds < max(begun, 1):
                raise JournalError(
                    f"{rounds} rounds are too few: {begun} have begun (expected {max(begun, 1)} or more)"
                )
            if row.status == "aborted":
                raise JournalError(f"campaign {campaign_id} is aborted: it has no more rounds")
            if row.status == "finished" and rounds > begun:
                row.status, row.reason, row.ended_at = "running", "", None
            row.definition = row.definition | {"stop": row.definition["stop"] | {"rounds": rounds}}
            _note(session, campaign_id, at, "rounds_set", campaign_id, why, {"rounds": rounds}, who)

    def correct_well(
        self, campaign_id: str, place: tuple[int, int, str], value: float | None, at: datetime, who: str, why: str
    ) -> None:
        """An operator enters the value of a well by hand, or (None) excludes it from what is learnt.

        What was there before stays beside it; what a person entered last counts, whatever a scorer says later. A lost
        well that is given a value is lost no more.

        Args:
            campaign_id: the campaign.
            place: round, plate and name of the well.
            value: 0..1, or None.
            at: when, by the lab's clock.
            who: the person who acts.
            why: the reason.

        Raises:
            JournalError: there is no such well, or the value is not a ratio.
        """
        round, plate, name = place
        if value is not None and not 0 <= value <= 1:
            raise JournalError(f"{value} is not a ratio (expected a number from 0 to 1)")
        with self._transaction() as session:
            well = _existing(session, WellRow, (campaign_id, round, plate, name))
            job = session.exec(
                select(JobRow)
                .where(JobRow.campaign_id == campaign_id, JobRow.round == round, JobRow.plate == plate)
                .order_by(col(JobRow.position).desc())
            ).first()
            assert job is not None, "every plate has jobs"
            here: dict[str, Any] = {"campaign_id": campaign_id, "round": round, "plate": plate, "well": name}
            before = session.exec(
                select(ObservationRow).filter_by(**here).order_by(col(ObservationRow.id).desc())
            ).first()
            reading = ReadingRow(**here, job_key=job.key, kind="number", number=value, scored=True)
            session.add(reading)
            session.flush()
            assert reading.id is not None
            kept = value if value is not None or before is None else before.value
            flags = [] if value is not None else ["excluded"]
            session.add(
                ObservationRow(
                    **here, reading_id=reading.id, value=kept, flags=flags, scorer=BY_HAND, scorer_version=who
                )
            )
            if value is not None:
                well.lost = ""
            subject = f"{campaign_id}/r{round}/p{plate}/{name}"
            kind = "well_excluded" if value is None else "value_entered"
            _note(session, campaign_id, at, kind, subject, why, {"value": value}, who)

    # Ownership

    def own(self, campaign_id: str, owner: str, seconds: float) -> None:
        """Become the one who carries a campaign on, or go on being it, for `seconds` of real time.

        From the first call on every write of this journal about the campaign carries the fencing number of the lease:
        when another owner has taken over, the write is refused and nothing of it is kept.

        Raises:
            Owned: somebody else holds a lease that has not run out.
        """
        now = datetime.now(UTC)
        with self._transaction() as session:
            row = session.get(LeaseRow, campaign_id, with_for_update=True)
            until = now + timedelta(seconds=seconds)
            if row is None:
                row = LeaseRow(campaign_id=campaign_id, owner=owner, fence=1, expires_at=until)
                session.add(row)
            elif row.owner == owner and self._fences.get(campaign_id) == row.fence:
                row.expires_at = until
            elif row.expires_at > now:
                wait = (row.expires_at - now).total_seconds()
                raise Owned(
                    f"campaign {campaign_id} is carried on by {row.owner}: stop it there, or try again in {wait:.0f} s",
                    wait,
                )
            else:
                row.owner, row.fence, row.expires_at = owner, row.fence + 1, until
            fence = row.fence
        self._fences[campaign_id] = fence

    def release(self, campaign_id: str) -> None:
        """Stop being the owner; harmless if this journal is not."""
        fence = self._fences.pop(campaign_id, None)
        if fence is not None:
            with self._transaction() as session:
                statement = update(LeaseRow).where(
                    col(LeaseRow.campaign_id) == campaign_id, col(LeaseRow.fence) == fence
                )
                session.connection().execute(statement.values(expires_at=datetime.now(UTC)))

    def _guard(self, session: Session, campaign_id: str) -> None:
        """Refuse to write for a campaign that another owner has taken over; locks the lease until the commit."""
        fence = self._fences.get(campaign_id)
        if fence is None:
            return
        statement = (
            update(LeaseRow)
            .where(col(LeaseRow.campaign_id) == campaign_id, col(LeaseRow.fence) == fence)
            .values(fence=fence)
        )
        result = session.connection().execute(statement)
        assert isinstance(result, CursorResult)
        if result.rowcount != 1:
            raise LeaseLost(f"another process has taken campaign {campaign_id} over: this one writes nothing more")

    def _lose(self, session: Session, row: JobRow, lost: dict[str, str], at: datetime, who: str = "wellwise") -> None:
        for name, why in lost.items():
            well = _existing(session, WellRow, (row.campaign_id, row.round, row.plate, name))
            if not well.lost:
                well.lost = f"step {row.step}: {why}"
                subject = f"{row.campaign_id}/r{row.round}/p{row.plate}/{name}"
                _note(session, row.campaign_id, at, "well_lost", subject, well.lost, who=who)

    def _move(
        self,
        session: Session,
        key: str,
        origin: JobStatus,
        to: JobStatus,
        at: datetime,
        message: str,
        who: str = "wellwise",
    ) -> JobRow:
        times: dict[str, Any] = {"ended_at": at} if to.over else {}
        if to is JobStatus.DISPATCHED:
            times["dispatched_at"] = at
        if who == "wellwise":
            self._guard(session, _existing(session, JobRow, key).campaign_id)
        statement = (
            update(JobRow)
            .where(col(JobRow.key) == key, col(JobRow.state) == origin.value)
            .values(state=to.value, message=message, **times)
        )
        result = session.connection().execute(statement)
        assert isinstance(result, CursorResult)
        row = _existing(session, JobRow, key)
        if result.rowcount != 1:
            raise Conflict(f"job {key} is {row.state}, not {origin.value}: somebody else moved it first")
        session.refresh(row)
        data = {"robot": row.robot, "step": row.step, "round": row.round, "plate": row.plate, "day": row.job["day"]}
        _note(session, row.campaign_id, at, f"job_{to.value}", key, message, data, who)
        return row

    # Readings and observations

    def reading(self, reading_id: int) -> ReadingRow:
        """One reading."""
        with Session(self._engine) as session:
            return _existing(session, ReadingRow, reading_id)

    def record_scores(self, scores: Sequence[tuple[int, Score]], scorer: str, version: str, at: datetime) -> None:
        """Write down what a scorer derived from readings (by id)."""
        with self._transaction() as session:
            for reading_id, score in scores:
                reading = _existing(session, ReadingRow, reading_id)
                self._guard(session, reading.campaign_id)
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
                _note(session, reading.campaign_id, at, "observation", subject, "", data)

    # Events

    def note(
        self, campaign_id: str, at: datetime, kind: str, subject: str, message: str, who: str = "wellwise"
    ) -> None:
        """Append an event that changes nothing else."""
        with self._transaction() as session:
            _note(session, campaign_id, at, kind, subject, message, who=who)

    def events(self, campaign_id: str, after: int = 0, kinds: Sequence[str] = ()) -> list[EventRow]:
        """The events of a campaign whose id is above `after`, oldest first."""
        query = select(EventRow).where(EventRow.campaign_id == campaign_id, col(EventRow.id) > after)
        if kinds:
            query = query.where(col(EventRow.kind).in_(kinds))
        with Session(self._engine) as session:
            return list(session.exec(query.order_by(col(EventRow.id))))

    def last_moment(self, campaign_id: str) -> datetime | None:
        """The time of the latest event of a campaign, by the lab's clock."""
        with Session(self._engine) as session:
            statement = select(func.max(EventRow.at)).where(EventRow.campaign_id == campaign_id)
            return session.exec(statement).one()

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        engine = self._engine.execution_options(wellwise_write=True)
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise JournalError(
                f"the journal at {make_url(self.url)!r} cannot be written: {reason}. Nothing of this step was kept; "
                "mend it and go on with: wellwise resume"
            ) from error


def _existing(session: Session, kind: type[_Row], key: Any) -> _Row:
    row = session.get(kind, key)
    if row is None:
        what = str(kind.__tablename__)
        known = ""
        if kind is CampaignRow:
            known = f" (expected one of {', '.join(session.exec(select(CampaignRow.id))) or 'none yet'})"
        raise JournalError(f"there is no {what} {key!r} in this journal{known}")
    return row


def _note(
    session: Session,
    campaign_id: str,
    at: datetime,
    kind: str,
    subject: str,
    message: str,
    data: dict[str, Any] | None = None,
    who: str = "wellwise",
) -> None:
    session.add(
        EventRow(campaign_id=campaign_id, at=at, kind=kind, subject=subject, who=who, message=message, data=data or {})
    )


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
