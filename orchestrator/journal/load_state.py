"""From the journal's rows to the values that `lifecycle` decides upon."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import String, bindparam, func, text
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

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
from orchestrator.journal.devices import device_resource
from orchestrator.journal.tables import (
    BY_HAND,
    OPEN_JOB,
    CampaignRow,
    CovariateRow,
    Derived,
    JobRow,
    MeasurementRow,
    ObservationRow,
    OutageRow,
    ReadingRow,
    RoundRow,
    WellRow,
)
from protocols.blocks import by_place
from protocols.campaign import Campaign
from protocols.combine import combined
from protocols.computed import with_computed
from protocols.conditions import Observation, Proposal
from protocols.outcomes import Outcome
from protocols.plates import Well
from protocols.scoring import Score
from protocols.search_space import SearchSpace

_Place = tuple[int, int, str]
"""Round, plate and well."""

OBSERVATIONS = TypeAdapter(list[Observation])
"""Past results, as a campaign's row keeps them."""


def campaign_state(session: Session, row: CampaignRow, workers: bool = False) -> CampaignState:
    """The state of a campaign; with `workers` its robots are at several computers."""
    outages = select(OutageRow).where(OutageRow.campaign_id == row.id)
    campaign = Campaign.model_validate(row.definition)
    return CampaignState(
        id=row.id,
        campaign=campaign,
        status=CampaignStatus(row.status),
        reason=row.reason,
        started_at=row.started_at,
        past=tuple(
            found.model_copy(update={"condition": campaign.space.completed(found.condition)})
            for found in OBSERVATIONS.validate_python(row.past)
        ),
        rounds=tuple(
            _completed(batch, campaign.space) for batch in _rounds(session, row.id, campaign)
        ),
        outages=tuple(
            Outage(outage.robot, outage.since, outage.retry_at, outage.message)
            for outage in session.exec(outages)
        ),
        elsewhere_in_doubt=_elsewhere_in_doubt(session, row.id, campaign, workers),
    )


def _elsewhere_in_doubt(
    session: Session, campaign_id: str, campaign: Campaign, workers: bool
) -> dict[str, str]:
    """Robots of which another campaign has a job in doubt, with that job.

    By their name, or by their device: a robot may have been given another name since.
    """
    doubts = (
        select(JobRow.robot, JobRow.key, CampaignRow)
        .join(CampaignRow, col(CampaignRow.id) == JobRow.campaign_id)
        .where(
            text(f"job.{OPEN_JOB}"),
            JobRow.state == JobStatus.IN_DOUBT,
            JobRow.campaign_id != campaign_id,
            col(CampaignRow.status).in_([status for status in CampaignStatus if not status.over]),
        )
    )
    held: dict[str, str] = {}
    for robot, key, other in session.exec(doubts):
        device = device_resource(other.definition["robots"][robot].get("address", ""), workers)
        same = (
            name
            for name, config in campaign.robots.items()
            if device_resource(config.address, workers) == device != ""
        )
        held |= dict.fromkeys([robot, *same], key)
    return held


def _completed(batch: RoundState, space: SearchSpace) -> RoundState:
    """A round whose conditions have what parameters that were added later were until then."""
    if all(parameter.so_far is None for parameter in space.parameters):
        return batch
    wells = []
    for well in batch.wells:
        condition = space.completed(well.proposal.condition)
        proposal = well.proposal.model_copy(update={"condition": condition})
        wells.append(replace(well, proposal=proposal))
    return replace(batch, wells=tuple(wells))


class _Found(NamedTuple):
    """The rows of a campaign, by round; of a well those of its values, oldest first."""

    campaign: Campaign
    wells: Mapping[int, Sequence[WellRow]]
    values: Mapping[_Place, Sequence[Derived]]
    others: Mapping[_Place, Mapping[str, Sequence[Derived]]]
    recorded: Mapping[_Place, Mapping[str, float | str]]
    jobs: Mapping[int, Sequence[JobRow]]
    unscored: Mapping[int, Sequence[int]]
    blocks: Mapping[tuple[int, str], Mapping[str, str]]


def _rounds(session: Session, campaign_id: str, campaign: Campaign) -> tuple[RoundState, ...]:
    """The rounds of a campaign, in as many queries however many there are."""
    here = {"campaign_id": campaign_id}
    rows = session.exec(select(RoundRow).filter_by(**here).order_by(col(RoundRow.number))).all()
    open_rounds = [row.number for row in rows if row.status != RoundStatus.FINISHED]
    wells: dict[int, list[WellRow]] = defaultdict(list)
    in_order = (col(WellRow.round), col(WellRow.plate), col(WellRow.number))
    for well in session.exec(select(WellRow).filter_by(**here).order_by(*in_order)):
        wells[well.round].append(well)
    values: dict[_Place, list[Derived]] = defaultdict(list)
    for value in session.exec(
        select(ObservationRow).filter_by(**here).order_by(col(ObservationRow.id))
    ):
        values[value.round, value.plate, value.well].append(value)
    others: dict[_Place, dict[str, list[Derived]]] = defaultdict(lambda: defaultdict(list))
    for other in session.exec(
        select(MeasurementRow).filter_by(**here).order_by(col(MeasurementRow.id))
    ):
        others[other.round, other.plate, other.well][other.name].append(other)
    recorded: dict[_Place, dict[str, float | str]] = defaultdict(dict)
    if campaign.covariates:
        query = select(CovariateRow).filter_by(**here).order_by(col(CovariateRow.id))
        for entry in session.exec(query):
            known = entry.label if entry.number is None else entry.number
            recorded[entry.round, entry.plate, entry.well][entry.name] = known
    jobs: dict[int, list[JobRow]] = defaultdict(list)
    unscored: dict[int, list[int]] = defaultdict(list)
    if open_rounds:
        for job in _next_jobs(session, campaign_id, open_rounds):
            jobs[job.round].append(job)
        waiting = select(ReadingRow.round, ReadingRow.id).filter_by(**here, scored=False)
        for number, reading in session.exec(waiting.order_by(col(ReadingRow.id))):
            if reading is not None:
                unscored[number].append(reading)
    blocks = by_place(campaign.covariates, campaign.plates)
    found = _Found(campaign, wells, values, others, recorded, jobs, unscored, blocks)
    return tuple(_round_state(row, found) for row in rows)


