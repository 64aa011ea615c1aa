"""Whether the robots of a campaign can do its steps, with the lowest and the highest value of every parameter."""

from collections.abc import Iterator
from datetime import UTC, datetime

from drivers.base import Clock, RobotSetup
from drivers.registry import clock, make_driver
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.compile import compile_jobs
from protocols.conditions import Condition, Proposal, Value
from protocols.errors import Finding
from protocols.layout import Layout, Placement
from protocols.parameters import CategoryParameter, Parameter


def capability_findings(campaign: Campaign, settings: Settings) -> list[Finding]:
    """What the robots cannot do of the steps that are theirs; their options are valid, and nothing is opened."""
    time: Clock = clock("real")
    able = {
        name: make_driver(
            config.driver,
            RobotSetup(name, config.options, time, settings.home, address=config.address, limits=config.limits),
            config.environment,
        ).capabilities
        for name, config in campaign.robots.items()
    }
    step_numbers = {step.name: number for number, step in enumerate(campaign.protocol.steps)}
    found: dict[tuple[str, str], Finding] = {}
    for layout in _extremes(campaign):
        for job in compile_jobs(campaign, campaign.name, layout, datetime(2000, 1, 1, tzinfo=UTC)):
            for reason in able[job.robot].refusals(job):
                loc = ("protocol", "steps", step_numbers[job.step], "robot")
                message = f"robot {job.robot} cannot do step {job.step}: {reason}"
                others = [name for name, abilities in able.items() if not list(abilities.refusals(job))]
                expected = f"a robot that can, such as {', '.join(others)}" if others else "a robot that can"
                found[(job.step, reason)] = Finding(loc=loc, message=message, expected=expected)
    return list(found.values())


def _extremes(campaign: Campaign) -> Iterator[Layout]:
    """One plate with every parameter at its lowest, and one at its highest."""
    well = campaign.plates.all_wells()[0]
    for end in (0, 1):
        values = {parameter.name: _end(parameter, end) for parameter in campaign.parameters}
        proposal = Proposal(condition=Condition(values), role="initial", reason="an extreme")
        yield Layout(round=1, placements=(Placement(well=well, proposal=proposal),))


def _end(parameter: Parameter, end: int) -> Value:
    if isinstance(parameter, CategoryParameter):
        return parameter.levels[-end]
    return parameter.bounds[end]
