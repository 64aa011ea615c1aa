"""Whether robots can do their steps, at the extremes of every parameter."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import ValidationError

from drivers.base import Clock, RobotSetup
from drivers.registry import clock, make_driver
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.compile import compile_jobs, operations_on
from protocols.conditions import Condition, Proposal
from protocols.errors import Finding
from protocols.filling import Overflow, overflows
from protocols.jobs import Job
from protocols.layout import Layout, Placement
from protocols.refusals import wrong
from protocols.timing import nominal_s

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def capability_findings(campaign: Campaign, settings: Settings) -> list[Finding]:
    """What the robots cannot do of their steps; their options are valid, nothing is opened."""
    time: Clock = clock("real")
    able = {
        name: make_driver(
            config.driver,
            RobotSetup(
                name,
                config.options,
                time,
                settings.home,
                address=config.address,
                limits=config.limits,
            ),
            config.environment,
        ).capabilities
        for name, config in campaign.robots.items()
    }
    numbers = {step.name: number for number, step in enumerate(campaign.protocol.steps)}
    found: dict[tuple[str, str], Finding] = {}
    for job in _extremes(campaign, 1):
        for robot in campaign.protocol.steps[numbers[job.step]].robots:
            for reason in able[robot].refusals(job):
                loc = ("protocol", "steps", numbers[job.step], "robot")
                message = f"robot {robot} cannot do step {job.step}: {reason}"
                others = [
                    name for name, abilities in able.items() if not list(abilities.refusals(job))
                ]
                expected = (
                    f"a robot that can, such as {', '.join(others)}"
                    if others
                    else "a robot that can"
                )
                found[(job.step, message)] = Finding(loc=loc, message=message, expected=expected)
    return list(found.values())


def extreme_findings(campaign: Campaign) -> list[Finding]:
    """Operations that cannot be, where a parameter that decides something of them is at an end."""
    found: dict[tuple[int, int, str], Finding] = {}
    for placements in _placements(campaign, 1):
        for number, step in enumerate(campaign.protocol.steps):
            for index, operation in enumerate(step.operations):
                alone = step.model_copy(update={"operations": (operation,)})
                try:
                    days = campaign.protocol.days_by_step[step.name]
                    for day in {days[0], days[-1]}:
                        list(operations_on(campaign, alone, day, days, placements))
                except ValidationError as error:
                    for details in error.errors():
                        field = ".".join(map(str, details["loc"]))
                        message = (
                            f"with the parameters at an end of their ranges its {field} is "
                            f"{wrong(details)}"
                        )
                        loc = ("protocol", "steps", number, "operations", index)
                        found[number, index, field] = Finding(
                            loc=loc,
                            message=message,
                            expected="ranges of which every value can be done",
                        )
    return list(found.values())


def hours_findings(campaign: Campaign) -> list[Finding]:
    """Steps that take longer on a plate than their robot works on a day, by nominal times."""
    found: dict[tuple[str, str], Finding] = {}
    if any(config.hours is not None for config in campaign.robots.values()):
        robots = {step.name: step.robots for step in campaign.protocol.steps}
        for job in _extremes(campaign, campaign.plates.wells_per_plate):
            for robot in robots[job.step]:
                hours, seconds = campaign.robots[robot].hours, nominal_s(job.operations)
                if hours is not None and seconds > hours.day_s:
                    minutes = f"{seconds / 60:.0f} min"
                    message = (
                        f"step {job.step} takes {minutes} on a plate, more than {robot} "
                        "works on a day"
                    )
                    loc, expected = ("robots", robot, "hours"), f"hours of {minutes} or more"
                    found[robot, job.step] = Finding(loc=loc, message=message, expected=expected)
    return list(found.values())


def filling_findings(campaign: Campaign) -> list[Finding]:
    """Steps in which a well would hold more than it can, as far as the protocol tells.

    Where constraints say which values come together, only what overflows at both ends of every
    range is sure to.
    """
    labware, steps = campaign.plates.definition, [s.name for s in campaign.protocol.steps]
    if not labware.capacities_ul:
        return []
    ends: list[dict[str, Overflow]] = []
    alike = len(labware.capacities_ul) <= 1
    for placements in _placements(campaign, 1 if alike else campaign.plates.wells_per_plate):
        condition = campaign.space.snap(placements[0].proposal.condition.root)
        if condition is None:
            return []
        proposal = placements[0].proposal.model_copy(update={"condition": condition})
        filled = tuple(p.model_copy(update={"proposal": proposal}) for p in placements)
        jobs = compile_jobs(campaign, campaign.name, Layout(round=1, placements=filled), _ANY_DAY)
        ends.append({over.step: over for over in overflows(jobs, labware)})
    low, high = ends
    sure = low.keys() & high.keys() if campaign.constraints else low.keys() | high.keys()
    return [
        Finding(
            loc=("protocol", "steps", steps.index(name), "operations"),
            message=(
                f"well {over.well} of {campaign.plates.labware_name} would hold "
                f"{over.volume_ul:g} uL"
            ),
            expected=f"at most {over.capacity_ul:g} uL, its capacity",
        )
        for name, over in (low | high).items()
        if name in sure
    ]


def _placements(campaign: Campaign, wells: int) -> Iterator[tuple[Placement, ...]]:
    """So many wells with every parameter at its lowest, and at its highest."""
    for end in (0, 1):
        values = {parameter.name: parameter.extremes[end] for parameter in campaign.parameters}
        proposal = Proposal(condition=Condition(values), role="initial", reason="an extreme")
        yield tuple(
            Placement(well=well, proposal=proposal) for well in campaign.plates.all_wells()[:wells]
        )


def _extremes(campaign: Campaign, wells: int) -> Iterator[Job]:
    """The jobs of one plate at those extremes."""
    for placements in _placements(campaign, wells):
        layout = Layout(round=1, placements=placements)
        yield from compile_jobs(campaign, campaign.name, layout, _ANY_DAY)