def _next_jobs(session: Session, campaign_id: str, rounds: Sequence[int]) -> Sequence[JobRow]:
    """The next job of each plate of some rounds, in the order in which they were planned."""
    given = {"campaign": campaign_id, "rounds": list(rounds)}
    return session.exec(_next_jobs_query(), params=given).all()


@cache  # written once: that takes longer than what SQLite does with it
def _next_jobs_query() -> SelectOfScalar[JobRow]:
    campaign = bindparam("campaign", type_=String())
    plates = (
        select(WellRow.round, WellRow.plate)
        .where(
            col(WellRow.campaign_id) == campaign,
            col(WellRow.round).in_(bindparam("rounds", expanding=True)),
        )
        .distinct()
        .subquery()
    )
    first = (
        select(func.min(JobRow.position))
        .where(
            col(JobRow.campaign_id) == campaign,
            col(JobRow.round) == plates.c.round,
            col(JobRow.plate) == plates.c.plate,
            text(OPEN_JOB),
        )
        .correlate(plates)
        .scalar_subquery()
    )
    next_ones = select(plates.c.round, first.label("position")).subquery()
    return (
        select(JobRow)
        .where(col(JobRow.campaign_id) == campaign)
        .join(
            next_ones,
            (col(JobRow.round) == next_ones.c.round)
            & (col(JobRow.position) == next_ones.c.position),
        )
        .order_by(col(JobRow.round), col(JobRow.position))
    )


def _round_state(row: RoundRow, found: _Found) -> RoundState:
    """One round; see `RoundState`."""
    places = [((row.number, well.plate, well.well), well) for well in found.wells[row.number]]
    scores = {place: _scores(place, found) for place, _ in places}
    finished = row.status == RoundStatus.FINISHED
    return RoundState(
        number=row.number,
        finished=finished,
        started_at=row.started_at,
        ended_at=row.ended_at,
        wells=tuple(
            _well_state(
                well,
                *scores[place],
                {**found.blocks.get(place[1:], {}), **found.recorded.get(place, {})},
                found.campaign.plates.on_edge(well.well),
            )
            for place, well in places
        ),
        jobs=() if finished else tuple(job_state(job) for job in found.jobs[row.number]),
        unscored=() if finished else tuple(found.unscored[row.number]),
        proposed=row.status == RoundStatus.PROPOSED,
    )


def _scores(place: _Place, found: _Found) -> tuple[Score | None, dict[str, float | None]]:
    """What counts in a well of the objective's outcome, and of the others by name."""
    main = _counted(found.values.get(place, ()), found.campaign.outcome)
    measured = {
        name: None if score is None or score.flags else score.value
        for name, rows in found.others.get(place, {}).items()
        for score in [_counted(rows, found.campaign.scored(name))]
    }
    return with_computed(found.campaign.computed, found.campaign.outcome.name, main, measured)


def _counted(rows: Sequence[Derived], outcome: Outcome) -> Score | None:
    """The score that counts in a well: what a person entered last, or that of its readings.

    Of each reading the latest score counts; several readings are combined as the outcome says.
    """
    by_hand = [row for row in rows if row.scorer == BY_HAND]
    latest = {row.reading_id: row for row in rows}
    counted = by_hand[-1:] or [latest[reading] for reading in sorted(latest)]
    scores = [Score(value=row.value, flags=tuple(row.flags)) for row in counted]
    return combined(scores, outcome.combine) if scores else None


def _well_state(
    row: WellRow,
    observation: Score | None,
    measured: Mapping[str, float | None],
    covariates: Mapping[str, float | str],
    edge: bool | None,
) -> WellState:
    return WellState(
        well=Well(plate=row.plate, name=row.well, number=row.number),
        proposal=Proposal.model_validate(row.proposal),
        lost=row.lost,
        value=None if observation is None else observation.value,
        flags=() if observation is None else observation.flags,
        scored=observation is not None,
        requeued=row.requeued,
        measured=measured,
        covariates=covariates,
        edge=edge,
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
        latest_at=None if row.cleared else row.latest,
        message=row.message,
        dispatched_at=row.dispatched_at,
    )
