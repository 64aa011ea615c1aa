"""Whether the service is well: health, readiness, metrics."""

from importlib.metadata import version

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.metrics import exposition
from orchestrator.service.problems import answers, problem
from orchestrator.service.schema import Health

health = APIRouter(tags=["health"])


@health.get("/health")
def healthy() -> Health:
    """Whether the process answers."""
    return Health(status="ok", version=version("wellwise"))


@health.get("/ready", responses=answers(503), response_model=Health)
def ready(backend: TheBackend) -> Health | JSONResponse:
    """Whether the journal can be read and campaigns are being run."""
    backend.journal.last_event()
    if not backend.supervisor.alive:
        return problem(503, "no campaign is being run: restart the service, and look at its log")
    return healthy()


@health.get("/metrics", responses=answers(401, 503), response_class=PlainTextResponse)
def metrics(backend: TheBackend, viewer: Viewer) -> PlainTextResponse:
    """Counts and gauges in the text format of Prometheus, of the campaigns that one may see."""
    text, kind = exposition(backend, viewer)
    return PlainTextResponse(text, media_type=kind)
