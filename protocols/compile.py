"""Compile: layout and protocol -> jobs, one for each step occurrence on each plate."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from protocols.campaign import Campaign
from protocols.instants import later
from protocols.jobs import Job
from protocols.layout import Layout, Placement
from protocols.operations import Operation
from protocols.protocol import Step
from protocols.references import WellOnDay
from protocols.step_timing import span
from protocols.timing import nominal_s


def compile_jobs(
    campaign: Campaign,
    campaign_id: str,
    layout: Layout,
    start: datetime,
    busy: Collection[str] = (),
) -> Iterator[Job]:
    """The jobs of a layout and its protocol, in the order in which they are due.

    What follows another step is due by how long that nominally takes, until it has really ended.

    Args:
        campaign: gives the protocol, the plates and the robots.
        campaign_id: begins every job key and plate id.
        layout: the conditions of the round, well by well.
        start: when the round begins: any time of its day 0, with its time zone, and with
            `start: now` the moment at which steps without a time of day are due.
        busy: robots that rounds in parallel still need; of robots that share the plates those that
            are free come first.
    """
    found: list[tuple[datetime, int, int, Job]] = []
    days, place = campaign.protocol.days_by_step, campaign.protocol.free_place(busy)
    for plate in range(1, campaign.plates.count + 1):
        jobs = list(_on_plate(campaign, campaign_id, layout, start, plate, place, days))
        followed = {job.after for _, job in jobs}
        for row, job in jobs:
            if job.key in followed:
                job = job.model_copy(update={"followed": True})
            found.append((job.due_at, row, plate, job))
    return (job for *_, job in sorted(found, key=lambda entry: entry[:3]))


class _End(NamedTuple):
    """When what a step follows nominally ends: the job and the time after it, or a moment."""

    key: str
    wait: timedelta
    moment: datetime


def _on_plate(
    campaign: Campaign,
    campaign_id: str,
    layout: Layout,
    start: datetime,
    plate: int,
    place: int,
    days_by_step: dict[str, tuple[int, ...]],
) -> Iterator[tuple[int, Job]]:
    """The jobs of one plate, each with the row of its step in the protocol."""
    placements = layout.on_plate(plate)
    plate_id = f"{campaign_id}/r{layout.round}/p{plate}"
    ends: dict[str, _End] = {}
    for row, step in enumerate(campaign.protocol.steps):
        days = days_by_step[step.name]
        interval = timedelta(0) if step.interval is None else span(step.interval)
        for index, day in enumerate(days):
            repeat = index % step.repeats
            if step.after is None:
                first = _moment(campaign, step, start, (*(step.days or ()),)[index // step.repeats])
                due = _End("", timedelta(0), later(first, repeat * interval))
            else:
                before, wait = ends[step.after.step], span(step.after.wait) + repeat * interval
                due = _End(before.key, before.wait + wait, later(before.moment, wait))
            if index == len(days) - 1:
                # Where it does nothing on this plate, what follows counts from when it was due.
                ends[step.name] = due
            operations = tuple(operations_on(campaign, step, day, days, placements))
            if not operations:
                continue
            key = f"{plate_id}/{step.name}/{index + 1}"
            if index == len(days) - 1:
                ended = later(due.moment, timedelta(seconds=nominal_s(operations)))
                ends[step.name] = _End(key, timedelta(0), ended)
            yield (
                row,
                Job(
                    key=key,
                    round=layout.round,
                    step=step.name,
                    occurrence=index + 1,
                    day=day,
                    plate=plate,
                    plate_id=plate_id,
                    labware=campaign.plates.labware_name,
                    defined=campaign.plates.defined,
                    robot=step.robot_of(plate, place),
                    due_at=due.moment,
                    tolerance_s=step.lateness.to("s"),
                    after=due.key,
                    wait_s=due.wait.total_seconds(),
                    operations=operations,
                ),
            )


def _moment(campaign: Campaign, step: Step, start: datetime, day: int) -> datetime:
    """When a step is due on a day of the round."""
    date = start.date() + timedelta(days=day)
    if campaign.starts_at_once and step.at is None:
        return start if day == 0 else datetime.combine(date, start.time(), tzinfo=start.tzinfo)
    return datetime.combine(date, step.time_of_day, tzinfo=start.tzinfo)


def operations_on(
    campaign: Campaign,
    step: Step,
    day: int,
    days: tuple[int, ...],
    placements: tuple[Placement, ...],
) -> Iterator[Operation]:
    """The operations of a step on one of its days, in the wells of some placements."""
    wells = [
        WellOnDay(
            name=placement.well.name,
            condition=placement.proposal.condition,
            parameters=campaign.space.by_name,
            days_before=day - days[0],
            days_after=days[-1] - day,
        )
        for placement in placements
    ]
    for template in step.operations:
        yield from template.compiled(wells)
