"""The dashboard: its pages; what people do there goes through the API."""

from collections.abc import Hashable, Sequence
from functools import cache
from importlib.resources import files
from itertools import permutations
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs
from zlib import crc32

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from orchestrator.control.table import ACTS
from orchestrator.core.state import CampaignState, CampaignStatus
from orchestrator.journal import queries as record
from orchestrator.journal.access_tokens import Denied, Identity, Role, UnknownToken
from orchestrator.journal.campaign_list import Listed, Selection, listed
from orchestrator.languages import gettext
from orchestrator.service.authentication import (
    COOKIE,
    Admin,
    TheBackend,
    Viewer,
    address_of,
    identity,
)
from orchestrator.service.backend import Backend
from orchestrator.service.charts import comparison_chart
from orchestrator.service.dashboard import charts
from orchestrator.service.dashboard.dialogs import further_acts
from orchestrator.service.dashboard.overview import Looked, shown_on
from orchestrator.service.dashboard.rendering import html, kept, page, rendered
from orchestrator.service.dashboard.sessions import inside, login_page, redirected
from orchestrator.service.lab_robots import decks_of, robots_of
from orchestrator.service.lookup import (
    fault_of,
    round_of,
    view_of,
    well_history,
)
from orchestrator.service.needs import all_needs
from orchestrator.service.permissions import allowed, operated, visible
from orchestrator.service.requests import CampaignId, PlateNumber, RoundNumber, WellName
from orchestrator.service.schema.charts import MOST_COMPARED
from orchestrator.service.views import event_view, round_view
from protocols.conditions import Value

pages = APIRouter(include_in_schema=False)


STATIC = StaticFiles(directory=Path(__file__).with_name("static"))
EXAMPLES = "wellwise.examples"
"""Where the wheel, or an editable install, has the folder of examples."""

_FEED, _ACTS = 60, 200


def _seen(backend: Backend, everything: Sequence[Listed]) -> tuple[int, Hashable]:
    """The latest event of all campaigns, and the version of pages of them."""
    faults = tuple(sorted(backend.supervisor.faults.items()))
    version = tuple((one.id, one.last_event) for one in everything), faults
    return max((one.last_event for one in everything), default=0), version


def _of(who: Identity) -> str:
    """What tells contents for people with roles in projects apart; all others see the same."""
    return f" of {who.role} {sorted(who.projects.items())}" if who.projects else ""


def _only_seen(who: Identity, seen: Sequence[Listed]) -> frozenset[str]:
    """Which campaigns somebody with roles in projects sees and may not act on.

    To those without, all are alike: the style sheet hides buttons from viewers.
    """
    if not who.projects:
        return frozenset()
    roles = {one.id: who.role_in(one.filing.project) for one in seen}
    return frozenset(name for name, role in roles.items() if role < Role.OPERATOR)


def problem_page(title: str, detail: str) -> str:
    """The page of a request that is refused."""
    return rendered("problem.html", title=title, detail=detail)


