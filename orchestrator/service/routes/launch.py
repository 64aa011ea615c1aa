"""Launching over HTTP: check the text of a campaign file, see what it would do, launch it."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from orchestrator.intake.campaign_check import NamedText, checked_campaign, past_observations
from orchestrator.journal.access_tokens import Identity
from orchestrator.journal.queries import EarlierLaunch, earlier_launches
from orchestrator.service.authentication import Operator, TheBackend, Viewer
from orchestrator.service.backend import Backend
from orchestrator.service.idempotency import IdempotencyKey, idempotent
from orchestrator.service.lookup import summary_of
from orchestrator.service.permissions import allowed, project_to_launch_into, visible_ids
from orchestrator.service.preview import launch_preview
from orchestrator.service.problems import ACTING, Refused
from orchestrator.service.schema import (
    CampaignSummary,
    CampaignText,
    Launched,
    LaunchPreview,
    MigratedText,
)
from orchestrator.studies.training import with_simulated_people
from protocols.campaign import Campaign
from protocols.conditions import Observation
from protocols.migration import in_new_form

launching = APIRouter(prefix="/campaigns", tags=["campaigns"])


@launching.post("/validate", responses=ACTING)
def validate(backend: TheBackend, viewer: Viewer, body: CampaignText) -> LaunchPreview:
    """Check a campaign file, and see what it would do; nothing is launched."""
    campaign = _checked(backend, body)
    past = _past(backend, viewer, campaign, body)
    preview = backend.checked(launch_preview, backend.settings.zone, campaign, past)
    launched = [_launched(backend, found) for found in _earlier(backend, viewer, campaign, body)]
    return preview.model_copy(update={"launched": launched})


@launching.post("/migrate", responses=ACTING)
def migrate(backend: TheBackend, viewer: Viewer, body: CampaignText) -> MigratedText:
    """A campaign file of the earlier form, rewritten with outcomes and objectives."""
    return MigratedText(file=backend.checked(in_new_form, body.file))


@launching.post("", status_code=201, responses=ACTING, response_model=CampaignSummary)
def launch(
    request: Request,
    backend: TheBackend,
    who: Operator,
    body: CampaignText,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Launch a campaign from its file; one that was launched already only with `again`.

    It needs the role of an operator in the project, or in the service where it is in none.
    """
    project = project_to_launch_into(who, body.project)
    request_name = f"{who.person} {key}" if key else ""

    def came_of_it() -> CampaignSummary | None:
        campaign_id = backend.journal.created_by(request_name)
        if campaign_id is None:
            return None
        allowed(backend.journal, who, campaign_id)  # it may have been moved since
        return summary_of(backend, campaign_id)

    def act() -> CampaignSummary:
        campaign = _checked(backend, body)
        past = _past(backend, who, campaign, body)
        if not body.again:
            _refuse_same(_earlier(backend, who, campaign, body))
        started = datetime.now(UTC)
        campaign_id = backend.journal.create_campaign(
            campaign, body.file, past, started, who.person, request_name, project
        )
        backend.changed(campaign_id)
        return summary_of(backend, campaign_id)

    return idempotent(backend.journal, who, key, request, body, 201, act, came_of_it)


def _checked(backend: Backend, body: CampaignText) -> Campaign:
    """The campaign of a text from HTTP, which may name no file or interpreter of this host."""
    file = NamedText(body.file, "campaign file")
    campaign = backend.checked(
        checked_campaign, file, backend.settings, backend.lab, from_afar=True
    )
    if body.simulated_people:
        campaign = with_simulated_people(campaign)
    return campaign if body.seed is None else campaign.model_copy(update={"seed": body.seed})


def _past(
    backend: Backend, who: Identity, campaign: Campaign, body: CampaignText
) -> list[Observation]:
    """What a campaign starts from, of a campaign that somebody may see or of a table."""
    if (earlier := campaign.past_results.campaign) is not None:
        allowed(backend.journal, who, earlier)
    return past_observations(backend.journal, campaign, _table(body))[0]


def _earlier(
    backend: Backend, who: Identity, campaign: Campaign, body: CampaignText
) -> list[EarlierLaunch]:
    """The campaigns of this name that somebody may see."""
    seen = visible_ids(backend.journal, who)
    found = earlier_launches(backend.journal, campaign, body.file)
    return [launch for launch in found if launch.id in seen]


def _table(body: CampaignText) -> NamedText | None:
    return None if body.past_results is None else NamedText(body.past_results, "past results")


def _launched(backend: Backend, found: EarlierLaunch) -> Launched:
    """An earlier launch, by the lab's time."""
    return Launched(
        **found._asdict() | {"started_at": found.started_at.astimezone(backend.settings.zone)}
    )


def _refuse_same(earlier: list[EarlierLaunch]) -> None:
    """Refuse to launch once more what was launched already.

    Raises:
        Refused: it was.
    """
    same = [found for found in earlier if found.same]
    if same:
        named = ", ".join(f"{found.id} ({found.status})" for found in same)
        raise Refused(409, f"this campaign was launched already: {named}. `again` launches it anew")
