"""Queries for an answer: a campaign, a round, the history of a well or a job."""

from collections.abc import Container
from datetime import datetime

from pydantic import ValidationError

from orchestrator.core.state import CampaignState, RoundState
from orchestrator.errors import Missing
from orchestrator.journal import campaign_list, queries
from orchestrator.journal.access_tokens import Identity
from orchestrator.journal.campaign_list import Filing, Listed
from orchestrator.journal.suggestions import open_suggestions
from orchestrator.lab.scoring import scorer_of
from orchestrator.service.backend import Backend
from orchestrator.service.schema import (
    CampaignSummary,
    CampaignView,
    JobHistory,
    WellHistory,
)
from orchestrator.service.telemetry import measured_units
from orchestrator.service.views import (
    campaign_summary,
    campaign_view,
    event_view,
    job_view,
    observation_view,
    operation_views,
    reading_view,
    well_view,
)
from protocols.outcomes import Outcome
from protocols.scoring import MarksImages, Scorer


def well_history(
    backend: Backend, campaign_id: str, number: int, plate: int, name: str
) -> WellHistory:
    """A well with its readings, what was derived from them, and its events.

    Raises:
        Missing: there is no such well.
    """
    _, state = backend.state(campaign_id)
    for well in round_of(state, number).wells:
        if (well.well.plate, well.well.name) == (plate, name):
            break
    else:
        raise Missing(
            f"there is no well {name} on plate {plate} of round {number} of {campaign_id}"
        )
    view = well_view(campaign_id, number, well)
    read, observed = queries.readings(backend.journal, campaign_id, number, plate, name)
    scorer = installed_scorer(state.campaign.outcome)
    marks = scorer.marks if isinstance(scorer, MarksImages) else ""
    happened = queries.latest_events(backend.journal, campaign_id, subject=view.id)
    return WellHistory(
        **view.model_dump(),
        marks=marks,
        readings=[reading_view(row, bool(marks)) for row in read],
        observations=[observation_view(row) for row in observed],
        events=[event_view(row, backend.settings.zone) for row in happened],
    )


def job_history(backend: Backend, campaign_id: str, name: str) -> JobHistory:
    """A job with its operations, and its events.

    Raises:
        Missing: there is no such job in the campaign.
    """
    _, state = backend.state(campaign_id)
    row = queries.job_row(backend.journal, campaign_id, name)
    if row is None:
        raise Missing(f"campaign {campaign_id} has no job {name!r}")
    zone = backend.settings.zone
    wells = round_of(state, row.round).wells
    lost = {well.well.name: well.lost for well in wells if well.well.plate == row.plate}
    happened = queries.latest_events(backend.journal, campaign_id, subject=name)
    return JobHistory(
        **job_view(row, zone).model_dump(),
        step_title=state.campaign.protocol.by_name[row.step].title,
        plate_id=row.job["plate_id"],
        labware=row.job["labware"],
        latest=row.latest.astimezone(zone),
        operations=operation_views(row, lost),
        readings=queries.number_of_readings(backend.journal, name),
        measured_units=measured_units(backend.journal, campaign_id, name),
        events=[event_view(event, zone) for event in happened],
    )


def round_of(state: CampaignState, number: int) -> RoundState:
    """A round of a campaign.

    Raises:
        Missing: it has not begun.
    """
    if number > len(state.rounds):
        raise Missing(f"campaign {state.id} has no round {number} (it has {len(state.rounds)})")
    return state.rounds[number - 1]


def summary_of(backend: Backend, campaign_id: str) -> CampaignSummary:
    """The state of a campaign."""
    last, state = backend.state(campaign_id)
    return campaign_summary(state, last, *_facts(backend, state), backend.settings.zone)


def summary_of_listed(backend: Backend, campaign: Listed) -> CampaignSummary:
    """The state of a campaign that was listed just now."""
    last, state = backend.state(campaign.id, campaign.last_event)
    facts = _facts(backend, state, campaign.filing)
    return campaign_summary(state, last, *facts, backend.settings.zone)


def view_of(backend: Backend, last: int, state: CampaignState) -> CampaignView:
    """The same with parameters, steps, rounds, and what is suggested."""
    with backend.journal.reading_session() as session:
        suggestions = open_suggestions(session, state.id)
    return campaign_view(state, last, *_facts(backend, state), backend.settings.zone, suggestions)


def _facts(
    backend: Backend, state: CampaignState, filing: Filing | None = None
) -> tuple[int, int, datetime | None, str, Filing]:
    counts = (
        queries.job_counts(backend.journal, state.id, len(state.rounds)) if state.rounds else {}
    )
    over = sum(number for status, number in counts.items() if status.over)
    return (
        over,
        sum(counts.values()),
        backend.journal.last_moment(state.id),
        fault_of(backend, state),
        filing or campaign_list.filing_of(backend.journal, state.id),
    )


def fault_of(backend: Backend, state: CampaignState) -> str:
    """Why a campaign that is not over is not being run just now, or nothing."""
    return backend.supervisor.faults.get(state.id, "") if not state.status.over else ""


def installed_scorer(outcome: Outcome) -> Scorer | None:
    """The scorer of an outcome; None if it has none, or it is not installed any more."""
    try:
        return scorer_of(outcome)
    except (LookupError, ValidationError):
        return None


def open_campaigns(
    backend: Backend, who: Identity | None = None, among: Container[str] | None = None
) -> list[CampaignState]:
    """Every campaign that is not over and that somebody may see, the oldest first.

    Of many, only those `among` the given ones are read.
    """
    listed = campaign_list.listed(backend.journal, None if who is None else who.sees)
    there = [one for one in listed[::-1] if not one.status.over]
    return [
        backend.state(one.id, one.last_event)[1]
        for one in there
        if among is None or one.id in among
    ]
