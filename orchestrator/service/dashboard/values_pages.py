"""The page on which people enter the values of a round's wells."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from orchestrator.errors import Missing
from orchestrator.languages import gettext
from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.dashboard.rendering import page, rendered
from orchestrator.service.lookup import round_of, view_of
from orchestrator.service.requests import CampaignId
from orchestrator.service.views import round_view

values_pages = APIRouter(include_in_schema=False)


@values_pages.get("/campaigns/{campaign_id}/values")
def values(
    request: Request,
    backend: TheBackend,
    who: Viewer,
    campaign_id: CampaignId,
    round_number: Annotated[int | None, Query(alias="round", ge=1, le=10_000)] = None,
) -> Response:
    """A field for every value of a round that a person enters, and what is there already."""
    last, state = backend.state(campaign_id)
    if not state.rounds:
        raise Missing(f"campaign {campaign_id} has no round yet: there is nothing to enter")
    view = view_of(backend, last, state)
    asked = [outcome for outcome in view.outcomes if outcome.by_hand]
    if not asked:
        raise Missing(f"no outcome of {campaign_id} is entered by hand")
    batch = round_of(state, round_number or len(state.rounds))
    content = rendered(
        "values.html",
        campaign=view,
        round=round_view(state, batch, backend.settings.zone),
        outcomes=asked,
        main=state.campaign.outcome.name,
        covariates=state.campaign.covariates,
        proposed=batch.proposed,
    )
    title = gettext("Values of round {number}", number=batch.number)
    return page(request, who, title, content, live=campaign_id, last=last, here="campaigns")
