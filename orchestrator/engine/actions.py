"""Actions: the execution of what is due, except for the work of robots."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from orchestrator.core.lifecycle import (
    Action,
    Drop,
    DropChecks,
    FinishCampaign,
    FinishRound,
    Hold,
    PlanRound,
    Reschedule,
    ScoreReadings,
)
from orchestrator.core.round_planning import plan_round
from orchestrator.core.scheduling import first_starts
from orchestrator.core.state import JobStatus
from orchestrator.journal.queries import busy_robots
from orchestrator.journal.scores import ScoredReadings
from orchestrator.lab.lab import Lab
from orchestrator.lab.provenance import round_provenance
from orchestrator.lab.rescheduling import reschedule
from orchestrator.lab.scoring import outcomes_of, score_reading, scorer_of
from protocols.compile import compile_jobs


class TaskRunner(Protocol):
    """How a piece of work is run: run_plainly, or as a Prefect task that a person can see."""

    async def __call__(
        self, name: str, tags: Sequence[str], work: Callable[..., Awaitable[Any]], *arguments: Any
    ) -> Any:
        """Run `work(*arguments)` under a name and tags."""
        ...


async def run_plainly(
    name: str, tags: Sequence[str], work: Callable[..., Awaitable[Any]], *arguments: Any
) -> Any:
    """Run a piece of work and nothing else."""
    return await work(*arguments)


async def run_action(lab: Lab, campaign_id: str, action: Action, run_task: TaskRunner) -> None:
    """Do an action and write down what came of it; jobs are not among them."""
    match action:
        case Reschedule():
            await asyncio.to_thread(reschedule, lab, campaign_id, action.number)
        case PlanRound():
            await run_task("propose and lay out", (), _plan, lab, campaign_id, action)
        case Drop():
            lab.journal.move_job(action.key, JobStatus.PLANNED, JobStatus.DROPPED, lab.clock.now())
        case DropChecks():
            lab.journal.drop_checks(action.key, lab.clock.now(), action.message)
        case Hold():
            lab.journal.move_job(
                action.key, JobStatus.PLANNED, JobStatus.LATE, lab.clock.now(), action.message
            )
        case ScoreReadings():
            await run_task("score", (), _score, lab, campaign_id, action)
        case FinishRound():
            lab.journal.finish_round(campaign_id, action.number, lab.clock.now())
        case FinishCampaign():
            lab.journal.finish_campaign(campaign_id, action.reason, lab.clock.now())


async def _plan(lab: Lab, campaign_id: str, action: PlanRound) -> None:
    """Propose a batch, lay it out, compile it and write down its jobs."""
    state = lab.journal.state(campaign_id)
    planned = await asyncio.to_thread(
        partial(plan_round, pending=state.pending),
        state.campaign,
        action.number,
        state.observations,
        state.requeued,
    )
    reason = planned.too_little(state.campaign) if state.rounds else ""
    if reason and not state.open_rounds:
        lab.journal.finish_campaign(campaign_id, reason, lab.clock.now())
        return
    busy = busy_robots(lab.journal, state)
    jobs = list(compile_jobs(state.campaign, campaign_id, planned.layout, action.start, busy))
    waits, starts = state.campaign.rounds.approval, None
    if not waits:
        # The solver may take minutes: leases are renewed, and Ctrl-C is obeyed, meanwhile.
        known = lab.known_seconds(campaign_id)
        starts = await asyncio.to_thread(
            first_starts, jobs, known, state.campaign.robots, action.start
        )
    lab.journal.plan_round(
        campaign_id,
        planned.layout,
        None if waits else jobs,
        planned.notices,
        action.start,
        lab.clock.now(),
        planned.requeued,
        starts,
        round_provenance(state),
    )


async def _score(lab: Lab, campaign_id: str, action: ScoreReadings) -> None:
    """Derive outcomes from readings; those of no outcome are only kept."""
    campaign = lab.journal.state(campaign_id).campaign
    sources = lab.journal.sources_of(action.readings)
    groups: dict[str, list[int]] = defaultdict(list)
    kept = []
    for reading_id in action.readings:
        outcomes = outcomes_of(campaign, *sources[reading_id])
        for outcome in outcomes:
            groups[outcome.name].append(reading_id)
        if not outcomes:
            kept.append(reading_id)
    lab.journal.keep_readings(kept)
    found = []
    for name, readings in groups.items():
        outcome = campaign.scored(name)
        scorer = scorer_of(outcome)
        scores = [
            (i, await asyncio.to_thread(score_reading, lab.journal, lab.home, i, scorer, outcome))
            for i in readings
        ]
        measurement = "" if outcome is campaign.outcome else outcome.name
        found.append(ScoredReadings(measurement, outcome.scorer or "", scorer.version, scores))
    lab.journal.record_scores(campaign_id, found, lab.clock.now())
