"""The lab over HTTP: robots, events as they happen, tokens, and whether the service is well."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import Field, StringConstraints

from drivers.registry import driver_class
from orchestrator.core.state import CampaignState, JobStatus
from orchestrator.errors import Missing
from orchestrator.journal import queries as record
from orchestrator.journal.access_tokens import Role
from orchestrator.service.authentication import Admin, Operator, TheBackend, Viewer
from orchestrator.service.backend import Backend
from orchestrator.service.metrics import exposition
from orchestrator.service.problems import ACTING, answers, problem
from orchestrator.service.requests import Body, Why
from orchestrator.service.routes.steering import Stopped
from orchestrator.service.views import EventView, JobView, OutageView, RobotView, View

lab = APIRouter(tags=["lab"])
tokens = APIRouter(prefix="/tokens", tags=["access"])
health = APIRouter(tags=["health"])

_PATIENCE_S = 15.0
"""How long live events are silent before a sign of life, for proxies that close silent connections."""

_FLYING = [JobStatus.DISPATCHED, JobStatus.ACCEPTED]
_ERRORS = ("job_failed", "robot_offline", "robot_not_stopped", "job_in_doubt")

RobotName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$")]


_PRINTED = r"^[^\x00-\x1f\x7f]*$"
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_PRINTED)]


class Person(View):
    """Who you are here."""

    person: str
    role: str


class TokenView(View):
    """A token without its secret."""

    id: str
    person: str
    role: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewToken(TokenView):
    """A token with its secret, which is told this once."""

    secret: str


class TokenWish(Body):
    """Whom a token is for, what they may do, and for how many days."""

    person: PersonName
    role: Annotated[str, StringConstraints(pattern="^(viewer|operator|admin)$")]
    days: Annotated[float, Field(gt=0, le=366, allow_inf_nan=False)] = 90


class AuditEntry(View):
    """Something that was done to a token."""

    at: datetime
    who: str
    act: str
    subject: str
    message: str


class Health(View):
    """That the service answers."""

    status: str
    version: str


@lab.get("/whoami", responses=answers(401, 503))
def whoami(who: Viewer) -> Person:
    """Who you are, and what you may do."""
    return Person(person=who.person, role=who.role.word)


@lab.get("/robots", responses=answers(401, 503))
def list_robots(backend: TheBackend, viewer: Viewer) -> list[RobotView]:
    """The robots of all campaigns that are not over."""
    return robots_of(backend)


@lab.post("/robots/{robot}/stop", responses=ACTING)
def stop_robot(backend: TheBackend, who: Operator, robot: RobotName, body: Why) -> Stopped:
    """Stop a robot at once, with every other robot of the campaigns that use it, which are paused."""
    using = [state for state in _open_campaigns(backend) if robot in state.campaign.robots]
    if not using:
        raise Missing(f"no campaign that is not over has a robot {robot!r}")
    unstopped: dict[str, str] = {}
    for state in using:
        unstopped |= backend.carrier.stop_now(state.id, who.person, body.why)
        backend.changed(state.id)
    there = dict.fromkeys(name for state in using for name in state.campaign.robots)
    return Stopped(stopped=[name for name in there if name not in unstopped], not_stopped=unstopped)


@lab.get(
    "/events/stream",
    response_class=StreamingResponse,
    responses=answers(401, 404, 422, 503)
    | {200: {"content": {"text/event-stream": {}}, "description": "Server-sent events, each with an EventView."}},
)
async def stream(
    backend: TheBackend,
    viewer: Viewer,
    campaign: Annotated[str | None, Query(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80)] = None,
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**53)] = None,
) -> StreamingResponse:
    """Events as they happen (server-sent); goes on behind the last id that was seen, or with what comes next."""
    begin = last_event_id if last_event_id is not None else after
    events = _sent(backend, backend.stream.last if begin is None else begin, campaign)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _sent(backend: Backend, after: int, campaign: str | None) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    async for events in backend.stream.listen(after, campaign, _PATIENCE_S):
        yield "".join(map(backend.stream.message, events)) or ": nothing new\n\n"


@tokens.get("", responses=answers(401, 403, 503))
def list_tokens(backend: TheBackend, admin: Admin) -> list[TokenView]:
    """Every token, newest first; their secrets are not kept."""
    return [TokenView.model_validate(row.model_dump()) for row in backend.access.tokens()]


@tokens.post("", status_code=201, responses=ACTING)
def create_token(backend: TheBackend, who: Admin, body: TokenWish) -> NewToken:
    """Make a token; its secret is in this answer and nowhere else."""
    role = Role[body.role.upper()]
    secret, row = backend.access.create(body.person, role, timedelta(days=body.days), who.person)
    return NewToken(**TokenView.model_validate(row.model_dump()).model_dump(), secret=secret)


@tokens.delete("/{token}", responses=ACTING, status_code=204)
def revoke_token(backend: TheBackend, who: Admin, token: TokenId) -> None:
    """Let nobody in with a token any more, nor the browsers that came with it."""
    backend.access.revoke(token, who.person)


@lab.get("/audit", responses=answers(401, 403, 503))
def audit(backend: TheBackend, admin: Admin) -> list[AuditEntry]:
    """What was done to tokens and by whom, newest first; what is done to campaigns is among their events."""
    return [AuditEntry.model_validate(row.model_dump()) for row in backend.access.audit()]


@health.get("/health")
def healthy() -> Health:
    """Whether the process answers."""
    from importlib.metadata import version

    return Health(status="ok", version=version("wellwise"))


@health.get("/ready", responses=answers(503), response_model=Health)
def ready(backend: TheBackend) -> Health | JSONResponse:
    """Whether the journal can be read and campaigns are carried on."""
    backend.journal.last_event()
    if not backend.carrier.alive:
        return problem(503, "campaigns are not carried on: restart the service, and look at its log")
    return healthy()


@health.get("/metrics", responses=answers(401, 503), response_class=PlainTextResponse)
def metrics(backend: TheBackend, viewer: Viewer) -> PlainTextResponse:
    """Counts and gauges in the text format of Prometheus."""
    text, kind = exposition(backend)
    return PlainTextResponse(text, media_type=kind)


def _open_campaigns(backend: Backend) -> list[CampaignState]:
    states = (backend.state(campaign_id)[1] for campaign_id in backend.journal.campaign_ids())
    return [state for state in states if state.status in ("running", "paused")]


def robots_of(backend: Backend) -> list[RobotView]:
    """The robots of all campaigns that are not over, by name."""
    zone = backend.settings.zone
    found: dict[str, list[CampaignState]] = {}
    for state in _open_campaigns(backend):
        for name in state.campaign.robots:
            found.setdefault(name, []).append(state)
    views = []
    for name, states in sorted(found.items()):
        at_work: list[JobView] = []
        planned: list[JobView] = []
        for state in states:
            number = len(state.rounds) or None
            rows = record.jobs(backend.journal, state.id, round=number, robot=name, states=_FLYING)
            at_work += [JobView.of(row, zone) for _, row in rows]
            rows = record.jobs(
                backend.journal, state.id, round=number, robot=name, states=[JobStatus.PLANNED], limit=500
            )
            planned += [JobView.of(row, zone) for _, row in rows]
        outages = [outage for state in states for outage in state.outages if outage.robot == name]
        outage = None
        if outages:
            first = outages[0]
            outage = OutageView(
                robot=name,
                since=first.since.astimezone(zone),
                retry_at=first.retry_at.astimezone(zone),
                message=first.message,
            )
        errors = [
            EventView.of(row, zone)
            for state in states
            for row in record.latest_events(backend.journal, state.id, kinds=_ERRORS, limit=100)
            if row.subject == name or row.data.get("robot") == name
        ]
        config = states[0].campaign.robots[name]
        views.append(
            RobotView(
                name=name,
                driver=config.driver,
                simulated=not config.environment and driver_class(config.driver).simulated,
                state="offline" if outage else "working" if at_work else "idle",
                campaigns=[state.id for state in states],
                job=at_work[0] if at_work else None,
                queue=len(planned),
                next_due=min((job.due_at for job in planned), default=None),
                outage=outage,
                errors=sorted(errors, key=lambda event: -event.id)[:5],
            )
        )
    return views
