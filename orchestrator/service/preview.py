"""What a campaign file would do, had it been launched now."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from drivers.registry import clock as clock_named
from orchestrator.core.lifecycle import first_day
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import WellState
from orchestrator.intake.past_results import not_tried_again
from orchestrator.service.schema import (
    ConstraintShare,
    CostPlan,
    LaunchPreview,
    LiquidPlan,
    LoadPlan,
    SpaceShare,
    StepPlan,
    SubstancePlan,
)
from orchestrator.service.views import well_view
from protocols.campaign import Campaign
from protocols.compile import compile_jobs
from protocols.conditions import Observation
from protocols.jobs import Job
from protocols.layout import Layout
from protocols.loading import loads
from protocols.permitted_share import SAMPLES, permitted_share
from protocols.quantities import readable
from protocols.timing import nominal_s


def launch_preview(
    zone: ZoneInfo, campaign: Campaign, past: Sequence[Observation]
) -> LaunchPreview:
    """What a campaign would do in its first round, had it been launched now."""
    clock = clock_named("real", zone=zone)
    start = first_day(campaign, clock.now())
    plan = plan_round(campaign, 1, past)
    jobs = list(compile_jobs(campaign, campaign.name, plan.layout, start))
    return LaunchPreview(
        name=campaign.name,
        title=campaign.title or campaign.name,
        parameters=len(campaign.parameters),
        rounds=campaign.stop.rounds,
        wells=len(plan.layout.placements),
        days=campaign.protocol.last_day + 1,
        first_day=start,
        last_day=max((job.due_at for job in jobs), default=start),
        past_results=len(past),
        layout=[
            well_view(campaign.name, 1, WellState(well=p.well, proposal=p.proposal))
            for p in plan.layout.placements
        ],
        steps=_steps(campaign, jobs),
        liquids=_liquids(jobs),
        notices=[*not_tried_again(campaign, past), *plan.notices],
        ends_at=max((job.due_at + _lasting(job) for job in jobs), default=start),
        robot_hours=_robot_hours(jobs),
        loads=_loads(jobs),
        costs=_costs(campaign, plan.layout),
        space=space_share(campaign),
    )


def space_share(campaign: Campaign) -> SpaceShare:
    """How much of its space the constraints of a campaign leave."""
    found = permitted_share(campaign.space, campaign.seed)
    return SpaceShare(
        share=found.share,
        samples=SAMPLES,
        constraints=[
            ConstraintShare(
                constraint=str(rule),
                reason=rule.reason,
                share=found.by_rule[index],
                exact=index in found.exact,
            )
            for index, rule in enumerate(campaign.constraints)
        ],
    )


def _steps(campaign: Campaign, jobs: Sequence[Job]) -> list[StepPlan]:
    counts, days = Counter(job.step for job in jobs), campaign.protocol.days_by_step
    return [
        StepPlan(
            step=step.name,
            title=step.title,
            robots=list(step.robots),
            days=sorted(set(days[step.name])),
            when=step.when,
            jobs=counts[step.name],
        )
        for step in campaign.protocol.steps
    ]


def _liquids(jobs: Sequence[Job]) -> list[LiquidPlan]:
    volumes: defaultdict[str, float] = defaultdict(float)
    for job in jobs:
        for operation in job.operations:
            if operation.added is not None:
                volumes[operation.added.name] += operation.added.volume_ul
    return [LiquidPlan(liquid=name, volume_ul=volume) for name, volume in sorted(volumes.items())]


def _lasting(job: Job) -> timedelta:
    return timedelta(seconds=nominal_s(job.operations))


def _robot_hours(jobs: Sequence[Job]) -> dict[str, float]:
    hours: defaultdict[str, float] = defaultdict(float)
    for job in jobs:
        hours[job.robot] += _lasting(job) / timedelta(hours=1)
    return dict(sorted(hours.items()))


def _loads(jobs: Sequence[Job]) -> list[LoadPlan]:
    return [
        LoadPlan(
            day=load.day,
            plates=load.plates,
            liquids_ul=load.liquids_ul,
            substances=[
                SubstancePlan(substance=it.name, amount=amount, unit=unit)
                for it in load.substances
                for amount, unit in (readable(it.amount, it.unit),)
            ],
            tips={f"{size:g}": number for size, number in load.tips.items()},
        )
        for load in loads(jobs)
    ]


def _costs(campaign: Campaign, layout: Layout) -> list[CostPlan]:
    amounts = [campaign.space.amounts(p.proposal.condition.root) for p in layout.placements]
    return [
        CostPlan(cost=cost.name, unit=cost.unit, total=sum(map(cost, amounts)))
        for cost in campaign.costs
    ]
