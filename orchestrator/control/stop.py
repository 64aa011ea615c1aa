"""Stopping robots: more than an act on the journal, for the robots come first."""

import asyncio

from drivers.base import Driver, DriverError
from orchestrator.control.act import perform
from orchestrator.control.campaigns import Pause
from orchestrator.core.by import By
from orchestrator.core.events import EventKind
from orchestrator.lab.lab import Lab

_STOP_S = 10.0


async def stop_now(lab: Lab, campaign_id: str, by: By) -> dict[str, str]:
    """Stop the robots, then pause the campaign; returns those not stopped, with reasons.

    A job that was on its way meanwhile is stopped as well: after the pause no more can follow.

    Raises:
        JournalError: the campaign is over.
    """
    unstopped = await _stop_robots(lab)
    perform(lab, campaign_id, Pause(why=by.why), by.who)
    unstopped = await _stop_robots(lab) | unstopped
    for name in lab.robots:
        error = unstopped.get(name)
        kind = EventKind.ROBOT_STOPPED if error is None else EventKind.ROBOT_NOT_STOPPED
        lab.journal.note(campaign_id, lab.clock.now(), kind, name, error or by.why, who=by.who)
    return unstopped


def request_stop(lab: Lab, campaign_id: str, by: By) -> None:
    """Pause the campaign and have whoever works with its robots stop them.

    Raises:
        JournalError: the campaign is over.
    """
    lab.journal.note(
        campaign_id, lab.clock.now(), EventKind.STOP_REQUESTED, campaign_id, by.why, who=by.who
    )
    perform(lab, campaign_id, Pause(why=by.why), by.who)


async def _stop_robots(lab: Lab) -> dict[str, str]:
    """Stop all robots at once; one that hangs does not keep the others waiting."""

    async def stop(robot: Driver) -> str | None:
        try:
            async with asyncio.timeout(_STOP_S):
                await robot.connect()
                await robot.stop()
        except DriverError as error:
            return str(error)
        except TimeoutError:
            return f"it did not answer within {_STOP_S:g} s"
        return None

    answers = await asyncio.gather(*(stop(robot) for robot in lab.robots.values()))
    return {
        name: answer for name, answer in zip(lab.robots, answers, strict=True) if answer is not None
    }
