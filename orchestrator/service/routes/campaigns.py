"""Campaigns over HTTP: list, validate, launch, look at; rounds with proposals and wells, jobs, insight, exports."""

from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError

from orchestrator.core.state import CampaignState, JobStatus, RoundState
from orchestrator.errors import Missing
from orchestrator.journal import queries as record
from orchestrator.journal.tables import ReadingRow
from orchestrator.lab.scoring import marked_image, scorer_of
from orchestrator.results.report import report_of
from orchestrator.results.tables import csv_text, events_table, parquet_bytes, tidy_table
from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.backend import Backend
from orchestrator.service.insight import Insight
from orchestrator.service.problems import READING
from orchestrator.service.requests import (
    After,
    CampaignId,
    Limit,
    PlateNumber,
    ReadingNumber,
    RoundNumber,
    WellName,
)
from orchestrator.service.views import (
    CampaignSummary,
    CampaignView,
    EventView,
    JobView,
    RoundView,
    View,
    WellHistory,
    campaign_summary,
    campaign_view,
    observation_view,
    reading_view,
    round_view,
    well_view,
)
from protocols.campaign import Scored
from protocols.scoring import MarksImages, Scorer

ExportName = Literal["wells.csv", "wells.parquet", "events.csv", "campaign.yaml", "report.html"]
_KINDS = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "yaml": "application/yaml",
    "html": "text/html",
}

campaigns = APIRouter(prefix="/campaigns", tags=["campaigns"])


class CampaignPage(View):
    """Campaigns, newest first; `next` is the `before` of the next page."""

    items: list[CampaignSummary]
    next: str | None


class JobPage(View):
    """Jobs in the order in which they are due; `next` is the `after` of the next page."""

    items: list[JobView]
    next: int | None


class EventPage(View):
    """Events, oldest first; `next` is the `after` of the next page."""

    items: list[EventView]
    next: int | None


@campaigns.get("", responses=READING)
def list_campaigns(
    backend: TheBackend,
    viewer: Viewer,
    limit: Limit = 50,
    before: Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80)] = None,
) -> CampaignPage:
    """Every campaign, newest first."""
    ids = backend.journal.campaign_ids()[::-1]
    if before is not None:
        if before not in ids:
            raise Missing(f"there is no campaign {before!r} to go on from")
        ids = ids[ids.index(before) + 1 :]
    items = [summary_of(backend, campaign_id) for campaign_id in ids[:limit]]
    return CampaignPage(items=items, next=ids[limit - 1] if len(ids) > limit else None)


