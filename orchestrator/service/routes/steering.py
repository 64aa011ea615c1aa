"""Steering over HTTP: operators' acts on campaigns, wells and jobs; person and reason go into the event log."""

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from orchestrator.control import operators as control
from orchestrator.control.handover import hand_over
from orchestrator.control.operators import Place
from orchestrator.errors import JournalError, Missing
from orchestrator.journal.access_tokens import Identity
from orchestrator.lab.lab import Lab
from orchestrator.service.authentication import Operator, TheBackend
from orchestrator.service.backend import Backend
from orchestrator.service.idempotency import IdempotencyKey, once
from orchestrator.service.problems import ACTING
from orchestrator.service.requests import (
    Body,
    CampaignId,
    HandOver,
    HandReading,
    JobDecision,
    PlateNumber,
    ProposalEdit,
    ReadingsTable,
    Requeue,
    RoundNumber,
    Rounds,
    WellName,
    Why,
)
from orchestrator.service.routes.campaigns import summary_of, well_history
from orchestrator.service.views import CampaignSummary, View, WellHistory
from protocols.errors import InvalidInput, Problem

steering = APIRouter(prefix="/campaigns/{campaign_id}", tags=["steering"])

_COLUMNS = ("round", "plate", "well", "value")


class Stopped(View):
    """Which robots were stopped, and why others could not be."""

    stopped: list[str]
    not_stopped: dict[str, str]


class Entered(View):
    """How many wells were given a value."""

    wells: int


def _acted(
    request: Request,
    backend: Backend,
    who: Identity,
    key: str | None,
    body: Body,
    campaign_id: str,
    act: Callable[[Lab], Any],
) -> JSONResponse:
    def carried_out() -> CampaignSummary:
        act(backend.acting(campaign_id))
        backend.changed(campaign_id)
        return summary_of(backend, campaign_id)

    return once(backend.journal, who, key, request, body, 200, carried_out)


def _plain(word: str, act: Callable[[Lab, str, str, str], Any], summary: str) -> None:
    """A route for an act that takes nothing but its reason."""

    @steering.post(f"/{word}", responses=ACTING, response_model=CampaignSummary, name=word, summary=summary)
    def route(
        request: Request,
        backend: TheBackend,
        who: Operator,
        campaign_id: CampaignId,
        body: Why,
        key: IdempotencyKey = None,
    ) -> JSONResponse:
        acted = lambda lab: act(lab, campaign_id, who.person, body.why)  # noqa: E731
        return _acted(request, backend, who, key, body, campaign_id, acted)


_plain("pause", control.pause, "Send no more jobs; robots finish what they have.")
_plain("resume", control.unpause, "Let a paused campaign go on.")
_plain("abort", control.abort, "End a campaign for good; robots finish what they have.")
_plain("approve", control.approve, "Let the robots have the batch that waits for approval.")


@steering.post("/stop-now", responses=ACTING)
def stop_now(backend: TheBackend, who: Operator, campaign_id: CampaignId, body: Why) -> Stopped:
    """Stop the robots at once, then pause the campaign; may be sent as often as one likes."""
    _, state = backend.state(campaign_id)
    unstopped = backend.carrier.stop_now(campaign_id, who.person, body.why)
    backend.changed(campaign_id)
    return Stopped(stopped=[r for r in state.campaign.robots if r not in unstopped], not_stopped=unstopped)


