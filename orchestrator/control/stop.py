"""Stopping robots: no act of the journal alone, for the robots have to answer."""

import asyncio

from orchestrator.control.act import perform
from orchestrator.control.campaigns import Pause
from orchestrator.core.by import By
from orchestrator.core.events import EventKind
from orchestrator.errors import Owned
from orchestrator.journal.devices import device_resource
from orchestrator.lab.lab import Lab
from orchestrator.lab.robots import stop_robot, used_robot

_STOP_S = 20.0
"""How long a robot, or whoever works with it, may take to answer."""

_LOOK_S = 0.1
_ANSWERS = (EventKind.ROBOT_STOPPED, EventKind.ROBOT_NOT_STOPPED)


async def stop_now(lab: Lab, campaign_id: str, by: By) -> dict[str, str]:
    """Have every robot of a campaign stopped, by whoever has its line, and pause the campaign.

    Returns when each robot was stopped or could not be; may be called for a campaign that is over.

    Args:
        lab: journal and robots.
        campaign_id: the campaign.
        by: who wants it, and why.

    Returns: the robots that could not be stopped, and why.
    """
    seen = lab.journal.last_event(campaign_id)
    request_stop(lab, campaign_id, by)

    async def stop(name: str) -> str:
        try:
            async with asyncio.timeout(_STOP_S):
                return await _stopped_by_its_owner_or_here(lab, campaign_id, name, seen)
        except TimeoutError:
            return f"it did not answer within {_STOP_S:g} s"

    answers = await asyncio.gather(*(stop(name) for name in lab.robots))
    return {name: answer for name, answer in zip(lab.robots, answers, strict=True) if answer}


async def _stopped_by_its_owner_or_here(lab: Lab, campaign_id: str, name: str, seen: int) -> str:
    while True:
        for event in lab.journal.events(campaign_id, seen, kinds=_ANSWERS):
            if event.subject == name:
                return event.message if event.kind == EventKind.ROBOT_NOT_STOPPED else ""
        try:
            async with used_robot(lab, campaign_id, name, wait=False) as used:
                return await stop_robot(lab, campaign_id, name, used.driver)
        except Owned:
            await asyncio.sleep(_LOOK_S)


def request_stop(lab: Lab, campaign_id: str, by: By) -> None:
    """Have whoever works with a campaign's robots stop them; it is paused, unless it is over."""
    robots = {
        name: device_resource(config.address, lab.journal.workers)
        for name, config in lab.journal.state(campaign_id).campaign.robots.items()
    }
    lab.journal.request_stop(campaign_id, lab.clock.now(), robots, by)
    if not lab.journal.status(campaign_id).over:
        perform(lab, campaign_id, Pause(why=by.why), by.who)
