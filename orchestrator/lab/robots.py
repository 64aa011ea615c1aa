"""Robots in use: one owner at a time, on whatever computer, who can be asked to stop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from drivers.base import Driver, DriverError, FencedOff
from orchestrator.core.events import EventKind
from orchestrator.errors import Owned
from orchestrator.journal.devices import device_resource
from orchestrator.journal.store import robot_resource
from orchestrator.lab.device_lock import device_lock
from orchestrator.lab.lab import Lab
from orchestrator.lab.lease import Lease, owned

_LOOK_S = 0.2
"""How often an owner looks whether somebody wants its robot to be stopped."""

_log = logging.getLogger("wellwise.robots")


@dataclass(frozen=True)
class UsedRobot:
    """A robot in the hands of its owner, for a campaign."""

    name: str
    campaign_id: str
    driver: Driver
    lease: Lease


@asynccontextmanager
async def used_robot(
    lab: Lab, campaign_id: str, name: str, wait: bool = True
) -> AsyncIterator[UsedRobot]:
    """Own a robot of a campaign for the length of a block, and stop it when somebody asks for it.

    Other campaigns, processes and computers wait meanwhile, and do not open its line. The robot is
    reached where the journal says that it is now.

    Args:
        lab: journal and robots.
        campaign_id: the campaign for which it is used.
        name: the robot.
        wait: whether to wait while somebody else uses it.

    Raises:
        Owned: somebody else uses it, and `wait` is not set.
        LeaseLost: somebody else has taken it over.
    """
    on_wait = _log_wait if wait else None
    resource, purpose = robot_resource(name), f"campaign {campaign_id}"
    async with AsyncExitStack() as stack:
        lease = await stack.enter_async_context(
            owned(lab.journal, resource, lab.lease_s, on_wait, purpose)
        )
        config = lab.config(name)
        address = "" if config is None else config.address
        device = device_resource(address, lab.journal.workers)
        if device:
            # Another campaign may call it by another name.
            whose = f"{purpose}, robot {name}"
            await stack.enter_async_context(owned(lab.journal, device, lab.lease_s, on_wait, whose))
        await stack.enter_async_context(device_lock(address, on_wait))
        robot = lab.driver(name, config, lease)
        watching = asyncio.create_task(_stop_on_request(lab, campaign_id, name, device, robot))
        try:
            yield UsedRobot(name, campaign_id, robot, lease)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            if not lab.clock.virtual:
                # The line is free for whoever comes next.
                with suppress(DriverError):
                    await robot.close()


async def _stop_on_request(
    lab: Lab, campaign_id: str, name: str, device: str, robot: Driver
) -> None:
    """Stop the robot when somebody asks for it: its owner has the line, nobody else can."""
    seen = lab.journal.last_event()
    while True:
        await asyncio.sleep(_LOOK_S)
        for request in lab.journal.stop_requests(seen):
            seen = request.id or seen
            wanted = [
                called
                for called, at in request.data.get("robots", {}).items()
                if called == name or at == device != ""
            ]
            if wanted:
                if request.campaign_id != campaign_id:
                    why = f"robot {name} was stopped: {request.message}"
                    lab.journal.pause_campaign(campaign_id, lab.clock.now(), why, request.who)
                await stop_robot(lab, request.campaign_id, name, robot, wanted)


async def stop_robot(
    lab: Lab, campaign_id: str, name: str, robot: Driver, called: Sequence[str] = ()
) -> str:
    """Stop a robot over the line that is open here, and note it; returns why it could not be.

    `called` is how the campaign for which it is stopped calls it, if not by its name here.
    """
    error, unnumbered = "", None
    try:
        try:
            await robot.connect()
        except FencedOff:
            # Its book has seen owners of another life of the journal: to stop needs no number.
            robot = unnumbered = lab.driver(name, lab.config(name), None)
            await robot.connect()
        await robot.stop()
    except DriverError as problem:
        error = str(problem)
    finally:
        if unnumbered is not None:
            with suppress(DriverError):
                await unnumbered.close()
    kind = EventKind.ROBOT_NOT_STOPPED if error else EventKind.ROBOT_STOPPED
    for subject in called or [name]:
        lab.journal.note(campaign_id, lab.clock.now(), kind, subject, error)
    return error


def _log_wait(held: Owned) -> None:
    _log.info("waiting: %s", held)
