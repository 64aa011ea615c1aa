"""Rehearsal: a campaign on virtual robots before its launch: times, waits, lateness."""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from orchestrator.control.act import Act, perform
from orchestrator.control.jobs import Decide
from orchestrator.core.events import EventKind
from orchestrator.core.lifecycle import AskApproval, AskOperator
from orchestrator.core.state import CampaignState
from orchestrator.engine.advance import advance
from orchestrator.journal import queries as record
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import open_lab
from orchestrator.settings import Settings
from orchestrator.studies.training import plausible_values
from protocols.campaign import Campaign
from protocols.campaign_parts import RobotConfig
from protocols.jobs import Job
from protocols.loading import Load, loads
from protocols.working_hours import WorkingHours

_WAITS_S = 60.0
"""A job that begins later than this after it was due waited for its robot."""


class RehearsedJob(NamedTuple):
    """A job and when its robot would have begun and ended it, in the lab's time zone."""

    job: Job
    began_at: datetime
    ended_at: datetime
    late: bool

    @property
    def wait(self) -> timedelta:
        """How long it waited for its robot."""
        return max(self.began_at - self.job.due_at, timedelta(0))


class Conflict(NamedTuple):
    """A conflict: what cannot be done as planned (or, if not `fatal`, waits), and its remedy."""

    robot: str
    step: str
    message: str
    remedy: str
    fatal: bool


class Utilisation(NamedTuple):
    """A robot's load: hours of work, its busiest day, and the share of that day it works."""

    robot: str
    jobs: int
    hours: float
    busiest: datetime
    busiest_hours: float


@dataclass(frozen=True)
class Rehearsal:
    """The result of a rehearsal; values in `state` are of the virtual culture, no forecast."""

    state: CampaignState
    jobs: tuple[RehearsedJob, ...]
    conflicts: tuple[Conflict, ...]
    utilisation: tuple[Utilisation, ...]
    loads: tuple[Load, ...]


def rehearse(
    campaign: Campaign,
    settings: Settings,
    hours: WorkingHours | None = None,
    absent: Mapping[str, Sequence[str]] | None = None,
) -> Rehearsal:
    """Run a campaign on virtual robots and a virtual clock, in a folder of its own.

    Every robot takes the simulated robot's time for each operation; its faults and limits stay out
    of it. A job whose tolerance is broken is noted and done late, so that everything after it is
    seen as well.

    Args:
        campaign: from its file; approvals, targets and the stop by expected gain are left out, so
            that nothing is too short.
        settings: give the time zone.
        hours: when people are in the lab; what is done outside of them is noted.
        absent: robots that the lab does not have, with the steps that need them: conflicts, but
            rehearsed all the same.
    """
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        virtual = Settings(home=Path(folder), time_zone=settings.time_zone)
        journal = Journal(virtual.journal_url)
        try:
            campaign_id = journal.create_campaign(
                _on_virtual_robots(campaign), "", [], datetime.now(UTC)
            )
            asyncio.run(_simulate(virtual, journal, campaign_id))
            state = journal.state(campaign_id)
            jobs = tuple(_rehearsed(journal, state, settings))
        finally:
            journal.close()
    return Rehearsal(
        state=state,
        jobs=jobs,
        conflicts=(*_missing(absent or {}), *_conflicts(campaign, jobs, hours)),
        utilisation=tuple(_utilisation(jobs)),
        loads=tuple(loads(entry.job for entry in jobs)),
    )


def _on_virtual_robots(campaign: Campaign) -> Campaign:
    def virtual(config: RobotConfig) -> RobotConfig:
        culture = config.options.get("culture") if config.driver == "simulated" else None
        options = {"lab": "rehearsal"} | ({"culture": culture} if culture else {})
        return RobotConfig(driver="simulated", options=options, hours=config.hours)

    return campaign.model_copy(
        update={
            "robots": {name: virtual(config) for name, config in campaign.robots.items()},
            "rounds": campaign.rounds.model_copy(update={"approval": False}),
            "stop": campaign.stop.model_copy(update={"target": None, "least_gain": None}),
        }
    )


async def _simulate(settings: Settings, journal: Journal, campaign_id: str) -> None:
    lab = open_lab(settings, journal, journal.state(campaign_id))
    try:
        while True:
            outlook = await advance(lab, campaign_id)
            for question in outlook.questions:
                assert not isinstance(question, AskApproval), "a rehearsal has no approvals"
                act: Act = (
                    Decide(job=question.key, decision="again", why="to see what comes after it")
                    if isinstance(question, AskOperator)
                    else plausible_values(journal.state(campaign_id), question.round)
                )
                perform(lab, campaign_id, act, "rehearsal")
            if outlook.moment is not None and not outlook.questions:
                await lab.clock.sleep_until(outlook.moment)
            elif not outlook.questions:
                return
    finally:
        for robot in lab.robots.values():
            await robot.close()


