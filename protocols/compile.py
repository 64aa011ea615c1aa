"""Compile: layout and protocol -> jobs, one for each step occurrence on each plate."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from protocols.campaign import Campaign
from protocols.jobs import Job
from protocols.layout import Layout, Placement
from protocols.operations import Operation
from protocols.protocol import Step
from protocols.references import WellOnDay


def compile_jobs(
    campaign: Campaign, campaign_id: str, layout: Layout, start: datetime
) -> Iterator[Job]:
    """The jobs of a layout and its protocol, in the order in which they are due.

    Args:
        campaign: gives the protocol, the plates and the robots.
        campaign_id: begins every job key and plate id.
        layout: the conditions of the round, well by well.
        start: any time of the round's day 0, with its time zone.
    """
    for day in range(campaign.protocol.last_day + 1):
        for step in campaign.protocol.steps:
            if day not in step.days:
                continue
            occurrence = list(step.days).index(day) + 1
            due_at = datetime.combine(
                start.date() + timedelta(days=day), step.at, tzinfo=start.tzinfo
            )
            for plate in range(1, campaign.plates.count + 1):
                operations = tuple(_operations(campaign, step, day, layout.on_plate(plate)))
                if not operations:
                    continue
                plate_id = f"{campaign_id}/r{layout.round}/p{plate}"
                yield Job(
                    key=f"{plate_id}/{step.name}/{occurrence}",
                    round=layout.round,
                    step=step.name,
                    occurrence=occurrence,
                    day=day,
                    plate=plate,
                    plate_id=plate_id,
                    labware=campaign.plates.labware,
                    robot=step.robot_of(plate),
                    due_at=due_at,
                    tolerance_s=step.tolerance.to("s"),
                    operations=operations,
                )


def _operations(
    campaign: Campaign, step: Step, day: int, placements: tuple[Placement, ...]
) -> Iterator[Operation]:
    wells = [
        WellOnDay(
            name=placement.well.name,
            condition=placement.proposal.condition,
            parameters=campaign.space.by_name,
            days_before=day - step.days.first,
            days_after=step.days.last - day,
        )
        for placement in placements
    ]
    for template in step.operations:
        yield from template.compiled(wells)
