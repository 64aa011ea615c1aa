"""What charts are drawn from, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator

from orchestrator.journal import queries
from orchestrator.languages import current
from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.charts import comparison_chart, wells_chart
from orchestrator.service.lookup import round_of
from orchestrator.service.model_charts import (
    calibration_chart,
    front_chart,
    slices_chart,
    surface_chart,
)
from orchestrator.service.permissions import allowed
from orchestrator.service.problems import READING
from orchestrator.service.requests import CampaignId
from orchestrator.service.schema.charts import (
    MOST_COMPARED,
    CalibrationChart,
    ComparisonChart,
    FrontChart,
    SlicesChart,
    SurfaceChart,
    TelemetryChart,
    TimelineChart,
    WellsChart,
)
from orchestrator.service.telemetry import telemetry_chart
from orchestrator.service.timeline import timeline_chart

THUMBNAIL_PX = 288
"""As large as pages show images beside charts, on fine screens."""

charts = APIRouter(tags=["charts"])

_Name = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
_Outcome = Annotated[
    str | None,
    Query(
        pattern=r"^[a-z][a-z0-9_]*$",
        max_length=100,
        description="One that is wanted or constrained; the first objective's if absent.",
    ),
]


def _few(names: list[str]) -> list[str]:
    if len(set(names)) > MOST_COMPARED:
        raise ValueError(f"{len(set(names))} campaigns (expected at most {MOST_COMPARED})")
    return list(dict.fromkeys(names))


@charts.get("/campaigns/{campaign_id}/charts/wells", responses=READING, response_model=WellsChart)
def wells(backend: TheBackend, viewer: Viewer, campaign_id: CampaignId) -> Response:
    """Every trusted value by well, with axes for parameters and outcomes, and rounds."""
    last, state = backend.state(campaign_id)

    def draw() -> str:
        images = queries.latest_images(backend.journal, campaign_id)
        base = f"/api/v1/campaigns/{campaign_id}/readings"
        at = {
            place: f"{base}/{reading}/preview?size={THUMBNAIL_PX}"
            for place, reading in images.items()
        }
        return wells_chart(state, at).model_dump_json()

    text = backend.cache.of(f"wells chart {campaign_id} in {current()}", last, draw)
    return Response(text, media_type="application/json")


@charts.get("/campaigns/{campaign_id}/charts/slices", responses=READING)
def slices(
    backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, outcome: _Outcome = None
) -> SlicesChart:
    """The model along each parameter, through the recommended condition."""
    state = backend.state(campaign_id)[1]
    of = outcome or state.campaign.outcome.name
    insight = backend.insights.of(state)
    return backend.insights.kept(state, f"slices {of}", lambda: slices_chart(state, of, insight))


@charts.get("/campaigns/{campaign_id}/charts/surface", responses=READING)
def surface(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    first: _Name,
    second: _Name,
    outcome: _Outcome = None,
) -> SurfaceChart:
    """The model over two parameters, averaged over the others, with its uncertainty."""
    state = backend.state(campaign_id)[1]
    of = outcome or state.campaign.outcome.name
    return backend.insights.kept(
        state, f"surface {of} {first} {second}", lambda: surface_chart(state, of, first, second)
    )


@charts.get("/campaigns/{campaign_id}/charts/calibration", responses=READING)
def calibration(
    backend: TheBackend, viewer: Viewer, campaign_id: CampaignId, outcome: _Outcome = None
) -> CalibrationChart:
    """Measured values against what the model says of each from all the others."""
    state = backend.state(campaign_id)[1]
    of = outcome or state.campaign.outcome.name
    return backend.insights.kept(state, f"calibration {of}", lambda: calibration_chart(state, of))


@charts.get("/campaigns/{campaign_id}/charts/front", responses=READING)
def front(backend: TheBackend, viewer: Viewer, campaign_id: CampaignId) -> FrontChart:
    """Of several objectives, the conditions that no other beats in all of them."""
    state = backend.state(campaign_id)[1]
    return front_chart(state, backend.insights.of(state))


@charts.get("/campaigns/{campaign_id}/charts/timeline", responses=READING)
def timeline(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    number: Annotated[int, Query(alias="round", ge=1, le=10_000)],
) -> TimelineChart:
    """When robots were to work in a round, and when they did."""
    state = backend.state(campaign_id)[1]
    round_of(state, number)
    return timeline_chart(backend.journal, state, number, backend.settings.zone)


@charts.get("/campaigns/{campaign_id}/charts/telemetry", responses=READING)
def telemetry(
    backend: TheBackend,
    viewer: Viewer,
    campaign_id: CampaignId,
    job: Annotated[str, Query(min_length=1, max_length=200)],
    unit: Annotated[str, Query(max_length=50)] = "",
) -> TelemetryChart:
    """What a robot measured of itself during a job, in one unit."""
    return telemetry_chart(backend.journal, campaign_id, job, unit)


@charts.get("/charts/comparison", responses=READING)
def comparison(
    backend: TheBackend,
    viewer: Viewer,
    campaign: Annotated[
        list[Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80)]],
        Query(min_length=1, max_length=200),
        AfterValidator(_few),
    ],
) -> ComparisonChart:
    """The best so far of several campaigns, after each of their rounds."""
    for name in campaign:
        allowed(backend.journal, viewer, name)
    return comparison_chart([backend.state(name)[1] for name in campaign])
