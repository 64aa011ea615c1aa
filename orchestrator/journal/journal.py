"""The journal: the durable record, written before and after every physical action."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any, TypeVar

from sqlalchemy import func
from sqlmodel import Session, col, select

from orchestrator.core.by import WELLWISE, By
from orchestrator.core.events import EventKind
from orchestrator.core.provenance import RoundProvenance
from orchestrator.core.scheduling import Start
from orchestrator.core.state import CampaignState, CampaignStatus, RoundStatus
from orchestrator.journal.jobs import JobRecord
from orchestrator.journal.load_state import OBSERVATIONS, campaign_state
from orchestrator.journal.scores import ScoredReadings, Source, add_scores
from orchestrator.journal.store import add_event, campaign_resource, existing
from orchestrator.journal.tables import (
    CampaignRow,
    Derived,
    EventRow,
    JobRow,
    ReadingRow,
    RoundRow,
    WellRow,
)
from protocols.addresses import RoundAddress, WellAddress
from protocols.campaign import Campaign
from protocols.conditions import Observation
from protocols.jobs import Job
from protocols.layout import Layout
from protocols.number_words import counted

_Derived = TypeVar("_Derived", bound=Derived)


class Journal(JobRecord):
    """One database with the campaigns of a lab.

    Every method that writes is one transaction, its events included.
    """

    # Campaigns

    def create_campaign(
        self,
        campaign: Campaign,
        file_text: str,
        past: Sequence[Observation],
        at: datetime,
        who: str = "wellwise",
        request: str = "",
        project: str = "",
    ) -> str:
        """Write down a campaign that a person launches, in a project or in none; returns its id.

        The id is its name, numbered if the name is taken.
        """
        with self.transaction() as session:
            taken = set(
                session.exec(select(CampaignRow.id).where(CampaignRow.name == campaign.name))
            )
            number = next(
                n for n in range(1, len(taken) + 2) if _numbered(campaign.name, n) not in taken
            )
            campaign_id = _numbered(campaign.name, number)
            session.add(
                CampaignRow(
                    id=campaign_id,
                    name=campaign.name,
                    status=CampaignStatus.RUNNING,
                    definition=campaign.model_dump(mode="json", by_alias=True, exclude_unset=True),
                    file_text=file_text,
                    past=OBSERVATIONS.dump_python(list(past), mode="json"),
                    started_at=at,
                    project=project,
                )
            )
            session.flush()
            title = campaign.title or campaign.name
            data = {"request": request} if request else {}
            data |= {"project": project} if project else {}
            data |= {"plan": plan.sha256} if (plan := campaign.confirmation) else {}
            kind = EventKind.CAMPAIGN_CREATED
            add_event(session, campaign_id, at, kind, campaign_id, title, data, who)
        return campaign_id

    def created_by(self, request: str) -> str | None:
        """The campaign that a request created, if one did."""
        query = select(EventRow.campaign_id).where(
            EventRow.kind == EventKind.CAMPAIGN_CREATED,
            col(EventRow.data)["request"].as_string() == request,
        )
        with self.reading_session() as session:
            return session.exec(query).first()

    def finish_campaign(self, campaign_id: str, reason: str, at: datetime) -> None:
        """The stop rule held."""
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            row = existing(session, CampaignRow, campaign_id)
            row.status, row.reason, row.ended_at = CampaignStatus.FINISHED, reason, at
            add_event(session, campaign_id, at, EventKind.CAMPAIGN_FINISHED, campaign_id, reason)

    def pause_campaign(self, campaign_id: str, at: datetime, why: str, who: str = WELLWISE) -> None:
        """Send no more jobs of a campaign; harmless unless it runs."""
        with self.transaction() as session:
            row = existing(session, CampaignRow, campaign_id)
            if row.status == CampaignStatus.RUNNING:
                row.status, row.reason = CampaignStatus.PAUSED, why
                add_event(
                    session, campaign_id, at, EventKind.CAMPAIGN_PAUSED, campaign_id, why, who=who
                )

    def campaign_ids(self, running: bool = False) -> list[str]:
        """Every campaign, or every running one, oldest first."""
        query = select(CampaignRow.id).order_by(col(CampaignRow.started_at), CampaignRow.id)
        if running:
            query = query.where(CampaignRow.status == CampaignStatus.RUNNING)
        with self.reading_session() as session:
            return list(session.exec(query))

    def state(self, campaign_id: str) -> CampaignState:
        """The state of a campaign.

        Raises:
            JournalError: there is no such campaign.
        """
        with self.reading_session() as session:
            row = existing(session, CampaignRow, campaign_id)
            return campaign_state(session, row, self.workers)

    def locked_state(self, session: Session, campaign_id: str) -> CampaignState:
        """The state of a campaign in an open transaction that locks it against other writers.

        Raises:
            Missing: there is no such campaign.
        """
        row = session.get(CampaignRow, campaign_id, with_for_update=True)
        with self.legible():
            row = row or existing(session, CampaignRow, campaign_id)
            return campaign_state(session, row, self.workers)

    def status(self, campaign_id: str) -> CampaignStatus:
        """Whether a campaign is running, paused, aborted or finished."""
        with self.reading_session() as session:
            return CampaignStatus(existing(session, CampaignRow, campaign_id).status)

    # Rounds

    def plan_round(
        self,
        campaign_id: str,
        layout: Layout,
        jobs: Iterable[Job] | None,
        notices: Sequence[str],
        start: datetime,
        at: datetime,
        requeued: Sequence[WellAddress] = (),
        starts: Mapping[str, Start] | None = None,
        made: RoundProvenance | None = None,
    ) -> None:
        """Write down the layout of a new round and its jobs (None: it waits for approval).

        `requeued` are the lost wells whose conditions have a well again. `starts` is the
        schedule, by job key. `made` is what the round was planned with.
        """
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            status = RoundStatus.PROPOSED if jobs is None else RoundStatus.RUNNING
            session.add(
                RoundRow(
                    campaign_id=campaign_id, number=layout.round, status=status, started_at=start
                )
            )
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
            subject = str(RoundAddress(campaign_id, layout.round))
            wells = len(layout.placements)
            text = f"{counted(wells, 'well')}, " + (
                "to be approved" if jobs is None else counted(number, "job")
            )
            data: dict[str, Any] = {"round": layout.round, "wells": wells, "jobs": number}
            data["version"] = version("wellwise")
            if made is not None:
                data["made"] = made.model_dump(mode="json", exclude_defaults=True)
            add_event(session, campaign_id, at, EventKind.ROUND_PLANNED, subject, text, data)
            for address in requeued:
                existing(session, WellRow, address).requeued = False
            for notice in notices:
                add_event(session, campaign_id, at, EventKind.NOTICE, subject, notice)

    def finish_round(self, campaign_id: str, number: int, at: datetime) -> None:
        """Every job is over and every reading scored."""
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            row = existing(session, RoundRow, (campaign_id, number))
            row.status, row.ended_at = RoundStatus.FINISHED, at
            add_event(
                session,
                campaign_id,
                at,
                EventKind.ROUND_FINISHED,
                str(RoundAddress(campaign_id, number)),
                "",
            )

    # Readings and observations

    def reading(self, reading_id: int) -> ReadingRow:
        """One reading."""
        with self.reading_session() as session:
            return existing(session, ReadingRow, reading_id)

    def record_scores(
        self, campaign_id: str, found: Sequence[ScoredReadings], at: datetime
    ) -> None:
        """Write down all that scorers derived from readings of a campaign."""
        with self.transaction() as session:
            self.guard(session, campaign_resource(campaign_id))
            for scored in found:
                add_scores(session, scored, at)

    def keep_readings(self, readings: Sequence[int]) -> None:
        """Write down that nothing is derived from some readings (by id)."""
        if readings:
            with self.transaction() as session:
                for reading in readings:
                    existing(session, ReadingRow, reading).scored = True

    def derived(self, campaign_id: str, kind: type[_Derived]) -> list[_Derived]:
        """All observations, or all measurements, of a campaign, oldest first."""
        query = select(kind).filter_by(campaign_id=campaign_id).order_by(col(kind.id))
        with self.reading_session() as session:
            return list(session.exec(query))

    def sources_of(self, readings: Sequence[int]) -> dict[int, Source]:
        """Where each of some readings (by id) comes from."""
        query = (
            select(ReadingRow.id, JobRow.step, ReadingRow.kind)
            .join(JobRow, col(JobRow.key) == ReadingRow.job_key)
            .where(col(ReadingRow.id).in_(readings))
        )
        with self.reading_session() as session:
            return {
                reading: Source(step, kind)
                for reading, step, kind in session.exec(query)
                if reading is not None
            }

    # Events

    def note(
        self,
        campaign_id: str,
        at: datetime,
        kind: EventKind,
        subject: str,
        message: str,
        who: str = "wellwise",
        data: dict[str, Any] | None = None,
    ) -> None:
        """Append an event that changes nothing else."""
        with self.transaction() as session:
            add_event(session, campaign_id, at, kind, subject, message, data, who)

    def request_stop(self, campaign_id: str, at: datetime, robots: dict[str, str], by: By) -> None:
        """Ask whoever works with these robots, or their devices (by the robots), to stop them."""
        with self.transaction() as session:
            kind, data = EventKind.STOP_REQUESTED, {"robots": robots}
            add_event(session, campaign_id, at, kind, campaign_id, by.why, data, by.who)

    def stop_requests(self, after: int) -> list[EventRow]:
        """Every request to stop robots, of any campaign, whose id is above `after`."""
        kind = EventKind.STOP_REQUESTED
        query = select(EventRow).where(EventRow.kind == kind, col(EventRow.id) > after)
        with self.reading_session() as session:
            return list(session.exec(query.order_by(col(EventRow.id))))

    def events(
        self,
        campaign_id: str,
        after: int = 0,
        kinds: Sequence[EventKind] = (),
        limit: int | None = None,
    ) -> list[EventRow]:
        """The events of a campaign whose id is above `after`, oldest first."""
        query = select(EventRow).where(
            EventRow.campaign_id == campaign_id, col(EventRow.id) > after
        )
        if kinds:
            query = query.where(col(EventRow.kind).in_(kinds))
        with self.reading_session() as session:
            return list(session.exec(query.order_by(col(EventRow.id)).limit(limit)))

    def all_events(self, after: int, limit: int) -> list[EventRow]:
        """The first `limit` events of all campaigns whose id is above `after`, oldest first."""
        query = (
            select(EventRow).where(col(EventRow.id) > after).order_by(col(EventRow.id)).limit(limit)
        )
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
        statement = select(EventRow.campaign_id, func.max(EventRow.id)).group_by(
            col(EventRow.campaign_id)
        )
        with self.reading_session() as session:
            return {
                campaign_id: last
                for campaign_id, last in session.exec(statement)
                if last is not None
            }

    def last_moment(self, campaign_id: str) -> datetime | None:
        """The time of the latest event of a campaign, by the lab's clock."""
        with self.reading_session() as session:
            statement = select(func.max(EventRow.at)).where(EventRow.campaign_id == campaign_id)
            return session.exec(statement).one()


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
