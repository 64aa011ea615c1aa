"""Jobs that are due by the end of another one: they get their time when it has ended."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session, col, select

from orchestrator.core.scheduling import Start
from orchestrator.journal.tables import OPEN_JOB, JobRow
from protocols.instants import between, later
from protocols.jobs import Job


class MovedJob(NamedTuple):
    """A job that was moved: where it belongs, whether others are due by its end, which attempt."""

    campaign_id: str
    round: int
    plate: int
    step: str
    robot: str
    day: int
    followed: bool | None
    attempt: int

    def told(self) -> dict[str, Any]:
        """What the event of the move says of it."""
        untold = ("campaign_id", "followed", "attempt")
        return {name: value for name, value in self._asdict().items() if name not in untold}


def move_followers(session: Session, key: str, ended: MovedJob, at: datetime) -> None:
    """Let what follows a job that ended at `at` be due by that, in a transaction that is open.

    What follows those in turn is expected as much earlier or later.
    """
    rows = session.exec(
        select(JobRow)
        .filter_by(campaign_id=ended.campaign_id, round=ended.round, plate=ended.plate)
        .where(text(OPEN_JOB))
        .order_by(col(JobRow.position))
        .with_for_update()
    ).all()
    passed: dict[str, timedelta] = {}
    for row in rows:
        job = Job.model_validate(row.job)
        if job.after == key:
            due = later(at, timedelta(seconds=job.wait_s))
            passed[row.key] = between(row.due_at, due)
        elif job.after in passed:
            passed[row.key] = passed[job.after]
        if shift := passed.get(row.key):
            row.begin_at = later(row.begin_at or row.due_at, shift)
            set_due(row, later(row.due_at, shift))


def set_due(row: JobRow, due: datetime) -> None:
    """Let a job be due at another time, also in what its robot is told."""
    row.due_at, row.job = due, row.job | {"due_at": due.isoformat()}


def expected(job: Job, start: Start | None) -> Job:
    """A job, due when the schedule expects the end of the one that it follows."""
    if start is None or start.due is None:
        return job
    return job.model_copy(update={"due_at": start.due})
