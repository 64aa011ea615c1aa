"""Intake: a campaign file -> a campaign that its robots can do, or every problem."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drivers.registry import driver_class, driver_names, option_findings
from orchestrator.intake.capability_check import (
    capability_findings,
    extreme_findings,
    filling_findings,
    hours_findings,
)
from orchestrator.intake.feasibility import feasibility_findings
from orchestrator.intake.past_results import as_earlier, from_campaign, of_study, read_history
from orchestrator.intake.profiles import with_profiles
from orchestrator.intake.table_files import tables_beside
from orchestrator.journal.journal import Journal
from orchestrator.lab.scoring import scorer_findings
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import LabFile, problems_at, read_campaign, read_lab
from protocols.campaign_parts import RobotConfig
from protocols.conditions import Observation
from protocols.errors import Finding, InvalidInput


@dataclass(frozen=True)
class NamedText:
    """The text of a file, and what to call it in problems."""

    text: str
    name: str


def checked_campaign(
    file: NamedText, settings: Settings, lab: LabFile | None = None, from_afar: bool = False
) -> Campaign:
    """The campaign of a file, with the robots of the lab where it has them.

    A file that comes `from_afar` may name no file, interpreter, port or address: real robots are
    those of the lab file.

    Raises:
        InvalidInput: with everything wrong in the file, or what its robots cannot do.
    """
    beside = None if from_afar else tables_beside(Path(file.name).parent)
    campaign, nameless = with_profiles(
        read_campaign(file.text, file.name, driver_names(), lab, beside), settings.home
    )
    if nameless:
        raise InvalidInput(problems_at(nameless, file.text, file.name))
    own = {
        name: robot
        for name, robot in campaign.robots.items()
        if lab is None or name not in lab.robots
    }
    if from_afar:
        _refuse_places(campaign, own, file)
    _refuse_options(own, file)
    findings = scorer_findings(campaign) + _strategy_findings(campaign)
    impossible = extreme_findings(campaign)
    findings += impossible or [
        *capability_findings(campaign, settings),
        *hours_findings(campaign),
        *filling_findings(campaign),
    ]
    findings += feasibility_findings(campaign)
    if findings:
        raise InvalidInput(problems_at(findings, file.text, file.name))
    return campaign


def stand_ins(campaign: Campaign, lab: LabFile | None) -> dict[str, list[str]]:
    """The robots that a lab file lacks, so that the campaign's are used, with their steps."""
    found: dict[str, list[str]] = {}
    for step in campaign.protocol.steps:
        for robot in step.robots:
            if lab is not None and robot not in lab.robots:
                found.setdefault(robot, []).append(step.name)
    return found


def checked_lab(file: NamedText) -> LabFile:
    """The robots of a lab file.

    Raises:
        InvalidInput: with everything wrong in it.
    """
    lab = read_lab(file.text, file.name, driver_names())
    _refuse_options(lab.robots, file)
    return lab


def past_observations(
    journal: Journal, campaign: Campaign, table: NamedText | None
) -> tuple[list[Observation], tuple[int, int]]:
    """What a new campaign starts from: an earlier campaign, a table of past results, or both.

    Those of a similar experiment bear its name.

    Returns: the observations, and how many of the earlier campaign's are among them, of how many.

    Raises:
        InvalidInput: the table cannot be read.
        Missing: there is no such earlier campaign.
    """
    found: list[Observation] = []
    share = (0, 0)
    name = campaign.past_results.campaign
    if name is not None:
        observations = journal.state(name).observations
        found = from_campaign(name, observations, campaign)
        share = len(found), len(observations)
    rows = (
        []
        if table is None
        else read_history(table.text, table.name, campaign, campaign.past_results.columns)
    )
    if campaign.past_results.similar:
        found = of_study(found, str(name))
        rows = of_study(rows, "" if table is None else table.name)
    return as_earlier(found, rows), share


def _refuse_places(campaign: Campaign, own: Mapping[str, RobotConfig], file: NamedText) -> None:
    findings = [
        Finding(
            loc=("robots", name, "environment"),
            message=(
                "a file that comes over the network may not name an interpreter of this computer"
            ),
            expected="a robot of the service's lab file (WELLWISE_LAB)",
        )
        for name, robot in own.items()
        if robot.environment
    ]
    for name, robot in own.items():
        findings += _afar_findings(name, robot)
    if campaign.past_results.file is not None:
        findings.append(
            Finding(
                loc=("past_results", "file"),
                message=(
                    "a file that comes over the network may not name another file of this computer"
                ),
                expected="past_results.campaign, or the command wellwise run on this computer",
            )
        )
    if findings:
        raise InvalidInput(problems_at(findings, file.text, file.name))


_BY_HAND = "manual"


def may_come_from_afar(driver: str) -> bool:
    """Whether a file that comes over the network may bring a robot with this driver."""
    return driver == _BY_HAND or driver_class(driver).simulated


def _afar_findings(name: str, robot: RobotConfig) -> list[Finding]:
    """What a robot that came over the network may not be: real equipment, or a way to a file."""
    expected = "a robot of the service's lab file (WELLWISE_LAB)"
    if robot.environment:
        return []
    if robot.address:
        message = "a file that comes over the network may not name a port or an address"
        return [Finding(loc=("robots", name, "address"), message=message, expected=expected)]
    if not may_come_from_afar(robot.driver):
        message = f"a file that comes over the network may not bring a robot ({robot.driver})"
        return [Finding(loc=("robots", name, "driver"), message=message, expected=expected)]
    return [
        Finding(
            loc=("robots", name, "options", option),
            message="a file that comes over the network may not name another file",
            expected=expected,
        )
        for option, value in robot.options.items()
        if isinstance(value, str) and any(mark in value for mark in "/\\:")
    ]


def _strategy_findings(campaign: Campaign) -> list[Finding]:
    if campaign.strategy is None:
        return []
    from optimizer.strategy_registry import strategy_findings  # takes seconds to import

    return strategy_findings(
        campaign.strategy, campaign.several, [cost.name for cost in campaign.costs]
    )


def _refuse_options(robots: Mapping[str, RobotConfig], file: NamedText) -> None:
    inside = {
        name: (robot.driver, robot.options)
        for name, robot in robots.items()
        if not robot.environment
    }
    findings = option_findings(inside)
    if findings:
        raise InvalidInput(problems_at(findings, file.text, file.name))
