"""From the journal's rows to lists and counts of jobs, readings and events, for people."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

from sqlalchemy import func, text
from sqlmodel import col, select

from orchestrator.core.by import WELLWISE
from orchestrator.core.state import CampaignState, CampaignStatus, JobStatus
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import (
    OPEN_JOB,
    CampaignRow,
    EventRow,
    JobRow,
    ObservationRow,
    ReadingRow,
    WellRow,
)
from protocols.campaign import Campaign


class StepDay(NamedTuple):
    """All plates' jobs of a step on a day of a round."""

    step: str
    day: int


class Counts(NamedTuple):
    """Campaigns by status, which are not over, and the jobs of those by state."""

    campaigns: dict[str, int]
    open_campaigns: list[str]
    open_jobs: dict[str, int]


def counts_of(journal: Journal, projects: Collection[str] | None = None) -> Counts:
    """What there is of everything, or of some projects, in one look."""
    by_status = select(CampaignRow.status, func.count()).group_by(col(CampaignRow.status))
    alive = [status for status in CampaignStatus if not status.over]
    open_ones = select(CampaignRow.id).where(col(CampaignRow.status).in_(alive))
    if projects is not None:
        by_status = by_status.where(col(CampaignRow.project).in_(projects))
        open_ones = open_ones.where(col(CampaignRow.project).in_(projects))
    with journal.reading_session() as session:
        campaigns = dict(session.exec(by_status).all())
        running = list(session.exec(open_ones))
        by_state = select(JobRow.state, func.count()).where(col(JobRow.campaign_id).in_(running))
        jobs = dict(session.exec(by_state.group_by(col(JobRow.state))).all())
    return Counts(campaigns, running, jobs)


def job_seconds(journal: Journal, campaign_id: str) -> dict[tuple[str, str], float]:
    """The median of how long the jobs of each robot and step took, of those that are done."""
    query = select(JobRow.robot, JobRow.step, JobRow.dispatched_at, JobRow.ended_at).filter_by(
        campaign_id=campaign_id, state=JobStatus.DONE.value
    )
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with journal.reading_session() as session:
        for robot, step, began, ended in session.exec(query):
            if began is not None and ended is not None:
                found[robot, step].append((ended - began).total_seconds())
    return {place: median(seconds) for place, seconds in found.items()}


def busy_robots(journal: Journal, state: CampaignState) -> frozenset[str]:
    """The robots that rounds under way, beside one that waits for approval, still need."""
    if state.campaign.rounds.in_parallel == 1:
        return frozenset()
    underway = [batch.number for batch in state.open_rounds if not batch.proposed]
    query = (
        select(JobRow.robot)
        .where(
            JobRow.campaign_id == state.id, col(JobRow.round).in_(underway), text(f"job.{OPEN_JOB}")
        )
        .distinct()
    )
    with journal.reading_session() as session:
        return frozenset(session.exec(query))


def job_counts(journal: Journal, campaign_id: str, round_number: int) -> Counter[JobStatus]:
    """How many jobs of a round are in which state."""
    query = (
        select(JobRow.state, func.count())
        .where(JobRow.campaign_id == campaign_id, JobRow.round == round_number)
        .group_by(col(JobRow.state))
    )
    with journal.reading_session() as session:
        return Counter({JobStatus(state): number for state, number in session.exec(query)})


def jobs(
    journal: Journal,
    campaign_id: str,
    round_number: int | None = None,
    plate: int | None = None,
    robot: str | None = None,
    states: Sequence[JobStatus] = (),
    after: int = -1,
    limit: int = 100,
) -> list[tuple[int, JobRow]]:
    """Jobs in the order in which they are due, with the number from which a list may go on."""
    query = select(JobRow).where(JobRow.campaign_id == campaign_id)
    if round_number is not None:
        query = query.where(JobRow.round == round_number)
    if plate is not None:
        query = query.where(JobRow.plate == plate)
    if robot is not None:
        query = query.where(JobRow.robot == robot)
    if states:
        query = query.where(col(JobRow.state).in_(states))
    order = col(JobRow.round) * _STRIDE + col(JobRow.position)
    query = (
        query.where(order > after).order_by(col(JobRow.round), col(JobRow.position)).limit(limit)
    )
    with journal.reading_session() as session:
        return [(row.round * _STRIDE + row.position, row) for row in session.exec(query)]


_STRIDE = 1_000_000


def job_row(journal: Journal, campaign_id: str, name: str) -> JobRow | None:
    """A job by its name, if the campaign has it."""
    query = select(JobRow).filter_by(campaign_id=campaign_id, key=name)
    with journal.reading_session() as session:
        return session.exec(query).one_or_none()


def number_of_readings(journal: Journal, name: str) -> int:
    """How many readings a job returned."""
    query = select(func.count()).where(ReadingRow.job_key == name)
    with journal.reading_session() as session:
        return session.exec(query).one()


