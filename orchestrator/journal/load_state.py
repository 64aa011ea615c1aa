"""From the journal's rows to the values that `lifecycle` decides upon."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import func, text
from sqlmodel import Session, col, select

from orchestrator.core.state import (
    CampaignState,
    CampaignStatus,
    JobState,
    JobStatus,
    Outage,
    RoundState,
    RoundStatus,
    WellState,
)
from orchestrator.journal.tables import (
    BY_HAND,
    OPEN_JOB,
    CampaignRow,
    JobRow,
    MeasurementRow,
    ObservationRow,
    OutageRow,
    ReadingRow,
    RoundRow,
    WellRow,
)
from protocols.campaign import Campaign
from protocols.conditions import Observation, Proposal
from protocols.plates import Well

_Place = tuple[int, int, str]
"""Round, plate and well."""

OBSERVATIONS = TypeAdapter(list[Observation])
"""Past results, as a campaign's row keeps them."""


def campaign_state(session: Session, row: CampaignRow) -> CampaignState:
    """The state of a campaign."""
    outages = select(OutageRow).where(OutageRow.campaign_id == row.id)
    doubts = (
        select(JobRow.robot, JobRow.key)
        .join(CampaignRow, col(CampaignRow.id) == JobRow.campaign_id)
        .where(
            text(f"job.{OPEN_JOB}"),
            JobRow.state == JobStatus.IN_DOUBT,
            JobRow.campaign_id != row.id,
            col(CampaignRow.status).in_([status for status in CampaignStatus if not status.over]),
        )
    )
    return CampaignState(
        id=row.id,
        campaign=Campaign.model_validate(row.definition),
        status=CampaignStatus(row.status),
        reason=row.reason,
        started_at=row.started_at,
        past=tuple(OBSERVATIONS.validate_python(row.past)),
        rounds=_rounds(session, row.id),
        outages=tuple(
            Outage(outage.robot, outage.since, outage.retry_at, outage.message)
            for outage in session.exec(outages)
        ),
        elsewhere_in_doubt=dict(session.exec(doubts).all()),
    )


class _Found(NamedTuple):
    """The rows of a campaign, by round."""

    wells: Mapping[int, Sequence[WellRow]]
    latest: Mapping[_Place, ObservationRow]
    measured: Mapping[_Place, Mapping[str, float | None]]
    jobs: Mapping[int, Sequence[JobRow]]
    unscored: Mapping[int, Sequence[int]]


def _rounds(session: Session, campaign_id: str) -> tuple[RoundState, ...]:
    """The rounds of a campaign, in as many queries however many there are."""
    rows = session.exec(
        select(RoundRow).filter_by(campaign_id=campaign_id).order_by(col(RoundRow.number))
    ).all()
    open_rounds = [row.number for row in rows if row.status != RoundStatus.FINISHED]
    wells: dict[int, list[WellRow]] = defaultdict(list)
    for well in session.exec(
        select(WellRow)
        .filter_by(campaign_id=campaign_id)
        .order_by(col(WellRow.round), col(WellRow.plate), col(WellRow.number))
    ):
        wells[well.round].append(well)
    jobs: dict[int, list[JobRow]] = defaultdict(list)
    unscored: dict[int, list[int]] = defaultdict(list)
    if open_rounds:
        for job in _next_jobs(session, campaign_id, open_rounds):
            jobs[job.round].append(job)
        waiting = (
            select(ReadingRow.round, ReadingRow.id)
            .filter_by(campaign_id=campaign_id, scored=False)
            .order_by(col(ReadingRow.id))
        )
        for number, reading in session.exec(waiting):
            if reading is not None:
                unscored[number].append(reading)
    found = _Found(
        wells, _latest(session, campaign_id), _measured(session, campaign_id), jobs, unscored
    )
    return tuple(_round_state(row, found) for row in rows)


