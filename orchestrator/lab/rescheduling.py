"""Rescheduling: what is left of a round, when it is late or a robot was replaced."""

from datetime import timedelta

from orchestrator.core.scheduling import (
    Unavailability,
    closed,
    cost,
    earliest_due_first,
    schedule,
    starts,
    tasks_of,
)
from orchestrator.core.state import JobStatus
from orchestrator.lab.lab import Lab


def reschedule(lab: Lab, campaign_id: str, number: int) -> None:
    """Schedule what is left of a round again, from now on."""
    now = lab.clock.now()
    left = lab.journal.open_jobs(campaign_id, number)
    stuck = {
        job.plate for job, state, _ in left if state.status in (JobStatus.IN_DOUBT, JobStatus.LATE)
    }
    open_keys = {state.key for _, state, _ in left}
    tasks, away = [], []
    for task, (job, state, since) in zip(
        tasks_of((job for job, _, _ in left), lab.known_seconds(campaign_id)), left, strict=True
    ):
        if state.status.in_flight and since is not None:
            away.append(
                Unavailability(job.robot, now, max(now, since + timedelta(seconds=task.seconds)))
            )
        elif state.status is JobStatus.PLANNED and job.plate not in stuck:
            due = max(task.due, now)
            # What follows an open job is late only by when that will have ended.
            patient = task.after in open_keys
            tasks.append(
                task.due_at(due) if patient else task._replace(due=due, latest=state.latest_at)
            )
    away += closed(lab.journal.state(campaign_id).campaign.robots, tasks, now)
    found, first = schedule(tasks, away), cost(earliest_due_first(tasks, away))
    message = (
        ""
        if cost(found) == first
        else f"{cost(found)[0]} jobs will begin too late instead of {first[0]}"
    )
    lab.journal.reschedule(campaign_id, number, starts(found), now, message)
