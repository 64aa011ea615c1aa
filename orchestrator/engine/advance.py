"""Advance: do all that is due, write down the results, and say when to come back."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from drivers.clock import SteppedClock
from orchestrator.core.events import EventKind
from orchestrator.core.lifecycle import (
    Action,
    AskValues,
    ExecuteJob,
    FinishCampaign,
    PlanRound,
    Question,
    Reschedule,
    WaitUntil,
    next_actions,
)
from orchestrator.engine.actions import TaskRunner, run_action, run_plainly
from orchestrator.engine.dispatch import execute_job
from orchestrator.lab.lab import Lab
from orchestrator.lab.robots import used_robot
from protocols.addresses import RoundAddress
from protocols.number_words import counted

_LOOK_S = 1.0
"""How often, in real time, the journal is looked at while robots work."""

_MOMENT_S = 0.002
"""How long a virtual robot is given to do what its clock allows."""


@dataclass(frozen=True)
class Outlook:
    """What is left when nothing more is due: when to come back, and what a person is asked.

    Both empty: it is over.
    """

    moment: datetime | None = None
    questions: tuple[Question, ...] = ()


async def advance(
    lab: Lab,
    campaign_id: str,
    run_task: TaskRunner = run_plainly,
    round_number: int | None = None,
    hand_out: Callable[[ExecuteJob], Awaitable[None]] | None = None,
) -> Outlook:
    """Do what is due now; may be called any number of times, also after a crash.

    Robots work side by side, each on one job at a time; what becomes due while some work is done by
    the others.

    Args:
        lab: journal, robots and clock.
        campaign_id: the campaign.
        run_task: how work is run.
        round_number: stay within this round; None: plan the next rounds as well.
        hand_out: gives a job to somebody else to be executed, and does not wait for its end. May
            be called for the same job again; the robots of `lab` are not used then.
    """
    working: dict[str, asyncio.Task[datetime]] = {}
    replanned = False
    try:
        while True:
            state = lab.state(campaign_id)
            # What becomes due by the end of something else must not be seen too late.
            stepwise = state.campaign.protocol.relative or state.campaign.rounds.in_parallel > 1
            if isinstance(lab.clock, SteppedClock):
                lab.clock.in_steps = stepwise
            actions = next_actions(state, lab.clock.now())
            if round_number is not None and any(
                _leads_away(action, round_number) for action in actions
            ):
                return Outlook()
            due = [action for action in actions if not isinstance(action, Question | WaitUntil)]
            if not due:
                _note_awaited(lab, campaign_id, actions)
                return _outlook(actions)
            replan = next((action for action in due if isinstance(action, Reschedule)), None)
            due = [action for action in due if not isinstance(action, Reschedule)]
            if replan is not None and not replanned:
                # Once before each piece of work: on a fast clock the new schedule may be behind as
                # soon as it is made.
                replanned = True
                await run_action(lab, campaign_id, replan, run_task)
                continue
            replanned = False
            queues: dict[str, list[ExecuteJob]] = defaultdict(list)
            for action in due:
                if isinstance(action, ExecuteJob):
                    queues[action.robot].append(action)
                else:
                    await run_action(lab, campaign_id, action, run_task)
            if hand_out is not None and len(due) == sum(len(queue) for queue in queues.values()):
                for queue in queues.values():
                    await hand_out(queue[0])
                return _outlook(actions)
            for robot in () if hand_out else queues.keys() - working.keys():
                queue = queues[robot] if lab.clock.virtual and not stepwise else queues[robot][:1]
                working[robot] = asyncio.create_task(_run_queue(lab, campaign_id, queue, run_task))
            await _some_end(lab, working, _outlook(actions).moment)
    finally:
        for task in working.values():
            task.cancel()
        await asyncio.gather(*working.values(), return_exceptions=True)


def _note_awaited(lab: Lab, campaign_id: str, actions: Sequence[Action]) -> None:
    """Write down, once a round, that its wells wait for values that a person enters."""
    for action in actions:
        if isinstance(action, AskValues):
            kind, subject = EventKind.VALUES_AWAITED, str(RoundAddress(campaign_id, action.round))
            known = lab.journal.events(campaign_id, kinds=[kind])
            if all(event.subject != subject for event in known):
                message = f"{counted(action.wells, 'well')}: {action.outcome}"
                lab.journal.note(campaign_id, lab.clock.now(), kind, subject, message)


def _outlook(actions: Sequence[Action]) -> Outlook:
    moments = [action.moment for action in actions if isinstance(action, WaitUntil)]
    questions = tuple(action for action in actions if isinstance(action, Question))
    return Outlook(min(moments, default=None), questions)


async def _some_end(
    lab: Lab, working: dict[str, asyncio.Task[datetime]], due: datetime | None
) -> None:
    """Return when a robot is free again, or after a moment in which something may be due.

    On a virtual clock robots stamp what they do ahead of it; it catches up when all of them are
    ready, or goes from one end or due time to the next.
    """
    if not working:
        return
    if isinstance(lab.clock, SteppedClock) and lab.clock.in_steps:
        while len(lab.clock.awaited) < len(working) and not _ended(working):
            await asyncio.wait(working.values(), timeout=_MOMENT_S)
        if not _ended(working):
            moments = lab.clock.awaited if due is None else [*lab.clock.awaited, due]
            await lab.clock.sleep_until(min(moments))
            await asyncio.wait(working.values(), timeout=_MOMENT_S)
        for robot in _ended(working):
            await working.pop(robot)
    elif lab.clock.virtual:
        await asyncio.wait(working.values())
        await lab.clock.sleep_until(max([await task for task in working.values()]))
        working.clear()
    else:
        await asyncio.wait(working.values(), timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        for robot in _ended(working):
            await working.pop(robot)


def _ended(working: Mapping[str, asyncio.Task[datetime]]) -> list[str]:
    return [robot for robot, task in working.items() if task.done()]


def _leads_away(action: object, round_number: int) -> bool:
    return isinstance(action, FinishCampaign) or (
        isinstance(action, PlanRound) and action.number != round_number
    )


async def _run_queue(
    lab: Lab, campaign_id: str, queue: list[ExecuteJob], run_task: TaskRunner
) -> datetime:
    """The jobs of one robot, one after the other; returns when the last of them ended."""
    ended: list[datetime] = []
    async with used_robot(lab, campaign_id, queue[0].robot) as used:
        for action in queue:
            tags = (f"robot:{action.robot}",)
            ended.append(await run_task(action.key, tags, execute_job, lab, used, action.key))
    return max(ended)
