"""The journal: the durable record, written before and after everything that touches the physical world."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func
from sqlmodel import col, select

from orchestrator.core.scheduling import Start
from orchestrator.core.state import CampaignState, Outage
from orchestrator.journal.jobs import JobRecord
from orchestrator.journal.load_state import round_state
from orchestrator.journal.store import add_event, campaign_resource, existing
from orchestrator.journal.tables import (
    CampaignRow,
    EventRow,
    JobRow,
    MeasurementRow,
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


class Journal(JobRecord):
    """One database with the campaigns of a lab. Every method that writes is one transaction, its events included."""

    # Campaigns

    def create_campaign(
        self,
        campaign: Campaign,
        file_text: str,
        past: Sequence[Observation],
        at: datetime,
        who: str = "wellwise",
    ) -> str:
        """Write down a campaign that a person launches; returns its id: its name, numbered if the name is taken."""
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
            title = campaign.title or campaign.name
            add_event(session, campaign_id, at, "campaign_created", campaign_id, title, who=who)
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
        jobs: Iterable[Job] | None,
        notices: Sequence[str],
        start: datetime,
        at: datetime,
        requeued: Sequence[tuple[int, int, str]] = (),
        starts: Mapping[str, Start] | None = None,
    ) -> None:
        """Write down the layout of a new round and its jobs, which are None while it waits for approval.

        `requeued` are the lost wells (round, plate, name) whose conditions have a well again. `starts` is the
        schedule, by job key.
        """
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            status = "proposed" if jobs is None else "running"
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
            number = 0 if jobs is None else self.add_jobs(session, campaign_id, jobs, starts)
            subject = f"{campaign_id}/r{layout.round}"
            text = f"{len(layout.placements)} wells, " + ("to be approved" if jobs is None else f"{number} jobs")
            data = {"round": layout.round, "wells": len(layout.placements), "jobs": number}
            add_event(session, campaign_id, at, "round_planned", subject, text, data)
            for place in requeued:
                existing(session, WellRow, (campaign_id, *place)).requeued = False
            for notice in notices:
                add_event(session, campaign_id, at, "notice", subject, notice)

    def finish_round(self, campaign_id: str, number: int, at: datetime) -> None:
        """Every job is over and every reading scored."""
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            row = existing(session, RoundRow, (campaign_id, number))
            row.status, row.ended_at = "finished", at
            add_event(session, campaign_id, at, "round_finished", f"{campaign_id}/r{number}", "")

    # Readings and observations

    def reading(self, reading_id: int) -> ReadingRow:
        """One reading."""
        with self.reading_session() as session:
            return existing(session, ReadingRow, reading_id)

    def record_scores(
        self, scores: Sequence[tuple[int, Score]], scorer: str, version: str, at: datetime, measurement: str = ""
    ) -> None:
        """Write down what a scorer derived from readings (by id): observations, or a measurement if it has a name."""
        with self.transaction() as session:
            for reading_id, score in scores:
                reading = existing(session, ReadingRow, reading_id)
                self.guard(session, campaign_resource(reading.campaign_id))
                reading.scored = True
                row: dict[str, Any] = {
                    "campaign_id": reading.campaign_id,
                    "round": reading.round,
                    "plate": reading.plate,
                    "well": reading.well,
                    "reading_id": reading_id,
                    "value": score.ratio,
                    "flags": list(score.flags),
                    "scorer": scorer,
                    "scorer_version": version,
                }
                session.add(MeasurementRow(**row, name=measurement) if measurement else ObservationRow(**row))
                subject = f"{reading.campaign_id}/r{reading.round}/p{reading.plate}/{reading.well}"
                data = {"value": score.ratio, "flags": list(score.flags)}
                kind, text = ("measurement", measurement) if measurement else ("observation", "")
                add_event(session, reading.campaign_id, at, kind, subject, text, data)

    def steps_of(self, readings: Sequence[int]) -> dict[int, str]:
        """The step in which each of some readings (by id) was taken."""
        query = (
            select(ReadingRow.id, JobRow.step)
            .join(JobRow, col(JobRow.key) == ReadingRow.job_key)
            .where(col(ReadingRow.id).in_(readings))
        )
        with self.reading_session() as session:
            return {reading: step for reading, step in session.exec(query) if reading is not None}

    # Events

    def note(
        self, campaign_id: str, at: datetime, kind: str, subject: str, message: str, who: str = "wellwise"
    ) -> None:
        """Append an event that changes nothing else."""
        with self.transaction() as session:
            add_event(session, campaign_id, at, kind, subject, message, who=who)

    def events(
        self, campaign_id: str, after: int = 0, kinds: Sequence[str] = (), limit: int | None = None
    ) -> list[EventRow]:
        """The events of a campaign whose id is above `after`, oldest first."""
        query = select(EventRow).where(EventRow.campaign_id == campaign_id, col(EventRow.id) > after)
        if kinds:
            query = query.where(col(EventRow.kind).in_(kinds))
        with self.reading_session() as session:
            return list(session.exec(query.order_by(col(EventRow.id)).limit(limit)))

    def all_events(self, after: int, limit: int) -> list[EventRow]:
        """The first `limit` events of all campaigns whose id is above `after`, oldest first."""
        query = select(EventRow).where(col(EventRow.id) > after).order_by(col(EventRow.id)).limit(limit)
        with self.reading_session() as session:
            return list(session.exec(query))

    def last_event(self, campaign_id: str | None = None) -> int:
        """The id of the latest event of a campaign, or of all; 0 if there is none."""
        statement = select(func.max(EventRow.id))
        if campaign_id is not None:
            statement = statement.where(EventRow.campaign_id == campaign_id)
        with self.reading_session() as session:
            return session.exec(statement).one() or 0

    def last_events(self) -> dict[str, int]:
        """The id of the latest event of each campaign."""
        statement = select(EventRow.campaign_id, func.max(EventRow.id)).group_by(col(EventRow.campaign_id))
        with self.reading_session() as session:
            return {campaign_id: last for campaign_id, last in session.exec(statement) if last is not None}

    def last_moment(self, campaign_id: str) -> datetime | None:
        """The time of the latest event of a campaign, by the lab's clock."""
        with self.reading_session() as session:
            statement = select(func.max(EventRow.at)).where(EventRow.campaign_id == campaign_id)
            return session.exec(statement).one()


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