@steering.post("/rounds", responses=ACTING, response_model=CampaignSummary)
def set_rounds(
    request: Request,
    backend: TheBackend,
    who: Operator,
    campaign_id: CampaignId,
    body: Rounds,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Raise or lower how many rounds the campaign is to have; a finished one goes on if it is raised."""
    act = lambda lab: control.set_rounds(lab, campaign_id, body.rounds, who.person, body.why)  # noqa: E731
    return _acted(request, backend, who, key, body, campaign_id, act)


@steering.post("/hand-over", responses=ACTING, response_model=CampaignSummary)
def give_plates(
    request: Request,
    backend: TheBackend,
    who: Operator,
    campaign_id: CampaignId,
    body: HandOver,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Give what a robot has not begun in this round to one that shares its steps; the campaign must be paused."""
    act = lambda lab: hand_over(lab, campaign_id, body.robot, body.to, who.person, body.why)  # noqa: E731
    return _acted(request, backend, who, key, body, campaign_id, act)


@steering.post("/decisions", responses=ACTING, response_model=CampaignSummary)
def decide(
    request: Request,
    backend: TheBackend,
    who: Operator,
    campaign_id: CampaignId,
    body: JobDecision,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Say what became of a job in doubt, or whether a late one is still to be sent."""

    def act(lab: Lab) -> None:
        if body.job.split("/")[0] != campaign_id:
            raise Missing(f"there is no job {body.job!r} in campaign {campaign_id}")
        control.decide(lab, body.job, body.decision, who.person, body.why, body.failed_wells)

    return _acted(request, backend, who, key, body, campaign_id, act)


@steering.post("/requeue", responses=ACTING, response_model=CampaignSummary)
def requeue(
    request: Request,
    backend: TheBackend,
    who: Operator,
    campaign_id: CampaignId,
    body: Requeue,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Have the conditions of lost wells tried once more in the next round that is planned."""
    places = [Place(w.round, w.plate, w.well) for w in body.wells]
    act = lambda lab: control.requeue(lab, campaign_id, places, who.person, body.why)  # noqa: E731
    return _acted(request, backend, who, key, body, campaign_id, act)


@steering.post("/rounds/{number}/wells/{plate}/{well}/proposal", responses=ACTING, response_model=WellHistory)
def edit_proposal(
    request: Request,
    backend: TheBackend,
    who: Operator,
    campaign_id: CampaignId,
    number: RoundNumber,
    plate: PlateNumber,
    well: WellName,
    body: ProposalEdit,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Change what a well of a batch that waits for approval is to get, or leave it empty."""

    def act() -> WellHistory:
        place = Place(number, plate, well)
        if body.leave_empty == bool(body.values):
            raise JournalError("an edit either gives other values or leaves the well empty (expected one of the two)")
        if body.leave_empty:
            control.leave_empty(backend.acting(campaign_id), campaign_id, place, who.person, body.why)
        else:
            lab = backend.acting(campaign_id)
            control.edit_proposal(lab, campaign_id, place, body.values, who.person, body.why)
        backend.changed(campaign_id)
        return well_history(backend, campaign_id, number, plate, well)

    return once(backend.journal, who, key, request, body, 200, act)


@steering.post("/rounds/{number}/wells/{plate}/{well}/reading", responses=ACTING, response_model=WellHistory)
def enter_reading(
    request: Request,
    backend: TheBackend,
    who: Operator,
    campaign_id: CampaignId,
    number: RoundNumber,
    plate: PlateNumber,
    well: WellName,
    body: HandReading,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Enter the value of a well by hand, or exclude it; what was there before stays beside it."""

    def act() -> WellHistory:
        values = {Place(number, plate, well): body.value}
        control.correct_wells(backend.acting(campaign_id), campaign_id, values, who.person, body.why)
        backend.changed(campaign_id)
        return well_history(backend, campaign_id, number, plate, well)

    return once(backend.journal, who, key, request, body, 200, act)


@steering.post("/readings", responses=ACTING, response_model=Entered)
def upload_readings(
    request: Request,
    backend: TheBackend,
    who: Operator,
    campaign_id: CampaignId,
    body: ReadingsTable,
    key: IdempotencyKey = None,
) -> JSONResponse:
    """Enter the values of many wells from a table; all of them or, if one is wrong, none."""

    def act() -> Entered:
        values = _values(body.csv)
        control.correct_wells(backend.acting(campaign_id), campaign_id, values, who.person, body.why)
        backend.changed(campaign_id)
        return Entered(wells=len(values))

    return once(backend.journal, who, key, request, body, 200, act)


def _values(text: str) -> Mapping[Place, float]:
    """The wells of a table and their values.

    Raises:
        InvalidInput: with every line that cannot be used.
    """
    if "\x00" in text:
        raise InvalidInput([Problem(where="readings", message="this is no text", expected="CSV")])
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames is None or set(_COLUMNS) - set(rows.fieldnames):
        message = f"the header is {', '.join(rows.fieldnames or []) or 'empty'}"
        raise InvalidInput([Problem(where="readings", line=1, message=message, expected=", ".join(_COLUMNS))])
    values: dict[Place, float] = {}
    problems: list[Problem] = []
    try:
        for row in rows:
            place_and_value = _row(row)
            if place_and_value is None or place_and_value[0] in values:
                shown = ",".join(str(row[name] or "") for name in _COLUMNS)[:80]
                message = f"{shown!r} cannot be used" if place_and_value is None else f"{shown!r} names a well twice"
                expected = "a round, a plate, a well such as B2, and a value from 0 to 1"
                problems.append(Problem(where="readings", line=rows.line_num, message=message, expected=expected))
            else:
                values[place_and_value[0]] = place_and_value[1]
    except csv.Error as error:
        problems.append(Problem(where="readings", line=rows.line_num, message=str(error), expected="CSV"))
    if not values and not problems:
        problems.append(Problem(where="readings", line=2, message="there is no row", expected="a row for each well"))
    if problems:
        raise InvalidInput(problems)
    return values


def _row(row: Mapping[str, str | None]) -> tuple[Place, float] | None:
    try:
        place = Place(int(row["round"] or ""), int(row["plate"] or ""), (row["well"] or "").strip())
        value = float(row["value"] or "")
    except ValueError:
        return None
    sound = 1 <= place.round <= 10_000 and 1 <= place.plate <= 1_000 and 0 <= value <= 1
    return (place, value) if sound and place.well else None
