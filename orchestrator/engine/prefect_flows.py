"""Flows: a campaign under Prefect, one flow a round, one task a job, with readable names."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from orchestrator.core.lifecycle import FinishCampaign, PlanRound, Question, next_actions
from orchestrator.engine.advance import Outlook, advance
from orchestrator.engine.plain import advanced
from orchestrator.lab.lab import Lab, current_lab


async def run_campaign(lab: Lab, campaign_id: str) -> tuple[Question, ...]:
    """Run a campaign until it is over or waits for a person; returns what that one is asked."""
    token = current_lab.set(lab)
    try:
        while actions := next_actions(lab.state(campaign_id), lab.clock.now()):
            match actions:
                case [FinishCampaign()]:
                    await advance(lab, campaign_id)
                    continue
                case _ if lab.journal.state(campaign_id).campaign.rounds.in_parallel > 1:
                    outlook = await run_rounds(campaign_id)
                case [PlanRound(number=number)]:
                    outlook = await run_round(campaign_id, number)
                case _:
                    number = lab.journal.state(campaign_id).rounds[-1].number
                    outlook = await run_round(campaign_id, number)
            if outlook.questions:
                return outlook.questions
        return ()
    finally:
        current_lab.reset(token)


@flow(name="round", flow_run_name="{campaign_id}: round {number}", validate_parameters=False)
async def run_round(campaign_id: str, number: int) -> Outlook:
    """Run one round until it is finished, or until only a person can help."""
    return await advanced(current_lab.get(), campaign_id, as_task, number)


@flow(name="rounds", flow_run_name="{campaign_id}: rounds in parallel", validate_parameters=False)
async def run_rounds(campaign_id: str) -> Outlook:
    """Run rounds in parallel until the campaign is over, or until only a person can help."""
    return await advanced(current_lab.get(), campaign_id, as_task)


async def as_task(
    name: str, tags: Sequence[str], work: Callable[..., Awaitable[Any]], *arguments: Any
) -> Any:
    """Run `work(*arguments)` as a Prefect task with a name and tags that a person can read."""
    # Prefect looks into each argument for results of other tasks, and a lab is large: it is handed
    # over closed.
    return await run_task.with_options(task_run_name=name, tags=list(tags))(
        partial(work, *arguments)
    )


@task(name="work", cache_policy=NO_CACHE)
async def run_task(work: Callable[[], Awaitable[Any]]) -> Any:
    """One piece of work of a round: a job, a proposal, a batch of scores."""
    return await work()
