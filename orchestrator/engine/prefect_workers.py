"""A lab with workers: flows that Prefect workers run, on the computer that has the robot's cable.

`advance` hands each job out as a flow run in the work queue of its robot. Prefect brings the runs
to the workers and shows them; whether a job may be sent, and whether it was done, is decided by the
journal and the robot, so a run that is lost, late or started twice costs nothing.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from anyio.abc import TaskStatus
from prefect import flow, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.flow_engine import run_flow_async
from prefect.flows import load_flow_from_flow_run
from prefect.states import Cancelled, Crashed, Scheduled
from prefect.types.entrypoint import EntrypointType
from prefect.workers.base import BaseJobConfiguration
from prefect.workers.process import ProcessWorker, ProcessWorkerResult

from orchestrator.control.stop import request_stop
from orchestrator.core.by import By
from orchestrator.core.events import EventKind
from orchestrator.core.lifecycle import ExecuteJob, Question, next_actions
from orchestrator.engine.advance import Outlook, advance
from orchestrator.engine.dispatch import execute_job
from orchestrator.errors import Owned
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import campaign_resource, robot_resource
from orchestrator.lab.lab import clock_for, open_journal, open_lab
from orchestrator.lab.lease import owned
from orchestrator.lab.robots import stop_robot, used_robot
from orchestrator.settings import Settings

POOL = "wellwise"
ORCHESTRATOR = "orchestrator"
"""The work queue of the runs that advance campaigns; every other queue is a robot's."""

_START_S = 120.0
"""How long a run may take from its hand-out by Prefect until its process works."""

_STOP_S = 30.0
"""How long to wait for the answers of all robots' computers."""

_LOOK_S = 0.5
"""How often the journal is looked at while others work."""

_SAFETY_NET = timedelta(minutes=1)
"""How often every running campaign is advanced, independently of the runs planned for it."""

_LIVING = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING]

_log = logging.getLogger("prefect.wellwise")


@flow(name="job", flow_run_name="{key}", validate_parameters=False)
async def run_job(campaign_id: str, key: str) -> None:
    """One job, on the computer of its robot; afterwards the campaign is advanced."""
    with _journal() as (settings, journal):
        job, _ = journal.job(key)
        lab = open_lab(settings, journal, journal.state(campaign_id), robots=[job.robot])
        async with used_robot(lab, campaign_id, job.robot) as used:
            await execute_job(lab, used, key)
    await request_advance(campaign_id)


@flow(name="stop", flow_run_name="stop {robot}", validate_parameters=False)
async def stop_idle_robot(campaign_id: str, robot: str) -> None:
    """Stop a robot that no job's process speaks to; such a process stops it by itself."""
    with _journal() as (settings, journal):
        try:
            lab = open_lab(settings, journal, journal.state(campaign_id), robots=[robot])
            async with used_robot(lab, campaign_id, robot, wait=False) as used:
                await stop_robot(lab, campaign_id, robot, used.driver)
        except Owned:
            _log.info("robot %s is stopped by the run that works with it", robot)


@flow(name="advance", flow_run_name="advance {campaign_id}", validate_parameters=False)
async def advance_campaign(campaign_id: str = "") -> None:
    """Do what is due, hand out jobs, and say when to come back; for every campaign or one."""
    with _journal() as (settings, journal):
        chosen = [campaign_id] if campaign_id else journal.campaign_ids(running=True)
        for name in chosen:
            await advance_with_workers(settings, journal, name)


async def advance_with_workers(settings: Settings, journal: Journal, campaign_id: str) -> Outlook:
    """Advance a campaign whose robots have workers, and plan the next run when one is due."""
    async with (
        owned(journal, campaign_resource(campaign_id), settings.lease_s, _note_wait),
        get_client() as client,
    ):
        lab = open_lab(settings, journal, journal.state(campaign_id), robots=[])
        handed_out = 0

        async def hand_out(action: ExecuteJob) -> None:
            nonlocal handed_out
            handed_out += 1
            await _hand_out(client, settings, journal, campaign_id, action)

        outlook = await advance(lab, campaign_id, hand_out=hand_out)
        waits = [settings.lease_s + _START_S / 8] if handed_out else []
        if outlook.moment is not None:
            waits.append(
                (outlook.moment - lab.clock.now()).total_seconds() / (settings.speed or 1.0)
            )
        if waits:
            await _come_back(
                client, campaign_id, datetime.now(UTC) + timedelta(seconds=max(0.0, min(waits)))
            )
    return outlook