@pages.get("/")
def overview(
    request: Request,
    backend: TheBackend,
    who: Viewer,
    search: Annotated[str, Query(max_length=200)] = "",
    status: CampaignStatus | Literal[""] = "",
    project: Annotated[str | None, Query(max_length=60)] = None,
    tag: Annotated[str, Query(max_length=60)] = "",
    archived: Literal["yes", ""] = "",
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> Response:
    """Campaigns that are looked for, and first of all what a person is needed for in any."""
    everything = visible(backend.journal, who)
    last, version = _seen(backend, everything)
    chosen = Selection(search.strip(), status or None, project, tag, archived == "yes")
    looked = Looked(chosen, number)

    def draw() -> str:
        shown = shown_on(backend, everything, looked)
        return rendered("overview.html", needed=needed, only_seen=only_seen, **shown)

    needed, only_seen = all_needs(backend, who), _only_seen(who, everything)
    seen = version, tuple(needed), only_seen
    content = kept(backend, f"overview{_of(who)}", seen, draw) if looked.plain else draw()
    return page(request, who, gettext("Campaigns"), content, live="*", last=last, here="campaigns")


@pages.get("/compare")
def compare(
    request: Request,
    backend: TheBackend,
    who: Viewer,
    campaign: Annotated[list[str], Query(max_length=MOST_COMPARED)] = [],  # noqa: B006 - of FastAPI
) -> Response:
    """Campaigns side by side."""
    for name in campaign:
        allowed(backend.journal, who, name)
    states = [backend.state(name) for name in dict.fromkeys(campaign)]
    chart = comparison_chart([state for _, state in states])
    outcomes = {state.id: view_of(backend, last, state).outcomes[0] for last, state in states}
    last = max((last for last, _ in states), default=0)
    content = rendered("compare.html", progress=chart.campaigns, outcomes=outcomes, last=last)
    return page(
        request, who, gettext("Compare campaigns"), content, live="*", last=last, here="campaigns"
    )


@pages.get("/needs")
def needs(request: Request, backend: TheBackend, who: Viewer) -> Response:
    """What a person is needed for, over all campaigns, and where it is done."""
    last = backend.journal.last_event()
    only_seen = _only_seen(who, visible(backend.journal, who))
    content = rendered("needs.html", needed=all_needs(backend, who), only_seen=only_seen)
    return page(request, who, gettext("Needs a person"), content, live="*", last=last, here="needs")


@pages.get("/campaigns/new")
def new_campaign(
    request: Request,
    backend: TheBackend,
    who: Viewer,
    origin: Annotated[
        str, Query(alias="from", pattern=r"^([a-z0-9][a-z0-9_-]*)?$", max_length=80)
    ] = "",
) -> Response:
    """The builder: begin with an example, a file or an earlier campaign, edit, see, launch."""
    content = rendered(
        "new.html",
        examples=_example_files(),
        empty=rendered("empty_campaign.yaml") + "\n",
        person=who.person,
        projects=operated(who),
        anywhere=who.role >= Role.OPERATOR,
        origin=origin,
    )
    return page(request, who, gettext("New campaign"), content, here="new")


@cache
def _example_files() -> dict[str, str]:
    folders = sorted(files(EXAMPLES).iterdir(), key=lambda folder: folder.name)
    found = ((folder.name, folder / "campaign.yaml") for folder in folders)
    return {name: file.read_text(encoding="utf-8") for name, file in found if file.is_file()}


@pages.get("/campaigns/{campaign_id}")
def campaign(
    request: Request,
    backend: TheBackend,
    who: Viewer,
    campaign_id: CampaignId,
    round_number: Annotated[int | None, Query(alias="round", ge=1, le=10_000)] = None,
) -> Response:
    """One campaign."""
    last, state = backend.state(campaign_id)
    number = round_number or len(state.rounds)
    version = last, fault_of(backend, state)
    content = kept(
        backend,
        f"{campaign_id} {number}",
        version,
        lambda: _campaign(backend, last, state, number),
    )
    return page(
        request,
        who,
        state.campaign.title or state.id,
        content,
        live=campaign_id,
        last=last,
        here="campaigns",
    )


def _campaign(backend: Backend, last: int, state: CampaignState, number: int) -> str:
    view = view_of(backend, last, state)
    zone = backend.settings.zone
    chosen = round_of(state, number) if number else None
    found = None
    if state.rounds:
        current = state.rounds[-1]
        counts = record.calendar(backend.journal, state.id, current.number)
        last_day = state.campaign.protocol.last_day
        found = charts.calendar(view.steps, counts, current, last_day, view.lab_time)
    events = [
        event_view(row, zone)
        for row in record.latest_events(backend.journal, state.id, limit=_FEED)
    ]
    acts = record.latest_events(backend.journal, state.id, limit=_ACTS, people=True)
    sharing = sorted({pair for step in view.steps for pair in permutations(step.robots, 2)})
    return rendered(
        "campaign.html",
        sharing=sharing,
        campaign=view,
        objectives=len(state.campaign.objectives),
        results=_results(state),
        calendar=found,
        round=round_view(state, chosen, zone) if chosen else None,
        plates=charts.plate_maps(state, chosen) if chosen else [],
        colours=charts.scale(),
        ends=charts.ends_of(state),
        extreme=state.campaign.objective.extreme,
        events=events,
        acts=[event_view(row, zone) for row in acts],
        observed=len(state.observations),
        further_acts=further_acts(ACTS),
        choices=_choices(state),
    )


def _results(state: CampaignState) -> str:
    """What changes whenever charts would look different."""
    seen = [
        (well.lost, well.value, well.flags, dict(well.measured), well.covariates)
        for batch in state.rounds
        for well in batch.wells
    ]
    return f"{crc32(repr((seen, state.campaign.stop)).encode()):08x}"


@pages.get("/campaigns/{campaign_id}/insight")
def insight(
    request: Request, backend: TheBackend, who: Viewer, campaign_id: CampaignId
) -> Response:
    """The model's page of a campaign; its content is requested later, for it takes seconds."""
    last, state = backend.state(campaign_id)
    found = backend.insights.of(state)
    names = [name for name in ("effects", "pareto-front") if found.recommended or found.front]
    names = [name for name in names if backend.insights.figure(state, name) is not None]
    view = view_of(backend, last, state)
    return html(request, rendered("insight.html", insight=found, campaign=view, figures=names))


def _choices(state: CampaignState) -> dict[str, list[Value] | None]:
    """What a person may choose for each parameter: its levels; None where it has a range."""
    return {
        parameter.name: None if parameter.choices is None else list(parameter.choices)
        for parameter in state.campaign.parameters
        if parameter not in state.campaign.space.decided
    }


@pages.get("/campaigns/{campaign_id}/wells/{number}/{plate}/{well}")
def one_well(
    request: Request,
    backend: TheBackend,
    who: Viewer,
    campaign_id: CampaignId,
    number: RoundNumber,
    plate: PlateNumber,
    well: WellName,
) -> Response:
    """A well with its image, its condition and its history."""
    last, state = backend.state(campaign_id)
    history = well_history(backend, campaign_id, number, plate, well)
    view = view_of(backend, last, state)
    proposed = round_of(state, number).proposed
    content = rendered(
        "well.html",
        well=history,
        campaign=view,
        choices=_choices(state),
        proposed=proposed,
        by_hand=state.campaign.outcome.by_hand,
    )
    return page(request, who, f"{history.id}", content, here="campaigns")


@pages.get("/robots")
def robots(request: Request, backend: TheBackend, who: Viewer) -> Response:
    """The robots of the lab, with decks and supplies."""
    last, version = _seen(backend, listed(backend.journal))
    decks, only_seen = decks_of(backend), _only_seen(who, visible(backend.journal, who))
    content = kept(
        backend,
        f"robots{_of(who)}",
        (version, tuple(decks.items()), only_seen),
        lambda: rendered(
            "robots.html",
            robots=robots_of(backend, who, decks),
            only_seen=only_seen,
            everything=who.sees is None,
            operator=not who.projects or who.role >= Role.OPERATOR,
        ),
    )
    return page(request, who, gettext("Robots"), content, live="*", last=last, here="robots")


@pages.get("/access")
def access(request: Request, backend: TheBackend, who: Admin) -> Response:
    """Tokens, and what was done to them."""
    zone = backend.settings.zone
    content = rendered(
        "access.html",
        tokens=backend.access.tokens(),
        audit=backend.access.audit(),
        projects=sorted({one.filing.project for one in listed(backend.journal)} - {""}),
        zone=zone,
        own=who.token_id,
    )
    return page(request, who, gettext("Access"), content, here="access")


@pages.get("/login")
def login(
    request: Request,
    backend: TheBackend,
    token: str = "",
    target: Annotated[str, Query(alias="next")] = "/",
) -> Response:
    """The page that asks for a token; a link with a token signs in at once."""
    if token:
        return _signed_in(request, backend, token, target)
    return login_page(request, target)


@pages.post("/login")
async def sign_in(request: Request, backend: TheBackend) -> Response:
    """Begin a browser session."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
    return _signed_in(request, backend, form.get("token", [""])[0], form.get("next", ["/"])[0])


@pages.post("/logout")
def sign_out(request: Request, backend: TheBackend) -> Response:
    """End a browser session."""
    identity(request)
    backend.access.sign_out(request.cookies.get(COOKIE, ""))
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE)
    return answer


def _signed_in(request: Request, backend: Backend, token: str, target: str) -> Response:
    address = address_of(request)
    if refusal := backend.wrong_tokens.refusal(address):
        status, headers = refusal.status, refusal.headers
        return login_page(request, target, str(refusal), status, headers)
    try:
        browser, _ = backend.access.sign_in(token.strip())
    except Denied as error:
        if isinstance(error, UnknownToken):
            backend.wrong_tokens.note(backend.access, address, error)
        return login_page(request, target, str(error), 401)
    return redirected(request, browser, inside(target))