def _rehearsed(journal: Journal, state: CampaignState, settings: Settings) -> list[RehearsedJob]:
    late = {event.subject for event in journal.events(state.id, kinds=[EventKind.JOB_LATE])}
    rows, after = [], -1
    while page := record.jobs(journal, state.id, after=after, limit=500):
        after = page[-1][0]
        rows += [row for _, row in page]
    # A robot works on one job after the other: it begins a job when it has ended the one before.
    free: dict[str, datetime] = {}
    spans: dict[str, tuple[datetime, datetime]] = {}
    done = [
        (row.ended_at, row.dispatched_at, row) for row in rows if row.ended_at and row.dispatched_at
    ]
    for ended, sent, row in sorted(done, key=lambda entry: entry[0]):
        spans[row.key] = (
            max(sent, free.get(row.robot, sent)).astimezone(settings.zone),
            ended.astimezone(settings.zone),
        )
        free[row.robot] = ended
    found = []
    for row in rows:
        if row.key in spans:
            job = Job.model_validate(row.job)
            job = job.model_copy(update={"due_at": job.due_at.astimezone(settings.zone)})
            found.append(RehearsedJob(job, *spans[row.key], row.key in late))
    return found


def _missing(absent: Mapping[str, Sequence[str]]) -> Iterator[Conflict]:
    for robot, steps in absent.items():
        for step in steps:
            remedy = f"{robot} in the lab file, or another robot of the lab for step {step}"
            yield Conflict(robot, step, "the lab has no such robot", remedy, True)


def _conflicts(
    campaign: Campaign, jobs: Sequence[RehearsedJob], hours: WorkingHours | None
) -> list[Conflict]:
    by_step: dict[tuple[str, str], list[RehearsedJob]] = defaultdict(list)
    for entry in jobs:
        by_step[entry.job.robot, entry.job.step].append(entry)
    found = []
    for (robot, step), entries in by_step.items():
        tolerance = timedelta(seconds=entries[0].job.tolerance_s)
        worst = max(entries, key=lambda entry: entry.wait)
        late = [entry for entry in entries if entry.late or entry.wait > tolerance]
        if late:
            remedy = (
                f"a tolerance of {_span(worst.wait)}, fewer plates a robot, one more robot "
                f"that shares step {step}"
            )
            remedy += "" if campaign.robots[robot].hours is None else f", longer hours of {robot}"
            message = (
                f"{len(late)} of {len(entries)} jobs begin after their tolerance of "
                f"{_span(tolerance)}; "
                f"the worst, {worst.job.key}, {_span(worst.wait)} after it was due at "
                f"{worst.job.due_at:%Y-%m-%d %H:%M}"
            )
            found.append(Conflict(robot, step, message, remedy, True))
        elif worst.wait.total_seconds() > _WAITS_S:
            message = (
                f"jobs wait for their robot, up to {_span(worst.wait)} of the "
                f"{_span(tolerance)} that they may"
            )
            found.append(Conflict(robot, step, message, "", False))
        outside = (
            [] if hours is None else [e for e in entries if not hours.cover(e.began_at, e.ended_at)]
        )
        if outside:
            latest = max(outside, key=lambda entry: entry.ended_at.time())
            message = (
                f"{len(outside)} of {len(entries)} jobs are not within {hours}, such as "
                f"{latest.job.key}"
            )
            message += f" ({latest.began_at:%H:%M} to {latest.ended_at:%H:%M})"
            found.append(
                Conflict(
                    robot,
                    step,
                    message,
                    f"another time of day (`at`) for step {step}, or fewer plates",
                    True,
                )
            )
    return sorted(found, key=lambda conflict: not conflict.fatal)


def _utilisation(jobs: Sequence[RehearsedJob]) -> list[Utilisation]:
    by_robot: dict[str, list[RehearsedJob]] = defaultdict(list)
    for entry in jobs:
        by_robot[entry.job.robot].append(entry)
    found = []
    for robot, entries in by_robot.items():
        days: defaultdict[datetime, float] = defaultdict(float)
        for entry in entries:
            midnight = entry.began_at.replace(hour=0, minute=0, second=0, microsecond=0)
            days[midnight] += (entry.ended_at - entry.began_at).total_seconds() / 3600
        busiest = max(days, key=lambda day: days[day])
        found.append(Utilisation(robot, len(entries), sum(days.values()), busiest, days[busiest]))
    return found


def _span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