async def request_advance(campaign_id: str) -> None:
    """Have a campaign advanced soon, by whoever serves the orchestrator's queue."""
    async with get_client() as client:
        await _come_back(client, campaign_id, datetime.now(UTC))


async def follow(settings: Settings, journal: Journal, campaign_id: str) -> tuple[Question, ...]:
    """Have the lab's workers run a campaign; returns when it is over or a person is asked."""
    await request_advance(campaign_id)
    while True:
        state = journal.state(campaign_id)
        clock = clock_for(settings, state, journal.last_moment(campaign_id))
        actions = next_actions(state, clock.now())
        questions = [action for action in actions if isinstance(action, Question)]
        if len(questions) == len(actions):
            return tuple(questions)
        await asyncio.sleep(_LOOK_S)


async def stop_now(
    settings: Settings, journal: Journal, campaign_id: str, by: By
) -> dict[str, str]:
    """Stop the robots of a lab and pause the campaign; returns those that were not stopped.

    Whoever works with a robot stops it; a robot that nobody works with is stopped by a run in its
    queue.
    """
    state = journal.state(campaign_id)
    lab = open_lab(settings, journal, state, robots=[])
    seen = journal.last_event(campaign_id)
    request_stop(lab, campaign_id, by)
    async with get_client() as client:
        for robot in state.campaign.robots:
            await _create_run(
                client, "stop", {"campaign_id": campaign_id, "robot": robot}, robot, []
            )
    answers: dict[str, str] = {}
    try:
        async with asyncio.timeout(_STOP_S):
            while answers.keys() < state.campaign.robots.keys():
                await asyncio.sleep(_LOOK_S)
                for event in journal.events(
                    campaign_id, seen, kinds=[EventKind.ROBOT_STOPPED, EventKind.ROBOT_NOT_STOPPED]
                ):
                    answers[event.subject] = (
                        event.message if event.kind == EventKind.ROBOT_NOT_STOPPED else ""
                    )
    except TimeoutError:
        for robot in state.campaign.robots:
            answers.setdefault(robot, f"no worker answered within {_STOP_S:g} s")
    return {robot: error for robot, error in answers.items() if error}


async def work(queues: Sequence[str]) -> None:
    """Serve the work queues of this computer's robots, or the orchestrator's, until interrupted."""
    async with get_client() as client:
        await _prepare(client, queues)
    with _journal() as (_, journal):
        for campaign_id in journal.campaign_ids(running=True):
            # What a worker that died here had in hand is looked at now and not only when the net
            # catches it.
            await request_advance(campaign_id)
    await LabWorker(work_pool_name=POOL, work_queues=list(queues), name=", ".join(queues)).start(
        printer=_log.info
    )