def failed_in_a_row(journal: Journal, campaign_id: str, robot: str, most: int) -> int:
    """How many of the last jobs of a robot failed one after the other, counted up to `most`."""
    over = [JobStatus.DONE.value, JobStatus.FAILED.value]
    query = (
        select(JobRow.state)
        .filter_by(campaign_id=campaign_id, robot=robot)
        .where(col(JobRow.state).in_(over), col(JobRow.dispatched_at).is_not(None))
        .order_by(col(JobRow.ended_at).desc(), col(JobRow.position).desc())
        .limit(most)
    )
    with journal.reading_session() as session:
        states = list(session.exec(query))
    failed = JobStatus.FAILED.value
    return next((n for n, state in enumerate(states) if state != failed), len(states))


def calendar(
    journal: Journal, campaign_id: str, round_number: int
) -> dict[StepDay, Counter[JobStatus]]:
    """How many jobs of each step and day are in which state."""
    day = col(JobRow.job)["day"].as_integer()
    query = (
        select(JobRow.step, day, JobRow.state, func.count())
        .where(JobRow.campaign_id == campaign_id, JobRow.round == round_number)
        .group_by(col(JobRow.step), day, col(JobRow.state))
    )
    found: dict[StepDay, Counter[JobStatus]] = {}
    with journal.reading_session() as session:
        for step, on_day, state, number in session.exec(query):
            found.setdefault(StepDay(step, on_day), Counter())[JobStatus(state)] += number
    return found


def wells_on(journal: Journal, campaign_id: str, round_number: int, plate: int) -> list[str]:
    """The wells of a plate that are not lost, in processing order."""
    here = {"campaign_id": campaign_id, "round": round_number, "plate": plate, "lost": ""}
    query = select(WellRow.well).filter_by(**here).order_by(col(WellRow.number))
    with journal.reading_session() as session:
        return list(session.exec(query))


def readings(
    journal: Journal, campaign_id: str, round_number: int, plate: int, well: str
) -> tuple[list[ReadingRow], list[ObservationRow]]:
    """Every reading of a well and what was derived from them, oldest first."""
    here = {"campaign_id": campaign_id, "round": round_number, "plate": plate, "well": well}
    with journal.reading_session() as session:
        return (
            list(session.exec(select(ReadingRow).filter_by(**here).order_by(col(ReadingRow.id)))),
            list(
                session.exec(
                    select(ObservationRow).filter_by(**here).order_by(col(ObservationRow.id))
                )
            ),
        )


def latest_images(journal: Journal, campaign_id: str) -> dict[tuple[int, int, str], int]:
    """Round, plate and well -> the reading (by id) that is the latest image of it."""
    place = ReadingRow.round, ReadingRow.plate, ReadingRow.well
    query = (
        select(*place, func.max(ReadingRow.id))
        .where(ReadingRow.campaign_id == campaign_id, ReadingRow.kind == "image")
        .group_by(*map(col, place))
    )
    with journal.reading_session() as session:
        return {
            (number, plate, well): reading
            for number, plate, well, reading in session.exec(query)
            if reading is not None
        }


def latest_events(
    journal: Journal,
    campaign_id: str,
    kinds: Sequence[str] = (),
    subject: str | None = None,
    limit: int = 50,
    people: bool = False,
) -> list[EventRow]:
    """The latest events of a campaign, newest first; of `people` only what they did."""
    query = select(EventRow).where(EventRow.campaign_id == campaign_id)
    if kinds:
        query = query.where(col(EventRow.kind).in_(kinds))
    if subject is not None:
        query = query.where(EventRow.subject == subject)
    if people:
        query = query.where(EventRow.who != WELLWISE)
    with journal.reading_session() as session:
        return list(session.exec(query.order_by(col(EventRow.id).desc()).limit(limit)))


def file_text(journal: Journal, campaign_id: str) -> str:
    """The campaign file as it was launched."""
    with journal.reading_session() as session:
        return session.exec(
            select(CampaignRow.file_text).where(CampaignRow.id == campaign_id)
        ).one()


class EarlierLaunch(NamedTuple):
    """A campaign of the journal as it was launched; `same`: it is the campaign that is asked."""

    id: str
    title: str
    status: str
    started_at: datetime
    same: bool


def earlier_launches(journal: Journal, campaign: Campaign, file_text: str) -> list[EarlierLaunch]:
    """The campaigns of this name, oldest first, and whether they are the same campaign.

    That is one of the same content, however its file is written, or of the same text and seed,
    whatever was changed under way.
    """
    query = select(CampaignRow).where(CampaignRow.name == campaign.name)
    content = campaign.model_dump(mode="json", by_alias=True, exclude_unset=True)
    with journal.reading_session() as session:
        return [
            EarlierLaunch(
                id=row.id,
                title=str(row.definition.get("title") or row.name),
                status=row.status,
                started_at=row.started_at,
                same=row.definition == content
                or (row.file_text == file_text and row.definition.get("seed", 0) == campaign.seed),
            )
            for row in session.exec(query.order_by(col(CampaignRow.started_at), CampaignRow.id))
        ]
