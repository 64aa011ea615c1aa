"""The pages of jobs: when robots work in a round, and one job with its operations."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from orchestrator.languages import gettext
from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.dashboard.rendering import page, rendered
from orchestrator.service.lookup import job_history, round_of, view_of
from orchestrator.service.requests import CampaignId, JobName
from orchestrator.service.timeline import timeline_chart

job_pages = APIRouter(include_in_schema=False)


@job_pages.get("/campaigns/{campaign_id}/jobs")
def jobs(
    request: Request,
    backend: TheBackend,
    who: Viewer,
    campaign_id: CampaignId,
    round_number: Annotated[int | None, Query(alias="round", ge=1, le=10_000)] = None,
) -> Response:
    """The jobs of a round, as a timeline and as a table."""
    last, state = backend.state(campaign_id)
    number = round_number or len(state.rounds)
    chart = None
    if number:
        round_of(state, number)
        chart = timeline_chart(backend.journal, state, number, backend.settings.zone)
    content = rendered(
        "jobs.html", campaign=view_of(backend, last, state), chart=chart, number=number, last=last
    )
    title = gettext("Jobs of {campaign}", campaign=campaign_id)
    return page(request, who, title, content, live=campaign_id, last=last, here="campaigns")


@job_pages.get("/campaigns/{campaign_id}/jobs/{job:path}")
def one_job(
    request: Request, backend: TheBackend, who: Viewer, campaign_id: CampaignId, job: JobName
) -> Response:
    """A job: what it asks of its robot, and what happened."""
    last, state = backend.state(campaign_id)
    found = job_history(backend, campaign_id, job)
    content = rendered("job.html", job=found, campaign=view_of(backend, last, state))
    return page(request, who, found.key, content, live=campaign_id, last=last, here="campaigns")