class LabWorker(ProcessWorker):
    """A Prefect worker that does its runs in its own process, without new imports for each job.

    Prefect's own `prefect worker start` does the same runs, in a process each.
    """

    @classmethod
    def __dispatch_key__(cls) -> str:
        """In addition to Prefect's process worker, not in its place."""
        return "wellwise"

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Do one run; how it ended is reported to Prefect and needs nobody here."""
        if task_status is not None:
            task_status.started(os.getpid())
        entry = await load_flow_from_flow_run(flow_run)
        state = await run_flow_async(entry, flow_run, flow_run.parameters, return_type="state")
        assert isinstance(state, State)
        return ProcessWorkerResult(
            status_code=0 if state.is_completed() else 1, identifier=str(flow_run.id)
        )


async def _prepare(client: PrefectClient, queues: Sequence[str]) -> None:
    """Work pool, queues and deployments, made or brought up to date."""
    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(
        name=POOL, type="process", base_job_template=template, description="robots of the lab"
    )
    with suppress(ObjectAlreadyExists):
        await client.create_work_pool(pool)
    for queue in queues:
        await _ensure_queue(client, queue)
    await _ensure_queue(client, ORCHESTRATOR)
    for entry, interval in (
        (run_job, None),
        (stop_idle_robot, None),
        (advance_campaign, _SAFETY_NET),
    ):
        deployment = RunnerDeployment.from_flow(
            entry,
            name=POOL,
            work_pool_name=POOL,
            work_queue_name=ORCHESTRATOR,
            entrypoint_type=EntrypointType.MODULE_PATH,
            interval=interval,
        )
        await cast(Awaitable[UUID], deployment.apply())


async def _ensure_queue(client: PrefectClient, queue: str) -> None:
    with suppress(ObjectAlreadyExists):
        await client.create_work_queue(queue, work_pool_name=POOL)


async def _hand_out(
    client: PrefectClient,
    settings: Settings,
    journal: Journal,
    campaign_id: str,
    action: ExecuteJob,
) -> None:
    """Put a job into its robot's queue, unless a run of it waits there or is at work."""
    tag = f"job:{action.key}"
    now = datetime.now(UTC)
    for run in await _living_runs(client, tag):
        assert run.state is not None
        if run.state.type is StateType.SCHEDULED and run.work_queue_name != action.robot:
            await client.set_flow_run_state(
                run.id, Cancelled(message="its plate was handed over"), force=True
            )
            continue
        if (
            run.state.type is StateType.SCHEDULED
            or journal.holder(robot_resource(action.robot)) is not None
        ):
            return
        patience = _START_S if run.state.type is StateType.PENDING else settings.lease_s
        if run.state.timestamp + timedelta(seconds=patience) > now:
            return
        await client.set_flow_run_state(run.id, Crashed(message="its worker is gone"), force=True)
        journal.note(
            campaign_id,
            now,
            EventKind.WORKER_LOST,
            action.robot,
            f"nobody works on {action.key} any more",
        )
    await _ensure_queue(client, action.robot)
    parameters = {"campaign_id": campaign_id, "key": action.key}
    await _create_run(client, "job", parameters, action.robot, [tag, f"robot:{action.robot}"])


async def _come_back(client: PrefectClient, campaign_id: str, moment: datetime) -> None:
    """Have the campaign advanced at a moment, unless a run before it is planned anyway."""
    tag = f"campaign:{campaign_id}"
    for run in await _living_runs(client, tag, [StateType.SCHEDULED]):
        if run.expected_start_time is not None and run.expected_start_time <= moment + timedelta(
            seconds=1
        ):
            return
    await _create_run(client, "advance", {"campaign_id": campaign_id}, ORCHESTRATOR, [tag], moment)


async def _create_run(
    client: PrefectClient,
    flow_name: str,
    parameters: dict[str, str],
    queue: str,
    tags: Sequence[str],
    moment: datetime | None = None,
) -> None:
    try:
        deployment = await client.read_deployment_by_name(f"{flow_name}/{POOL}")
    except ObjectNotFound:
        # A server that knows no lab yet: the run waits there until somebody serves its queue.
        await _prepare(client, [queue])
        deployment = await client.read_deployment_by_name(f"{flow_name}/{POOL}")
    await client.create_flow_run_from_deployment(
        deployment.id,
        parameters=parameters,
        state=Scheduled(scheduled_time=moment),
        work_queue_name=queue,
        tags=list(tags),
    )


async def _living_runs(
    client: PrefectClient, tag: str, states: Sequence[StateType] = _LIVING
) -> list[FlowRun]:
    chosen = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))),
    )
    return await client.read_flow_runs(flow_run_filter=chosen)


@contextmanager
def _journal() -> Iterator[tuple[Settings, Journal]]:
    settings = Settings()
    journal = open_journal(settings)
    try:
        yield settings, journal
    finally:
        journal.close()


def _note_wait(held: Owned) -> None:
    _log.info("waiting: %s", held)
