"""The lab of a running campaign: its journal, its robots by name, its clock and its folder."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drivers.base import Clock, Driver, RobotSetup
from drivers.registry import clock as clock_named
from drivers.registry import driver_class, make_driver
from orchestrator.journal import Journal
from orchestrator.settings import Settings
from orchestrator.state import CampaignState
from protocols.campaign import Campaign


@dataclass(frozen=True)
class Lab:
    """What flows need to act; made once for each campaign that runs in this process."""

    journal: Journal
    clock: Clock
    robots: Mapping[str, Driver]
    home: Path


current_lab: ContextVar[Lab] = ContextVar("current_lab")
"""The lab in which the flows of this context act."""


def open_lab(settings: Settings, journal: Journal, state: CampaignState) -> Lab:
    """The lab for a campaign. Robots are made but not yet connected.

    Where every robot is simulated time is virtual, and goes on from where the journal left it.
    """
    start = journal.last_moment(state.id)
    clock = clock_for(state.campaign, start)
    robots = {
        name: make_driver(
            config.driver,
            RobotSetup(name=name, options=config.options, clock=clock, home=settings.home, seed=state.campaign.seed),
        )
        for name, config in state.campaign.robots.items()
    }
    return Lab(journal=journal, clock=clock, robots=robots, home=settings.home)


def clock_for(campaign: Campaign, start: datetime | None) -> Clock:
    """A virtual clock from `start` on if every robot is simulated, else the real one."""
    if all(driver_class(config.driver).simulated for config in campaign.robots.values()):
        return clock_named("virtual", start=start)
    return clock_named("real")
