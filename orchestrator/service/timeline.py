"""The numbers behind the timeline of a round: when each robot was to work, and when it did."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from orchestrator.core.state import CampaignState
from orchestrator.journal import queries
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import JobRow
from orchestrator.languages import gettext, in_words, moment
from orchestrator.service.schema import JobView
from orchestrator.service.schema.charts import TimelineChart, TimelineJob
from orchestrator.service.views import job_view

MOST_JOBS = 5_000
"""As many as a browser draws in a moment."""


def timeline_chart(
    journal: Journal, state: CampaignState, number: int, zone: tzinfo
) -> TimelineChart:
    """The jobs of a round, by the lab's clock."""
    found = queries.jobs(journal, state.id, round_number=number, limit=MOST_JOBS)
    rows = [row for _, row in found]
    now = journal.last_moment(state.id)
    there = sum(queries.job_counts(journal, state.id, number).values())
    robots = {row.robot for row in rows}
    began = _beginnings(rows)
    return TimelineChart(
        campaign=state.id,
        round=number,
        now=now and now.astimezone(zone),
        robots=[name for name in state.campaign.robots if name in robots],
        jobs=[_timeline_job(row, began.get(row.key), zone) for row in rows],
        left_out=there - len(rows),
    )


def _beginnings(rows: Sequence[JobRow]) -> dict[str, datetime]:
    """When each job that was sent was begun at the earliest: a robot does one after the other."""
    found: dict[str, datetime] = {}
    free: dict[str, datetime] = {}
    sent = [(row.dispatched_at, row) for row in rows if row.dispatched_at is not None]
    for at, row in sorted(
        sent, key=lambda one: (one[0], one[1].ended_at or datetime.max.replace(tzinfo=UTC))
    ):
        found[row.key] = max(at, free.get(row.robot, at))
        if row.ended_at is not None:
            free[row.robot] = max(row.ended_at, free.get(row.robot, row.ended_at))
    return found


def _timeline_job(row: JobRow, began: datetime | None, zone: tzinfo) -> TimelineJob:
    view = job_view(row, zone)
    began = began and began.astimezone(zone)
    return TimelineJob(
        key=view.key,
        plate=view.plate,
        step=view.step,
        day=view.day,
        robot=view.robot,
        state=view.state,
        due_at=view.due_at,
        latest=row.latest.astimezone(zone),
        sent=view.dispatched_at,
        began=began,
        ended=view.ended_at,
        text=_text(view, began),
    )


def _text(job: JobView, began: datetime | None) -> str:
    said = {
        "job": job.key,
        "robot": job.robot,
        "state": in_words(job.state),
        "due": moment(job.due_at),
    }
    if began is None:
        return gettext("{job}, {robot}: {state}, due {due}", **said)
    said["began"] = moment(began)
    if job.ended_at is None:
        return gettext("{job}, {robot}: {state}, due {due}, begun {began}", **said)
    said["minutes"] = f"{max((job.ended_at - began).total_seconds(), 0.0) / 60:.3g}"
    return gettext("{job}, {robot}: {state}, due {due}, begun {began}, took {minutes} min", **said)
