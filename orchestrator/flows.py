"""Flows: do what `lifecycle` says and write down what came of it. One Prefect flow a round, one task a job."""

import asyncio
from collections import defaultdict
from datetime import datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from orchestrator import dispatch
from orchestrator.lab import Lab, current_lab
from orchestrator.lifecycle import (
    AskOperator,
    CarryOut,
    Drop,
    FinishCampaign,
    FinishRound,
    PlanRound,
    ScoreReadings,
    WaitUntil,
    next_actions,
)
from orchestrator.planning import plan_round
from orchestrator.state import JobStatus
from protocols.compile import compile_jobs
from protocols.scoring import SCORER_VERSION, Score, score_png


async def run_campaign(lab: Lab, campaign_id: str) -> list[AskOperator]:
    """Carry a campaign on until it is over or waits for a person; returns what the person is asked."""
    token = current_lab.set(lab)
    try:
        while True:
            state = lab.journal.state(campaign_id)
            actions = next_actions(state, lab.clock.now())
            match actions:
                case []:
                    return []
                case [PlanRound(number=number)]:
                    # A round's flow plans it first, so that Prefect shows the proposal as its first task.
                    waiting = await carry_round(campaign_id, number)
                case [FinishCampaign(reason=reason)]:
                    lab.journal.finish_campaign(campaign_id, reason, lab.clock.now())
                    return []
                case _:
                    waiting = await carry_round(campaign_id, state.rounds[-1].number)
            if waiting:
                return waiting
    finally:
        current_lab.reset(token)


@flow(name="round", flow_run_name="{campaign_id}: round {number}", validate_parameters=False)
async def carry_round(campaign_id: str, number: int) -> list[AskOperator]:
    """Carry one round on until it is finished, or until only a person can help."""
    lab = current_lab.get()
    while True:
        actions = next_actions(lab.journal.state(campaign_id), lab.clock.now())
        questions = [action for action in actions if isinstance(action, AskOperator)]
        if len(questions) == len(actions):
            return questions
        queues: dict[str, list[CarryOut]] = defaultdict(list)
        for action in actions:
            match action:
                case PlanRound():
                    if action.number != number:
                        return []
                    await plan(campaign_id, action)
                case CarryOut():
                    queues[action.robot].append(action)
                case Drop():
                    lab.journal.move_job(action.key, JobStatus.PLANNED, JobStatus.DROPPED, lab.clock.now())
                case ScoreReadings():
                    await score(campaign_id, action)
                case WaitUntil():
                    await lab.clock.sleep_until(action.moment)
                case FinishRound():
                    lab.journal.finish_round(campaign_id, number, lab.clock.now())
                case FinishCampaign():
                    return []
        ended = await asyncio.gather(*(_work_off(campaign_id, queue) for queue in queues.values()))
        if ended:
            # On a virtual clock robots stamp what they do ahead of it; it catches up when all of them are ready.
            await lab.clock.sleep_until(max(ended))


async def _work_off(campaign_id: str, queue: list[CarryOut]) -> datetime:
    """The jobs of one robot, one after the other; returns when the last of them ended."""
    ended = []
    for action in queue:
        named = carry_out.with_options(task_run_name=action.key, tags=[f"robot:{action.robot}"])
        ended.append(await named(campaign_id, action.key))
    return max(ended)


@task(name="job", cache_policy=NO_CACHE)
async def carry_out(campaign_id: str, key: str) -> datetime:
    """See one job to its end; returns when it ended."""
    return await dispatch.carry_out(current_lab.get(), campaign_id, key)


@task(name="propose and lay out", task_run_name="propose and lay out", cache_policy=NO_CACHE)
async def plan(campaign_id: str, action: PlanRound) -> None:
    """Propose a batch, lay it out, compile it and write down its jobs."""
    lab = current_lab.get()
    state = lab.journal.state(campaign_id)
    planned = await asyncio.to_thread(plan_round, state.campaign, action.number, state.observations)
    jobs = compile_jobs(state.campaign, campaign_id, planned.layout, action.start)
    lab.journal.plan_round(campaign_id, planned.layout, jobs, planned.notices, action.start, lab.clock.now())


@task(name="score", task_run_name="score", cache_policy=NO_CACHE)
async def score(campaign_id: str, action: ScoreReadings) -> None:
    """Derive observations from readings."""
    lab = current_lab.get()
    objective = lab.journal.state(campaign_id).campaign.objective
    scores = []
    for reading_id in action.readings:
        scores.append((reading_id, await asyncio.to_thread(_score, lab, reading_id, objective.scorer)))
    lab.journal.record_scores(scores, objective.scorer, SCORER_VERSION, lab.clock.now())


def _score(lab: Lab, reading_id: int, scorer: str) -> Score:
    reading = lab.journal.reading(reading_id)
    try:
        png = (lab.home / reading.path).read_bytes()
    except OSError:
        return Score(ratio=None, flags=("image_missing",))
    return score_png(png, scorer)