@campaigns.get(
    "/{campaign_id}",
    responses=READING | {304: {"description": "Nothing has happened since."}},
    response_model=CampaignView,
)
def one_campaign(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A campaign; its ETag changes with every event."""
    last, state = backend.state(campaign_id)
    tag = f'"{campaign_id}-{last}"'
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=304, headers={"ETag": tag})
    version = last, trouble_of(backend, state)
    text = backend.drawn.of(f"view {state.id}", version, lambda: view_of(backend, last, state).model_dump_json())
    return Response(text, media_type="application/json", headers={"ETag": tag})


@campaigns.get("/{campaign_id}/rounds/{number}", responses=READING)
def one_round(backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, number: RoundNumber) -> RoundView:
    """A round with its proposals, their reasons, and what came of them."""
    _, state = backend.state(campaign_id)
    return round_view(state, round_of(state, number), backend.settings.zone)


@campaigns.get("/{campaign_id}/rounds/{number}/wells/{plate}/{well}", responses=READING)
def one_well(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    number: RoundNumber,
    plate: PlateNumber,
    well: WellName,
) -> WellHistory:
    """A well with everything that is known of it."""
    return well_history(backend, campaign_id, number, plate, well)


@campaigns.get(
    "/{campaign_id}/readings/{reading}/image",
    responses=READING | {200: {"content": {"image/png": {}}, "description": "The image."}},
    response_class=FileResponse,
)
def image(backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, reading: ReadingNumber) -> FileResponse:
    """The image of a reading, as the camera gave it."""
    _, path = _image_of(backend, campaign_id, reading)
    return FileResponse(path, media_type="image/png", headers={"Cache-Control": "private, max-age=86400, immutable"})


@campaigns.get(
    "/{campaign_id}/readings/{reading}/marked",
    responses=READING | {200: {"content": {"image/png": {}}, "description": "The image, with marks."}},
    response_class=Response,
)
def marked(backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, reading: ReadingNumber) -> Response:
    """The image of a reading, with what the scorer counts marked on it."""
    row, _ = _image_of(backend, campaign_id, reading)
    _, state = backend.state(campaign_id)
    scored = state.campaign.scored(record.measurement_of(backend.journal, reading))
    scorer = _scorer(scored)
    png = None if scorer is None else marked_image(row, backend.settings.home, scorer)
    if png is None:
        raise Missing(f"{scored.scorer} has nothing to mark on reading {reading} of {campaign_id}")
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=86400"})


def _image_of(backend: Backend, campaign_id: str, reading: int) -> tuple[ReadingRow, FilePath]:
    """A reading that is an image, and where that is.

    Raises:
        Missing: it is none, or it is gone.
    """
    row = backend.journal.reading(reading)
    folder = backend.settings.campaign_folder(row.campaign_id).resolve()
    path = (backend.settings.home / row.path).resolve()
    if row.campaign_id != campaign_id or row.kind != "image" or not path.is_relative_to(folder):
        raise Missing(f"reading {reading} of {campaign_id} is no image")
    if not path.is_file():
        raise Missing(f"the image of reading {reading} is not on the disk any more")
    return row, path


def _scorer(scored: Scored) -> Scorer | None:
    """The scorer of an objective or measurement; None if it is not installed any more."""
    try:
        return scorer_of(scored)
    except (LookupError, ValidationError):
        return None


@campaigns.get("/{campaign_id}/jobs", responses=READING)
def list_jobs(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    *,
    round: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    plate: Annotated[int | None, Query(ge=1, le=1_000)] = None,
    state: JobStatus | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> JobPage:
    """Jobs in the order in which they are due."""
    backend.state(campaign_id)
    found = record.jobs(
        backend.journal,
        campaign_id,
        round=round,
        plate=plate,
        states=[state] if state else [],
        after=after or -1,
        limit=limit + 1,
    )
    items = [JobView.of(row, backend.settings.zone) for _, row in found[:limit]]
    return JobPage(items=items, next=found[limit - 1][0] if len(found) > limit else None)


@campaigns.get("/{campaign_id}/events", responses=READING)
def list_events(
    backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, after: After = 0, limit: Limit = 100
) -> EventPage:
    """What happened, oldest first."""
    backend.state(campaign_id)
    found = backend.journal.events(campaign_id, after, limit=limit + 1)
    items = [EventView.of(row, backend.settings.zone) for row in found[:limit]]
    return EventPage(items=items, next=items[-1].id if len(found) > limit else None)


@campaigns.get("/{campaign_id}/insight", responses=READING)
def insight(backend: TheBackend, viewer: Viewer, campaign_id: CampaignId) -> Insight:
    """What the model makes of the results: the condition to use, what matters, how far to trust it."""
    return backend.insights.of(backend.state(campaign_id)[1])


@campaigns.get(
    "/{campaign_id}/figures/{name}.svg",
    responses=READING | {200: {"content": {"image/svg+xml": {}}, "description": "The figure."}},
    response_class=Response,
)
def one_figure(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    name: Literal["effects", "calibration", "pair-effect", "pareto-front"],
) -> Response:
    """A figure of the model."""
    svg = backend.insights.figure(backend.state(campaign_id)[1], name)
    if svg is None:
        raise Missing(f"there is no figure {name} yet: too little was observed, or the campaign has none")
    return Response(svg, media_type="image/svg+xml")


@campaigns.get(
    "/{campaign_id}/exports/{name}",
    responses=READING | {200: {"content": {kind: {} for kind in _KINDS.values()}, "description": "The file."}},
    response_class=Response,
)
def export(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    name: ExportName,
) -> Response:
    """A file to keep: the tidy table of wells, the event log, the campaign file as it was launched, the report."""
    _, state = backend.state(campaign_id)
    kind = _KINDS[name.rpartition(".")[2]]
    if name == "campaign.yaml":
        return _file(record.file_text(backend.journal, campaign_id).encode(), f"{campaign_id}.yaml", kind)
    if name == "report.html":
        html = report_of(backend.journal, campaign_id, backend.settings)
        return _file(html.encode(), f"{campaign_id}-report.html", kind)
    if name == "events.csv":
        table = events_table(backend.journal.events(campaign_id), backend.settings.zone)
    else:
        table = tidy_table(state)
    content = csv_text(table).encode() if name.endswith(".csv") else parquet_bytes(table)
    return _file(content, f"{campaign_id}-{name}", kind)


def _file(content: bytes, name: str, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def well_history(backend: Backend, campaign_id: str, number: int, plate: int, name: str) -> WellHistory:
    """A well with its readings, what was derived from them, and its events.

    Raises:
        Missing: there is no such well.
    """
    _, state = backend.state(campaign_id)
    for well in round_of(state, number).wells:
        if (well.well.plate, well.well.name) == (plate, name):
            break
    else:
        raise Missing(f"there is no well {name} on plate {plate} of round {number} of {campaign_id}")
    view = well_view(campaign_id, number, well)
    read, observed = record.readings(backend.journal, campaign_id, number, plate, name)
    scorer = _scorer(state.campaign.objective)
    marks = scorer.marks if isinstance(scorer, MarksImages) else ""
    happened = record.latest_events(backend.journal, campaign_id, subject=view.id)
    return WellHistory(
        **view.model_dump(),
        marks=marks,
        readings=[reading_view(row, bool(marks)) for row in read],
        observations=[observation_view(row) for row in observed],
        events=[EventView.of(row, backend.settings.zone) for row in happened],
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
    """Where a campaign stands."""
    last, state = backend.state(campaign_id)
    return campaign_summary(state, last, *_facts(backend, state), backend.settings.zone)


def view_of(backend: Backend, last: int, state: CampaignState) -> CampaignView:
    """The same with parameters, steps and rounds."""
    return campaign_view(state, last, *_facts(backend, state), backend.settings.zone)


def _facts(backend: Backend, state: CampaignState) -> tuple[int, int, datetime | None, str]:
    counts = backend.journal.job_counts(state.id, len(state.rounds)) if state.rounds else {}
    over = sum(number for status, number in counts.items() if status.over)
    return over, sum(counts.values()), backend.journal.last_moment(state.id), trouble_of(backend, state)


def trouble_of(backend: Backend, state: CampaignState) -> str:
    """Why a campaign that is not over is not carried on just now, or nothing."""
    return backend.carrier.troubles.get(state.id, "") if state.status in ("running", "paused") else ""
