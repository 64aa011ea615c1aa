"""Steering over HTTP: a route for each act; person and reason go into the event log."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, create_model

from orchestrator.control.act import Act, Answer, WellAct, perform
from orchestrator.control.describe import path_of
from orchestrator.control.suggestions import take
from orchestrator.core.by import By
from orchestrator.journal.access_tokens import Identity
from orchestrator.service.authentication import Operator, TheBackend, at_least
from orchestrator.service.backend import Backend
from orchestrator.service.idempotency import IdempotencyKey, idempotent
from orchestrator.service.lookup import summary_of, well_history
from orchestrator.service.permissions import allowed_in_its_transaction
from orchestrator.service.problems import ACTING
from orchestrator.service.requests import CampaignId, PlateNumber, RoundNumber, WellName
from orchestrator.service.schema import CampaignSummary, Entered, Stopped, WellHistory, Why
from protocols.addresses import WellPlace

SuggestionNumber = Annotated[
    int | None, Query(ge=1, description="the suggestion that this act follows, if it does")
]
_ANSWERS: dict[Answer, type[BaseModel]] = {
    "campaign": CampaignSummary,
    "well": WellHistory,
    "entered": Entered,
}


def steering(acts: Sequence[type[Act]]) -> APIRouter:
    """The routes of acts, and of stopping the robots of a campaign."""
    router = APIRouter(prefix="/campaigns/{campaign_id}", tags=["steering"])
    for act in acts:
        if issubclass(act, WellAct):
            _add_well_route(router, act)
        else:
            _add_campaign_route(router, act)

    @router.post("/stop-now", responses=ACTING)
    def stop_now(backend: TheBackend, who: Operator, campaign_id: CampaignId, body: Why) -> Stopped:
        """Stop the robots at once, then pause the campaign; may be sent as often as one likes."""
        _, state = backend.state(campaign_id)
        unstopped = backend.supervisor.stop_now(campaign_id, By(who.person, body.why))
        backend.changed(campaign_id)
        return Stopped(
            stopped=[r for r in state.campaign.robots if r not in unstopped], not_stopped=unstopped
        )

    return router


def body_of(act: type[Act]) -> type[BaseModel]:
    """The body of an act's request: its fields without what its path says."""
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in act.model_fields.items()
        if name != "place"
    }
    if len(fields) == len(act.model_fields):
        return act
    return create_model(
        f"{act.__name__}Body", __config__=act.model_config, __doc__=act.__doc__, **fields
    )


def _add_campaign_route(router: APIRouter, act: type[Act]) -> None:
    def route(
        request: Request,
        backend: TheBackend,
        campaign_id: CampaignId,
        who: Identity,
        body: Act,
        key: IdempotencyKey = None,
        suggestion: SuggestionNumber = None,
    ) -> JSONResponse:
        return _performed(request, backend, who, key, body, campaign_id, body, suggestion)

    _add(router, act, route)


def _add_well_route(router: APIRouter, act: type[WellAct]) -> None:
    def route(
        request: Request,
        backend: TheBackend,
        campaign_id: CampaignId,
        number: RoundNumber,
        plate: PlateNumber,
        well: WellName,
        who: Identity,
        body: BaseModel,
        key: IdempotencyKey = None,
        suggestion: SuggestionNumber = None,
    ) -> JSONResponse:
        place = WellPlace(round=number, plate=plate, well=well)
        done = act.model_validate({**body.model_dump(), "place": place})
        return _performed(request, backend, who, key, body, campaign_id, done, suggestion)

    _add(router, act, route)


def _add(router: APIRouter, act: type[Act], route: Callable[..., JSONResponse]) -> None:
    route.__annotations__ |= {
        "body": body_of(act),
        "who": Annotated[Identity, Depends(at_least(act.role))],
    }
    summary, _, more = (act.__doc__ or "").partition("\n")
    router.add_api_route(
        path_of(act),
        route,
        methods=["POST"],
        responses=ACTING,
        response_model=_ANSWERS[act.answer],
        name=act.name,
        summary=summary,
        description="\n".join(line.strip() for line in more.splitlines()).strip(),
    )


def _performed(
    request: Request,
    backend: Backend,
    who: Identity,
    key: str | None,
    body: BaseModel,
    campaign_id: str,
    act: Act,
    suggestion: int | None,
) -> JSONResponse:
    def answer() -> BaseModel:
        taking = None if suggestion is None else partial(take, number=suggestion)
        outcome = perform(
            backend.acting(campaign_id),
            campaign_id,
            act,
            who.person,
            taking,
            partial(allowed_in_its_transaction, who),
        )
        backend.changed(campaign_id)
        if act.answer == "entered":
            return Entered(wells=len(outcome))
        if isinstance(act, WellAct):
            return well_history(
                backend, campaign_id, act.place.round, act.place.plate, act.place.well
            )
        return summary_of(backend, campaign_id)

    return idempotent(backend.journal, who, key, request, body, 200, answer)
