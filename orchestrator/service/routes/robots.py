"""The lab over HTTP: what people are needed for, what robots do, and stopping one."""

from fastapi import APIRouter

from orchestrator.core.by import By
from orchestrator.errors import Missing
from orchestrator.service.authentication import Operator, TheBackend, Viewer
from orchestrator.service.lab_robots import refill, robots_of, users_of
from orchestrator.service.needs import all_needs
from orchestrator.service.problems import ACTING, answers
from orchestrator.service.requests import RobotName
from orchestrator.service.schema import Need, Refilled, RobotView, Stopped, SupplyView, Why

robots = APIRouter(tags=["lab"])


@robots.get("/needs", responses=answers(401, 503))
def list_needs(backend: TheBackend, viewer: Viewer) -> list[Need]:
    """What people are needed for, over all campaigns, most urgent first."""
    return all_needs(backend, viewer)


@robots.get("/robots", responses=answers(401, 503))
def list_robots(backend: TheBackend, viewer: Viewer) -> list[RobotView]:
    """The robots of the lab file and of all campaigns that are not over."""
    return robots_of(backend, viewer)


@robots.post("/robots/{robot}/stop", responses=ACTING)
def stop_robot(backend: TheBackend, who: Operator, robot: RobotName, body: Why) -> Stopped:
    """Stop a robot and all others of the campaigns that use it; these are paused.

    Also those of other projects, which would else go on to move it.
    """
    using = users_of(backend, who, robot)
    if not using:
        raise Missing(f"no campaign that is not over has a robot {robot!r}")
    unstopped: dict[str, str] = {}
    for state in using:
        unstopped |= backend.supervisor.stop_now(state.id, By(who.person, body.why))
        backend.changed(state.id)
    there = dict.fromkeys(name for state in using for name in state.campaign.robots)
    seen = {view.name for view in robots_of(backend, who, {})}
    return Stopped(
        stopped=[name for name in there if name in seen and name not in unstopped],
        not_stopped={name: why for name, why in unstopped.items() if name in seen},
    )


@robots.post("/robots/{robot}/refill", responses=ACTING)
def refill_robot(
    backend: TheBackend, who: Operator, robot: RobotName, body: Refilled
) -> list[SupplyView]:
    """Note that racks or reservoirs of a robot are full again; also while a campaign has it."""
    return refill(backend, who, robot, body.supplies, body.why)
