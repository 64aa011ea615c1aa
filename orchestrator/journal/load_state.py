"""From the journal's rows to the values that `lifecycle` decides upon."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

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

OBSERVATIONS = TypeAdapter(list[Observation])
"""Past results, as a campaign's row keeps them."""


def campaign_state(session: Session, row: CampaignRow) -> CampaignState:
    """The state of a campaign."""
    rounds = select(RoundRow).where(RoundRow.campaign_id == row.id).order_by(col(RoundRow.number))
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
        rounds=tuple(round_state(session, batch) for batch in session.exec(rounds).all()),
        outages=tuple(
            Outage(outage.robot, outage.since, outage.retry_at, outage.message)
            for outage in session.exec(outages)
        ),
        elsewhere_in_doubt=dict(session.exec(doubts).all()),
    )


def round_state(session: Session, row: RoundRow) -> RoundState:
    """One round; see `RoundState`."""
    here = {"campaign_id": row.campaign_id, "round": row.number}
    wells = session.exec(
        select(WellRow).filter_by(**here).order_by(col(WellRow.plate), col(WellRow.number))
    ).all()
    latest: dict[tuple[int, str], ObservationRow] = {}
    for observation in session.exec(
        select(ObservationRow).filter_by(**here).order_by(col(ObservationRow.id))
    ):
        place = (observation.plate, observation.well)
        if place not in latest or latest[place].scorer != BY_HAND or observation.scorer == BY_HAND:
            latest[place] = observation
    measured: dict[tuple[int, str], dict[str, float | None]] = defaultdict(dict)
    by_hand: set[tuple[int, str, str]] = set()
    for found in session.exec(
        select(MeasurementRow).filter_by(**here).order_by(col(MeasurementRow.id))
    ):
        if (found.plate, found.well, found.name) in by_hand and found.scorer != BY_HAND:
            continue
        if found.scorer == BY_HAND:
            by_hand.add((found.plate, found.well, found.name))
        measured[found.plate, found.well][found.name] = None if found.flags else found.value
    finished = row.status == RoundStatus.FINISHED
    jobs: Sequence[JobRow] = ()
    unscored: Sequence[int | None] = ()
    if not finished:
        plates = select(WellRow.plate).filter_by(**here).distinct().subquery()
        first = (
            select(func.min(JobRow.position))
            .filter_by(**here)
            .where(col(JobRow.plate) == plates.c.plate, text(OPEN_JOB))
            .correlate(plates)
            .scalar_subquery()
        )
        jobs = session.exec(
            select(JobRow)
            .filter_by(**here)
            .where(col(JobRow.position).in_(select(first).select_from(plates)))
            .order_by(col(JobRow.position))
        ).all()
        unscored = session.exec(
            select(ReadingRow.id).filter_by(**here, scored=False).order_by(col(ReadingRow.id))
        ).all()
    return RoundState(
        number=row.number,
        finished=finished,
        started_at=row.started_at,
        ended_at=row.ended_at,
        wells=tuple(
            _well_state(well, latest.get((well.plate, well.well)), measured[well.plate, well.well])
            for well in wells
        ),
        jobs=tuple(job_state(job) for job in jobs),
        unscored=tuple(reading for reading in unscored if reading is not None),
        proposed=row.status == RoundStatus.PROPOSED,
    )


def _well_state(
    row: WellRow, observation: ObservationRow | None, measured: dict[str, float | None]
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
