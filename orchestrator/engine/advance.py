"""Advance: do all that is due now, as `lifecycle` says, write down what came of it, and say when to come back."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from orchestrator.core.lifecycle import (
    Action,
    CarryOut,
    Drop,
    FinishCampaign,
    FinishRound,
    Hold,
    PlanRound,
    Question,
    Reschedule,
    ScoreReadings,
    WaitUntil,
    next_actions,
)
from orchestrator.core.round_planning import plan_round
from orchestrator.core.scheduling import first_starts
from orchestrator.core.state import JobStatus
from orchestrator.engine.dispatch import carry_out
from orchestrator.lab.lab import Lab
from orchestrator.lab.rescheduling import reschedule
from orchestrator.lab.scoring import score_reading, scorer_of
from protocols.compile import compile_jobs

_LOOK_S = 1.0
"""How often, in real time, the journal is looked at while robots work."""


class Call(Protocol):
    """How a piece of work is run: plainly, or as a Prefect task that a person can see."""

    async def __call__(
        self, name: str, tags: Sequence[str], work: Callable[..., Awaitable[Any]], *arguments: Any
    ) -> Any:
        """Run `work(*arguments)` under a name and tags."""
        ...


@dataclass(frozen=True)
class Outlook:
    """What is left when nothing more is due: when to come back, and what a person is asked. Both empty: it is over."""

    moment: datetime | None = None
    questions: tuple[Question, ...] = ()


async def plainly(name: str, tags: Sequence[str], work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Run a piece of work and nothing else."""
    return await work(*arguments)


async def advance(
    lab: Lab,
    campaign_id: str,
    call: Call = plainly,
    round_number: int | None = None,
    hand_out: Callable[[CarryOut], Awaitable[None]] | None = None,
) -> Outlook:
    """Do what is due now; may be called any number of times, and goes on from the same place after any crash.

    Robots work side by side, each on one job at a time; what becomes due while some work is done by the others.

    Args:
        lab: journal, robots and clock.
        campaign_id: the campaign.
        call: how work is run.
        round_number: stay within this round; None: plan the next rounds as well.
        hand_out: gives a job to somebody else to be carried out, and does not wait for its end. May be called for the
            same job again; the robots of `lab` are not used then.
    """
    working: dict[str, asyncio.Task[datetime]] = {}
    replanned = False
    try:
        while True:
            actions = next_actions(lab.journal.state(campaign_id), lab.clock.now())
            if round_number is not None and any(_leads_away(action, round_number) for action in actions):
                return Outlook()
            due = [action for action in actions if not isinstance(action, Question | WaitUntil)]
            if not due:
                return _outlook(actions)
            replan = next((action for action in due if isinstance(action, Reschedule)), None)
            due = [action for action in due if not isinstance(action, Reschedule)]
            if replan is not None and not replanned:
                # Once before each piece of work: on a fast clock the new schedule may be behind as soon as it is made.
                replanned = True
                await _do(lab, campaign_id, replan, call)
                continue
            replanned = False
            queues: dict[str, list[CarryOut]] = defaultdict(list)
            for action in due:
                if isinstance(action, CarryOut):
                    queues[action.robot].append(action)
                else:
                    await _do(lab, campaign_id, action, call)
            if hand_out is not None and len(due) == sum(len(queue) for queue in queues.values()):
                for queue in queues.values():
                    await hand_out(queue[0])
                return _outlook(actions)
            for robot in () if hand_out else queues.keys() - working.keys():
                queue = queues[robot] if lab.clock.virtual else queues[robot][:1]
                working[robot] = asyncio.create_task(_work_off(lab, campaign_id, queue, call))
            await _some_end(lab, working)
    finally:
        for task in working.values():
            task.cancel()
        await asyncio.gather(*working.values(), return_exceptions=True)


def _outlook(actions: Sequence[Action]) -> Outlook:
    moments = [action.moment for action in actions if isinstance(action, WaitUntil)]
    questions = tuple(action for action in actions if isinstance(action, Question))
    return Outlook(min(moments, default=None), questions)


