"""The lab of a running campaign: its journal, its robots by name, its clock and its folder."""

from collections.abc import Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drivers.base import Clock, Driver, RobotSetup
from drivers.registry import clock as clock_named
from drivers.registry import driver_class, make_driver
from orchestrator.core.state import CampaignState
from orchestrator.journal.journal import Journal
from orchestrator.settings import Settings
from protocols.campaign import RobotConfig


@dataclass(frozen=True)
class Lab:
    """What flows need to act; made once for each campaign that runs in this process."""

    journal: Journal
    clock: Clock
    robots: Mapping[str, Driver]
    home: Path

    def known_seconds(self, campaign_id: str) -> dict[tuple[str, str], float]:
        """How long jobs took so far, by robot and step; nominal times hold for the others."""
        # A virtual robot gets all jobs of a day at once, so the time from dispatch to end
        # says nothing.
        return {} if self.clock.virtual else self.journal.job_seconds(campaign_id)


current_lab: ContextVar[Lab] = ContextVar("current_lab")
"""The lab in which the flows of this context act."""


def open_lab(
    settings: Settings,
    journal: Journal,
    state: CampaignState,
    robots: Collection[str] | None = None,
) -> Lab:
    """The lab for a campaign, with all of its robots or some; they are not yet connected."""
    clock = clock_for(settings, state, journal.last_moment(state.id))
    return Lab(
        journal=journal,
        clock=clock,
        robots={
            name: make_driver(
                config.driver,
                RobotSetup(
                    name=name,
                    options=config.options,
                    clock=clock,
                    home=settings.home,
                    seed=state.campaign.seed,
                    address=config.address,
                    limits=config.limits,
                ),
                config.environment,
            )
            for name, config in state.campaign.robots.items()
            if robots is None or name in robots
        },
        home=settings.home,
    )


def clock_for(settings: Settings, state: CampaignState, last: datetime | None) -> Clock:
    """The clock of a campaign, in the lab's time zone.

    It is the real one; where every robot is simulated an accelerated one, or a virtual one that
    goes on from `last`. Workers are processes of their own, which a virtual clock cannot keep
    together.
    """
    if all(_simulated(config) for config in state.campaign.robots.values()):
        if settings.speed is not None:
            return clock_named(
                "accelerated", start=state.started_at, speed=settings.speed, zone=settings.zone
            )
        if not settings.workers:
            return clock_named("virtual", start=last, zone=settings.zone)
    return clock_named("real", zone=settings.zone)


def _simulated(config: RobotConfig) -> bool:
    return not config.environment and driver_class(config.driver).simulated
