"""The app: API and dashboard, with limits on requests and headers on responses."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version

from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.control.act import Act
from orchestrator.control.checklists import MOST_OF_A_FILE, GiveFile
from orchestrator.control.describe import path_of
from orchestrator.control.table import ACTS
from orchestrator.service import bounded
from orchestrator.service.backend import Backend
from orchestrator.service.dashboard.checklist_pages import checklist_pages
from orchestrator.service.dashboard.job_pages import job_pages
from orchestrator.service.dashboard.language import InItsLanguage, language_pages
from orchestrator.service.dashboard.pages import STATIC, pages, problem_page
from orchestrator.service.dashboard.rendering import compile_templates
from orchestrator.service.dashboard.values_pages import values_pages
from orchestrator.service.notifications import Notifier
from orchestrator.service.path_prefix import location_below
from orchestrator.service.problems import install, problem
from orchestrator.service.routes.access import people, tokens
from orchestrator.service.routes.campaigns import campaigns
from orchestrator.service.routes.charts import charts
from orchestrator.service.routes.checklists import checklists
from orchestrator.service.routes.events import events
from orchestrator.service.routes.health import health
from orchestrator.service.routes.images import images
from orchestrator.service.routes.launch import launching
from orchestrator.service.routes.robots import robots
from orchestrator.service.routes.steering import steering
from orchestrator.service.routes.values import values
from orchestrator.service.routes.vocabulary import vocabulary
from orchestrator.service.schema import ProblemDetails
from orchestrator.service.webhooks import Webhook
from protocols.quantities import load_units

LARGEST = 2_000_000
"""Bytes of the largest body that is taken."""

LARGEST_FILE = MOST_OF_A_FILE + 1_000_000
"""The same where a file is given for an item of a checklist: cameras write large ones."""

BODY_S = 30.0
"""How long a body may be silent before its request is given up."""

_HEADERS = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; "
    b"img-src 'self' data:; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"x-frame-options": b"DENY",
}


def create_app(
    backend: Backend, supervise: bool = True, acts: Sequence[type[Act]] = ACTS
) -> FastAPI:
    """The app over a backend.

    Args:
        backend: settings, journal and all that is shared by requests.
        supervise: whether it runs campaigns while it lives.
        acts: what operators may do.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        if supervise:
            backend.supervisor.start()
        await asyncio.to_thread(backend.stream.begin)
        notifier = Notifier(backend.stream, tuple(backend.settings.notify.split()))
        watching = [asyncio.create_task(backend.stream.run()), asyncio.create_task(notifier.run())]
        settings = backend.settings
        watching.append(asyncio.create_task(asyncio.to_thread(prepare)))
        watching += [
            asyncio.create_task(Webhook(backend.stream, to, settings.webhook_secret).run())
            for to in settings.webhooks.split()
        ]
        if supervise and not backend.embedded:
            watching.append(asyncio.create_task(asyncio.to_thread(bounded.start)))
        try:
            yield
        finally:
            for task in watching:
                task.cancel()
            if supervise:
                await asyncio.to_thread(backend.supervisor.close)

    app = FastAPI(
        title="wellwise",
        version=version("wellwise"),
        summary="Closed-loop experiments in the lab: launch, watch and steer campaigns.",
        lifespan=life,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.backend, app.state.acts = backend, acts
    app.router.routes += _routes(tuple(acts))
    install(app, problem_page)
    if backend.settings.oidc_issuer:
        from orchestrator.service import single_sign_on

        single_sign_on.install(app, backend.settings)
    app.add_middleware(InItsLanguage)
    app.add_middleware(_Guard)

    def described() -> dict[str, object]:
        if not app.openapi_schema:
            found = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            schema = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = found.setdefault("components", {}).setdefault("schemas", {})
            schemas |= schema.pop("$defs", {}) | {"ProblemDetails": schema}
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
    return app


@cache
def prepare() -> None:
    """Do what the first visitors would wait for; a service does it while it starts."""
    load_units()
    compile_templates()
    # What is loaded lives as long as the service: no collection has to look through it again.
    gc.collect()
    gc.freeze()


@cache
def _routes(acts: tuple[type[Act], ...]) -> list[BaseRoute]:
    """API, pages and files; what each takes and gives is worked out once in a process."""
    # Generated clients name their functions by it.
    every = APIRouter(generate_unique_id_function=lambda route: route.name)
    api = APIRouter(prefix="/api/v1")
    for router in (
        launching,
        vocabulary,
        campaigns,
        charts,
        images,
        steering(acts),
        values,
        checklists,
        people,
        robots,
        events,
        tokens,
        health,
    ):
        api.include_router(router)
    for router in (api, pages, checklist_pages, job_pages, values_pages, language_pages):
        every.include_router(router)
    every.mount("/static", STATIC)
    return every.routes


class _Guard:
    """Refuses bodies that are too large or do not come, and adds security headers.

    Nothing is kept by browsers or proxies that does not say so itself. Redirects lead below the
    path at which a proxy serves the app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        read, whole = 0, False
        request = Request(scope)
        largest = LARGEST_FILE if scope["path"].endswith(path_of(GiveFile)) else LARGEST
        too_large = f"a body may have {largest:,} bytes at most"

        async def limited() -> Message:
            nonlocal read, whole
            try:
                # After the body only the end of the connection comes, whenever that is.
                async with asyncio.timeout(None if whole else BODY_S):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"the body was silent for {BODY_S:g} s") from None
            whole = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > largest:
                raise HTTPException(413, too_large)
            return message

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *(_below(request, *header) for header in message["headers"]),
                    *(h for h in headers.items() if h[0] not in there),
                ]
            await send(message)

        fixed = scope["path"].startswith("/static/")
        headers = _HEADERS | {b"cache-control": b"no-cache" if fixed else b"private, no-store"}
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > largest:
            await problem(413, too_large)(scope, receive, answering)
            return
        await self._app(scope, limited, answering)


def _below(request: Request, name: bytes, value: bytes) -> tuple[bytes, bytes]:
    if name.lower() != b"location":
        return name, value
    return name, location_below(request, value.decode("latin-1")).encode("latin-1")