async def _some_end(lab: Lab, working: dict[str, asyncio.Task[datetime]]) -> None:
    """Return when a robot is free again, or after a moment, in which something may have become due or been decided.

    On a virtual clock robots stamp what they do ahead of it; it catches up when all of them are ready.
    """
    if not working:
        return
    if lab.clock.virtual:
        await asyncio.wait(working.values())
        await lab.clock.sleep_until(max([await task for task in working.values()]))
        working.clear()
    else:
        await asyncio.wait(working.values(), timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        for robot, task in list(working.items()):
            if task.done():
                del working[robot]
                await task


async def _do(lab: Lab, campaign_id: str, action: Action, call: Call) -> None:
    """Everything but the work of robots."""
    match action:
        case Reschedule():
            await asyncio.to_thread(reschedule, lab, campaign_id, action.number)
        case PlanRound():
            await call("propose and lay out", (), _plan, lab, campaign_id, action)
        case Drop():
            lab.journal.move_job(action.key, JobStatus.PLANNED, JobStatus.DROPPED, lab.clock.now())
        case Hold():
            lab.journal.move_job(action.key, JobStatus.PLANNED, JobStatus.LATE, lab.clock.now(), action.message)
        case ScoreReadings():
            await call("score", (), _score, lab, campaign_id, action)
        case FinishRound():
            lab.journal.finish_round(campaign_id, action.number, lab.clock.now())
        case FinishCampaign():
            lab.journal.finish_campaign(campaign_id, action.reason, lab.clock.now())


def _leads_away(action: object, round_number: int) -> bool:
    return isinstance(action, FinishCampaign) or (isinstance(action, PlanRound) and action.number != round_number)


async def _work_off(lab: Lab, campaign_id: str, queue: list[CarryOut], call: Call) -> datetime:
    """The jobs of one robot, one after the other; returns when the last of them ended."""
    ended: list[datetime] = []
    for action in queue:
        tags = (f"robot:{action.robot}",)
        ended.append(await call(action.key, tags, carry_out, lab, campaign_id, action.key))
    return max(ended)


async def _plan(lab: Lab, campaign_id: str, action: PlanRound) -> None:
    """Propose a batch, lay it out, compile it and write down its jobs."""
    state = lab.journal.state(campaign_id)
    planned = await asyncio.to_thread(plan_round, state.campaign, action.number, state.observations, state.requeued)
    least = state.campaign.stop.least_gain
    if least is not None and planned.expected_gain is not None and planned.expected_gain < least and state.rounds:
        reason = f"round {action.number} is expected to raise the best by {planned.expected_gain:.4f} < {least:g}"
        lab.journal.finish_campaign(campaign_id, reason, lab.clock.now())
        return
    jobs = list(compile_jobs(state.campaign, campaign_id, planned.layout, action.start))
    waits = state.campaign.rounds.approval
    lab.journal.plan_round(
        campaign_id,
        planned.layout,
        None if waits else jobs,
        planned.notices,
        action.start,
        lab.clock.now(),
        planned.requeued,
        None if waits else first_starts(jobs, lab.known_seconds(campaign_id), state.campaign.robots, action.start),
    )


async def _score(lab: Lab, campaign_id: str, action: ScoreReadings) -> None:
    """Derive observations and measurements from readings."""
    campaign = lab.journal.state(campaign_id).campaign
    on_the_way = {measurement.step: measurement.name for measurement in campaign.measurements}
    steps = lab.journal.steps_of(action.readings)
    groups: dict[str, list[int]] = defaultdict(list)
    for reading_id in action.readings:
        groups[on_the_way.get(steps[reading_id], "")].append(reading_id)
    for name, readings in groups.items():
        scored = campaign.scored(name)
        scorer = scorer_of(scored)
        scores = [(i, await asyncio.to_thread(score_reading, lab.journal, lab.home, i, scorer)) for i in readings]
        lab.journal.record_scores(scores, scored.scorer, scorer.version, lab.clock.now(), name)
