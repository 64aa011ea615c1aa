"""Launching over HTTP: check the text of a campaign file, see what it would do, launch it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from drivers.registry import clock as clock_named
from orchestrator.core.lifecycle import first_day
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import WellState
from orchestrator.intake.campaign_check import NamedText, checked_campaign, past_observations
from orchestrator.intake.past_results import not_tried_again
from orchestrator.service.authentication import Operator, TheBackend, Viewer
from orchestrator.service.backend import Backend
from orchestrator.service.bounded import bounded
from orchestrator.service.idempotency import IdempotencyKey, idempotent
from orchestrator.service.lookup import summary_of
from orchestrator.service.problems import ACTING
from orchestrator.service.schema import (
    CampaignSummary,
    CampaignText,
    LaunchPreview,
    LiquidPlan,
    StepPlan,
)
from orchestrator.service.views import well_view
from protocols.campaign import Campaign
from protocols.compile import compile_jobs
from protocols.conditions import Observation

launching = APIRouter(prefix="/campaigns", tags=["campaigns"])


@launching.post("/validate", responses=ACTING)
def validate(backend: TheBackend, viewer: Viewer, body: CampaignText) -> LaunchPreview:
    """Check a campaign file, and see what it would do; nothing is launched."""
    campaign = _checked(backend, body)
    past, _share = past_observations(backend.journal, campaign, _table(body))
    return bounded(launch_preview, backend.settings.zone, campaign, past)


@launching.post("", status_code=201, responses=ACTING, response_model=CampaignSummary)
def launch(
    request: Request,
    backend: TheBackend,
    who: Operator,
    body: CampaignText,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Launch a campaign from its file."""
    request_name = f"{who.person} {key}" if key else ""

    def came_of_it() -> CampaignSummary | None:
        campaign_id = backend.journal.created_by(request_name)
        return None if campaign_id is None else summary_of(backend, campaign_id)

    def act() -> CampaignSummary:
        campaign = _checked(backend, body)
        past, _ = past_observations(backend.journal, campaign, _table(body))
        started = datetime.now(UTC)
        campaign_id = backend.journal.create_campaign(
            campaign, body.file, past, started, who.person, request_name
        )
        backend.changed(campaign_id)
        return summary_of(backend, campaign_id)

    return idempotent(backend.journal, who, key, request, body, 201, act, came_of_it)


def _checked(backend: Backend, body: CampaignText) -> Campaign:
    """The campaign of a text from HTTP, which may name no file or interpreter of this host."""
    file = NamedText(body.file, "campaign file")
    campaign = bounded(checked_campaign, file, backend.settings, backend.lab, from_afar=True)
    return campaign if body.seed is None else campaign.model_copy(update={"seed": body.seed})


def _table(body: CampaignText) -> NamedText | None:
    return None if body.past_results is None else NamedText(body.past_results, "past results")


def launch_preview(
    zone: ZoneInfo, campaign: Campaign, past: Sequence[Observation]
) -> LaunchPreview:
    """What a campaign would do in its first round, had it been launched now."""
    clock = clock_named("real", zone=zone)
    start = first_day(campaign, clock.now())
    plan = plan_round(campaign, 1, past)
    jobs = list(compile_jobs(campaign, campaign.name, plan.layout, start))
    counts, days = Counter(job.step for job in jobs), campaign.protocol.days_by_step
    volumes: defaultdict[str, float] = defaultdict(float)
    for job in jobs:
        for operation in job.operations:
            if operation.added is not None:
                volumes[operation.added.name] += operation.added.volume_ul
    return LaunchPreview(
        name=campaign.name,
        title=campaign.title or campaign.name,
        parameters=len(campaign.parameters),
        rounds=campaign.stop.rounds,
        wells=len(plan.layout.placements),
        days=campaign.protocol.last_day + 1,
        first_day=start,
        last_day=max((job.due_at for job in jobs), default=start),
        past_results=len(past),
        layout=[
            well_view(campaign.name, 1, WellState(well=p.well, proposal=p.proposal))
            for p in plan.layout.placements
        ],
        steps=[
            StepPlan(
                step=s.name,
                title=s.title,
                robots=list(s.robots),
                days=sorted(set(days[s.name])),
                jobs=counts[s.name],
            )
            for s in campaign.protocol.steps
        ],
        liquids=[
            LiquidPlan(liquid=name, volume_ul=volume) for name, volume in sorted(volumes.items())
        ],
        notices=[*not_tried_again(campaign, past), *plan.notices],
    )
