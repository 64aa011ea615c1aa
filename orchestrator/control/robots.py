"""Where a campaign's robots are: a new address, or a lab file that was changed since launch."""

import json
import logging
from collections.abc import Collection
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from orchestrator.control.act import Act, Acting, RobotName, Typed, perform
from orchestrator.core.by import PRINTED
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState
from orchestrator.errors import JournalError
from orchestrator.intake.capability_check import capability_findings
from orchestrator.journal.access_tokens import Role
from orchestrator.journal.journal import Journal
from orchestrator.journal.robot_configs import write_robot_config
from orchestrator.lab.lab import Lab, open_lab
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.campaign_file import LabFile
from protocols.campaign_parts import RobotConfig
from protocols.errors import InvalidInput, Problem, WellwiseError

_log = logging.getLogger("wellwise.robots")

Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=PRINTED),
]


class SetRobotAddress(Act):
    """Say where a robot is now, such as at another port or network address.

    It is reached there from its next job on. Of a job that it has or had, it is asked there; none
    is sent again by itself.
    """

    name: ClassVar[str] = "set_robot_address"
    path: ClassVar[str] = "/robot-address"
    command: ClassVar[str] = "set-robot-address"
    # An address makes this computer open a port or speak to another computer.
    role: ClassVar[Role] = Role.ADMIN

    robot: Annotated[RobotName, Typed("The robot.", positional=True)]
    address: Annotated[
        Address,
        Typed("Where it is now: a serial port, a URL; what its driver says.", positional=True),
    ]

    def apply(self, acting: Acting, prepared: Any) -> str:
        """Change the address; returns the former one."""
        config = _config(acting.state, self.robot)
        _configure(acting, self.robot, config.model_copy(update={"address": self.address}))
        return config.address

    def done(self, campaign_id: str, outcome: Any) -> str:
        """The former address and the new one."""
        if outcome == self.address:
            return f"{self.robot} was at {self.address} before."
        return (
            f"{self.robot} of {campaign_id} is at {self.address} now (before: {outcome or 'none'})."
        )


class _TakeRobots(Act):
    """Reach robots as a lab file says, from their next job on."""

    name: ClassVar[str] = "take_robots"
    path: ClassVar[str] = ""
    command: ClassVar[str] = ""

    robots: dict[str, RobotConfig]

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Change what differs."""
        for name, config in self.robots.items():
            _configure(acting, name, config)


def take_lab_file(
    lab: Lab,
    campaign_id: str,
    file: LabFile,
    file_name: str,
    who: str,
    only: Collection[str] | None = None,
) -> list[str]:
    """Reach the robots of a campaign as a lab file says that was changed since its launch.

    A robot keeps its driver: what another one would know of its jobs is not known. Campaigns that
    are over are left as they are.

    Args:
        lab: the journal and the clock.
        campaign_id: the campaign.
        file: the lab file.
        file_name: what to call it.
        who: the person who acts.
        only: the robots that may change; None: all.

    Returns: what changed, and what the lab file says and was not taken, a line each.

    Raises:
        InvalidInput: a robot could not do its steps any more; nothing is changed.
    """
    state = lab.journal.state(campaign_id)
    if state.status.over:
        return []
    changed: dict[str, RobotConfig] = {}
    lines: list[str] = []
    for name, config in file.robots.items():
        known = state.campaign.robots.get(name)
        if known is None or (only is not None and name not in only):
            continue
        if config.driver != known.driver:
            lines.append(
                f"{name} has the driver {config.driver} in {file_name}: {campaign_id} was launched "
                f"with {known.driver} and keeps it"
            )
        elif differences := _differences(known, config):
            changed[name] = config
            lines.append(f"{name} is reached as {file_name} says: {differences}")
    if changed:
        _refuse_unfit(state.campaign, changed, file_name, lab)
        perform(lab, campaign_id, _TakeRobots(robots=changed, why=f"lab file {file_name}"), who)
    return lines


def take_lab_file_everywhere(
    settings: Settings,
    journal: Journal,
    file: LabFile,
    file_name: str,
    who: str,
    only: Collection[str] | None = None,
) -> None:
    """Do `take_lab_file` for every campaign that is not over.

    What changed goes into the log of this process; where the file does not fit a campaign, into
    that campaign's event log, and its robots stay as they are.
    """
    for campaign_id in journal.campaign_ids():
        state = journal.state(campaign_id)
        lab = open_lab(settings, journal, state, [])
        try:
            for line in take_lab_file(lab, campaign_id, file, file_name, who, only):
                _log.info("%s: %s", campaign_id, line)
        except WellwiseError as error:
            why = f"{file_name} does not fit, and the robots stay as they are: {error}"
            _log.warning("%s: %s", campaign_id, why)
            journal.note(campaign_id, lab.clock.now(), EventKind.NOTICE, campaign_id, why)


def _config(state: CampaignState, robot: str) -> RobotConfig:
    if robot not in state.campaign.robots:
        raise JournalError(
            f"there is no robot {robot!r} (expected one of {', '.join(state.campaign.robots)})"
        )
    if state.status.over:
        raise JournalError(f"campaign {state.id} is {state.status}: its robots get nothing more")
    return state.campaign.robots[robot]


def _configure(acting: Acting, robot: str, config: RobotConfig) -> None:
    known = _config(acting.state, robot)
    before, after = _changes(known, config)
    if not after:
        return
    write_robot_config(acting.session, acting.campaign_id, robot, config, acting.now)
    text = f"{_differences(known, config)}: {acting.by.why}"
    acting.record(EventKind.ROBOT_CONFIGURED, robot, {"before": before, "after": after}, text)


def _differences(known: RobotConfig, config: RobotConfig) -> str:
    """What differs, in words; nothing if nothing does."""
    before, after = _changes(known, config)
    return "; ".join(f"{key} {_shown(before[key])} -> {_shown(after[key])}" for key in after)


def _changes(known: RobotConfig, config: RobotConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keys that differ, as they were and as they are."""
    before, after = (one.model_dump(mode="json", by_alias=True) for one in (known, config))
    changed = [key for key in before if before[key] != after[key]]
    return {key: before[key] for key in changed}, {key: after[key] for key in changed}


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str) and value else json.dumps(value)


def _refuse_unfit(
    campaign: Campaign, changed: dict[str, RobotConfig], file_name: str, lab: Lab
) -> None:
    """Raise what the robots could not do any more, with the limits and options of the lab file."""
    wanted = campaign.model_copy(update={"robots": campaign.robots | changed})
    findings = capability_findings(wanted, Settings(home=lab.home))
    if findings:
        raise InvalidInput(
            [
                Problem(where=file_name, message=finding.message, expected=finding.expected)
                for finding in findings
            ]
        )
