"""Campaigns over HTTP: rounds with proposals and wells, jobs, events, insight, exports."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response

from orchestrator.core.state import CampaignStatus, JobStatus
from orchestrator.errors import Missing
from orchestrator.journal import queries
from orchestrator.journal.campaign_list import Selection
from orchestrator.languages import current, speaking
from orchestrator.results.report import report_of
from orchestrator.results.tables import csv_text, events_table, parquet_bytes, tidy_table
from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.lookup import (
    fault_of,
    job_history,
    round_of,
    summary_of_listed,
    view_of,
    well_history,
)
from orchestrator.service.permissions import visible, visible_ids
from orchestrator.service.problems import READING
from orchestrator.service.requests import (
    After,
    CampaignId,
    JobName,
    Limit,
    PlateNumber,
    RoundNumber,
    WellName,
)
from orchestrator.service.schema import (
    CampaignPage,
    CampaignView,
    EventPage,
    Insight,
    JobHistory,
    JobPage,
    RoundView,
    WellHistory,
)
from orchestrator.service.views import event_view, job_view, round_view

ExportName = Literal["wells.csv", "wells.parquet", "events.csv", "campaign.yaml", "report.html"]
_KINDS = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "yaml": "application/yaml",
    "html": "text/html",
}

campaigns = APIRouter(prefix="/campaigns", tags=["campaigns"])


@campaigns.get("", responses=READING)
def list_campaigns(
    backend: TheBackend,
    viewer: Viewer,
    limit: Limit = 50,
    before: Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80)] = None,
    *,
    search: Annotated[
        str, Query(max_length=200, description="Words in title, id, parameters, project or tags.")
    ] = "",
    status: CampaignStatus | None = None,
    project: Annotated[str | None, Query(max_length=60, description="Empty: in none.")] = None,
    tag: Annotated[str, Query(max_length=60)] = "",
    archived: Annotated[bool | None, Query(description="Both if absent.")] = None,
) -> CampaignPage:
    """Campaigns, newest first: every one, or those that are looked for."""
    chosen = Selection(search, status, project, tag, archived)
    there = visible(backend.journal, viewer)
    found = [campaign for campaign in there if chosen.takes(campaign)]
    if before is not None:
        ids = [campaign.id for campaign in found]
        if before not in ids:
            raise Missing(f"there is no campaign {before!r} to go on from")
        found = found[ids.index(before) + 1 :]
    items = [summary_of_listed(backend, campaign) for campaign in found[:limit]]
    return CampaignPage(items=items, next=found[limit - 1].id if len(found) > limit else None)


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
    version = last, fault_of(backend, state)
    text = backend.cache.of(
        f"view {state.id}", version, lambda: view_of(backend, last, state).model_dump_json()
    )
    return Response(text, media_type="application/json", headers={"ETag": tag})


@campaigns.get("/{campaign_id}/rounds/{number}", responses=READING)
def one_round(
    backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, number: RoundNumber
) -> RoundView:
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


@campaigns.get("/{campaign_id}/jobs", responses=READING)
def list_jobs(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    *,
    round_number: Annotated[int | None, Query(alias="round", ge=1, le=10_000)] = None,
    plate: Annotated[int | None, Query(ge=1, le=1_000)] = None,
    state: JobStatus | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> JobPage:
    """Jobs in the order in which they are due."""
    backend.state(campaign_id)
    found = queries.jobs(
        backend.journal,
        campaign_id,
        round_number=round_number,
        plate=plate,
        states=[state] if state else [],
        after=after or -1,
        limit=limit + 1,
    )
    items = [job_view(row, backend.settings.zone) for _, row in found[:limit]]
    return JobPage(items=items, next=found[limit - 1][0] if len(found) > limit else None)


@campaigns.get("/{campaign_id}/jobs/{job:path}", responses=READING)
def one_job(
    backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, job: JobName
) -> JobHistory:
    """A job with its operations in words and its events."""
    return job_history(backend, campaign_id, job)


@campaigns.get("/{campaign_id}/events", responses=READING)
def list_events(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    after: After = 0,
    limit: Limit = 100,
) -> EventPage:
    """What happened, oldest first."""
    backend.state(campaign_id)
    found = backend.journal.events(campaign_id, after, limit=limit + 1)
    items = [event_view(row, backend.settings.zone) for row in found[:limit]]
    return EventPage(items=items, next=items[-1].id if len(found) > limit else None)


@campaigns.get("/{campaign_id}/insight", responses=READING)
def insight(backend: TheBackend, viewer: Viewer, campaign_id: CampaignId) -> Insight:
    """The model's results: the condition to use, what matters, how far to trust it."""
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
    name: Literal["effects", "calibration", "pair-effect", "pareto-front", "trade-off"],
) -> Response:
    """A figure of the model."""
    svg = backend.insights.figure(backend.state(campaign_id)[1], name)
    if svg is None:
        raise Missing(
            f"there is no figure {name} yet: too little was observed, or the campaign has none"
        )
    return Response(svg, media_type="image/svg+xml")


@campaigns.get(
    "/{campaign_id}/exports/{name}",
    responses=READING
    | {200: {"content": {kind: {} for kind in _KINDS.values()}, "description": "The file."}},
    response_class=Response,
)
def export(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    name: ExportName,
    language: Annotated[
        Literal["en", "ja", "ko"] | None,
        Query(description="Of the report; what the request asks for if absent."),
    ] = None,
) -> Response:
    """An export: the table of wells, the event log, the campaign file, or the report."""
    _, state = backend.state(campaign_id)
    kind = _KINDS[name.rpartition(".")[2]]
    if name == "campaign.yaml":
        return _file(
            queries.file_text(backend.journal, campaign_id).encode(), f"{campaign_id}.yaml", kind
        )
    if name == "report.html":
        seen = visible_ids(backend.journal, viewer)
        with speaking(language or current()):
            html = report_of(backend.journal, campaign_id, backend.settings, seen)
        return _file(html.encode(), f"{campaign_id}-report.html", kind)
    if name == "events.csv":
        table = events_table(backend.journal.events(campaign_id), backend.settings.zone)
    else:
        table = tidy_table(state)
    content = csv_text(table).encode() if name.endswith(".csv") else parquet_bytes(table)
    return _file(content, f"{campaign_id}-{name}", kind)


def _file(content: bytes, name: str, kind: str) -> Response:
    return Response(
        content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
