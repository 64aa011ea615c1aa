"""The vocabulary over HTTP: what a campaign file may say here, for programs that write one."""

from functools import cache
from inspect import getdoc
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from drivers.base import DriverError
from drivers.registry import driver_class, driver_names
from optimizer.strategy_registry import strategy_names
from orchestrator.intake.campaign_check import may_come_from_afar
from orchestrator.lab.scoring import scorer_class, scorer_names
from orchestrator.service.authentication import TheBackend, Viewer
from orchestrator.service.problems import READING
from orchestrator.service.schema import LabwareView, OperationKind, PlugIn, Vocabulary
from protocols.campaign import Campaign
from protocols.labware import known_labware
from protocols.operations import OPERATIONS

vocabulary = APIRouter(tags=["campaigns"])


@vocabulary.get("/vocabulary", responses=READING)
def words(backend: TheBackend, viewer: Viewer) -> Vocabulary:
    """The JSON Schema of campaign files, and the names that they may have here."""
    robots = {} if backend.lab is None else backend.lab.robots
    own = {} if backend.lab is None else {kind.name: kind.labware for kind in backend.lab.labware}
    return installed().model_copy(
        update={
            "robots": {name: robot.driver for name, robot in robots.items()},
            "labware": {
                name: LabwareView(rows=it.rows, columns=it.columns, absent=list(it.absent))
                for name, it in (own | dict(known_labware())).items()
            },
        }
    )


@cache
def installed() -> Vocabulary:
    """What the installed packages bring, which does not change while the service runs."""
    return Vocabulary(
        schema_=Campaign.model_json_schema(),
        operations={
            name: OperationKind(summary=_summary(kind.template), reads=kind.reads)
            for name, kind in OPERATIONS.items()
        },
        scorers={name: found for name in scorer_names() if (found := _scorer(name))},
        drivers={name: found for name in driver_names() if (found := _driver(name))},
        strategies=strategy_names(),
        labware={},
        robots={},
    )


def _scorer(name: str) -> PlugIn | None:
    """None of one that cannot be imported: a file that names it is refused."""
    try:
        kind = scorer_class(name)
    except LookupError:
        return None
    return PlugIn(
        summary=_summary(kind),
        options=_schema(kind.Options),
        reads=list(getattr(kind, "reads", ())),
        unit=getattr(kind, "unit", ""),
        natural_range=getattr(kind, "natural_range", None),
    )


def _driver(name: str) -> PlugIn | None:
    """None of one that cannot be imported, or that only a lab file may name."""
    try:
        kind = driver_class(name)
    except DriverError:
        return None
    if not may_come_from_afar(name):
        return None
    return PlugIn(summary=_summary(kind), options=_schema(kind.Options), simulated=kind.simulated)


def _summary(kind: type[Any]) -> str:
    """The first line of its docstring."""
    return (getdoc(kind) or "").partition("\n")[0]


def _schema(options: type[BaseModel]) -> dict[str, Any]:
    return options.model_json_schema()