def _latest(session: Session, campaign_id: str) -> dict[_Place, ObservationRow]:
    """The latest observation of each well; a person's stays whatever is read later."""
    found: dict[_Place, ObservationRow] = {}
    query = select(ObservationRow).filter_by(campaign_id=campaign_id)
    for observation in session.exec(query.order_by(col(ObservationRow.id))):
        place = (observation.round, observation.plate, observation.well)
        if place not in found or found[place].scorer != BY_HAND or observation.scorer == BY_HAND:
            found[place] = observation
    return found


def _measured(session: Session, campaign_id: str) -> dict[_Place, dict[str, float | None]]:
    """The latest of each intermediate measurement of each well, in the same way."""
    found: dict[_Place, dict[str, float | None]] = defaultdict(dict)
    by_hand: set[tuple[_Place, str]] = set()
    query = select(MeasurementRow).filter_by(campaign_id=campaign_id)
    for row in session.exec(query.order_by(col(MeasurementRow.id))):
        place = (row.round, row.plate, row.well)
        if (place, row.name) in by_hand and row.scorer != BY_HAND:
            continue
        if row.scorer == BY_HAND:
            by_hand.add((place, row.name))
        found[place][row.name] = None if row.flags else row.value
    return found


def _next_jobs(session: Session, campaign_id: str, rounds: Sequence[int]) -> Sequence[JobRow]:
    """The next job of each plate of some rounds, in the order in which they were planned."""
    here = {"campaign_id": campaign_id}
    plates = (
        select(WellRow.round, WellRow.plate)
        .filter_by(**here)
        .where(col(WellRow.round).in_(rounds))
        .distinct()
        .subquery()
    )
    first = (
        select(func.min(JobRow.position))
        .filter_by(**here)
        .where(
            col(JobRow.round) == plates.c.round,
            col(JobRow.plate) == plates.c.plate,
            text(OPEN_JOB),
        )
        .correlate(plates)
        .scalar_subquery()
    )
    next_ones = select(plates.c.round, first.label("position")).subquery()
    return session.exec(
        select(JobRow)
        .filter_by(**here)
        .join(
            next_ones,
            (col(JobRow.round) == next_ones.c.round)
            & (col(JobRow.position) == next_ones.c.position),
        )
        .order_by(col(JobRow.round), col(JobRow.position))
    ).all()


def _round_state(row: RoundRow, found: _Found) -> RoundState:
    """One round; see `RoundState`."""
    places = [((row.number, well.plate, well.well), well) for well in found.wells[row.number]]
    finished = row.status == RoundStatus.FINISHED
    return RoundState(
        number=row.number,
        finished=finished,
        started_at=row.started_at,
        ended_at=row.ended_at,
        wells=tuple(
            _well_state(well, found.latest.get(place), found.measured.get(place, {}))
            for place, well in places
        ),
        jobs=() if finished else tuple(job_state(job) for job in found.jobs[row.number]),
        unscored=() if finished else tuple(found.unscored[row.number]),
        proposed=row.status == RoundStatus.PROPOSED,
    )


def _well_state(
    row: WellRow, observation: ObservationRow | None, measured: Mapping[str, float | None]
) -> WellState:
    return WellState(
        well=Well(plate=row.plate, name=row.well, number=row.number),
        proposal=Proposal.model_validate(row.proposal),
        lost=row.lost,
        value=None if observation is None else observation.value,
        flags=() if observation is None else tuple(observation.flags),
        scored=observation is not None,
        requeued=row.requeued,
        measured=measured,
    )


def job_state(row: JobRow) -> JobState:
    """The state of one job."""
    wells = frozenset(
        operation["well"] for operation in row.job["operations"] if "well" in operation
    )
    return JobState(
        key=row.key,
        plate=row.plate,
        step=row.step,
        robot=row.robot,
        due_at=row.due_at,
        begin_at=row.begin_at or row.due_at,
        order_fixed=row.placed,
        status=JobStatus(row.state),
        wells=wells,
        latest_at=None if row.cleared else row.due_at + timedelta(seconds=row.job["tolerance_s"]),
        message=row.message,
    )
