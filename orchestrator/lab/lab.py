"""The lab of a running campaign: its journal, its robots by name, its clock and its folder."""

from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from drivers.base import Clock, Driver, RobotSetup
from drivers.registry import clock as clock_named
from drivers.registry import make_driver
from orchestrator.core.state import CampaignState
from orchestrator.journal import lives
from orchestrator.journal.journal import Journal
from orchestrator.journal.queries import job_seconds
from orchestrator.journal.robot_configs import robot_config
from orchestrator.lab.lease import Lease
from orchestrator.lab.provenance import is_simulated
from orchestrator.settings import Settings
from protocols.campaign_parts import RobotConfig

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Lab:
    """What flows need to act; made once for each campaign that runs in this process."""

    journal: Journal
    clock: Clock
    robots: Mapping[str, Driver]
    home: Path
    lease_s: float = 30.0
    configured: Callable[[str], RobotConfig] | None = None
    """Where a robot is and how it is to be reached, as the journal says now."""
    remake: Callable[[str, RobotConfig, Lease | None], Driver] | None = None
    """Makes the driver of a robot once more, for an owner with this lease."""
    checked_by: Callable[..., Any] | None = None
    """Does a function with its arguments, within bounds, where files come from strangers."""

    def checked(self, work: Callable[..., _Found], *given: Any) -> _Found:
        """What a function of a module makes of a file; of a stranger's within bounds."""
        if self.checked_by is None:
            return work(*given)
        found: _Found = self.checked_by(work, *given)
        return found

    def config(self, name: str) -> RobotConfig | None:
        """Where a robot is now and how it is to be reached; None where it is nowhere."""
        return None if self.configured is None or self.clock.virtual else self.configured(name)

    def driver(self, name: str, config: RobotConfig | None, lease: Lease | None) -> Driver:
        """The driver with which an owner acts: a virtual robot's is kept, others are made again."""
        if self.remake is None or config is None:
            return self.robots[name]
        return self.remake(name, config, lease)

    def state(self, campaign_id: str) -> CampaignState:
        """Where a campaign stands, with what its robots' drivers declare."""
        sure = (name for name, robot in self.robots.items() if _is_sure(robot))
        return replace(self.journal.state(campaign_id), sure_robots=frozenset(sure))

    def known_seconds(self, campaign_id: str) -> dict[tuple[str, str], float]:
        """How long jobs took so far, by robot and step; nominal times hold for the others."""
        # A virtual robot gets all jobs of a day at once, so the time from dispatch to end
        # says nothing.
        return {} if self.clock.virtual else job_seconds(self.journal, campaign_id)


def _is_sure(robot: Driver) -> bool:
    """Whether the state of a robot is known whatever became of a job."""
    return robot.capabilities.state_known_after_doubt


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
    configs = {
        name: config
        for name, config in state.campaign.robots.items()
        if robots is None or name in robots
    }

    def made(name: str, config: RobotConfig, lease: Lease | None = None) -> Driver:
        setup = RobotSetup(
            name=name,
            options=config.options,
            clock=clock,
            home=settings.home,
            seed=state.campaign.seed,
            address=config.address,
            limits=config.limits,
            fence=0 if lease is None else lease.fence,
            home_fence=0 if lease is None else lease.home_fence,
            journal=journal.identity.suffix,
        )
        return make_driver(config.driver, setup, config.environment)

    return Lab(
        journal=journal,
        clock=clock,
        robots={name: made(name, config) for name, config in configs.items()},
        home=settings.home,
        lease_s=settings.lease_s,
        configured=lambda name: robot_config(journal, state.id, name),
        remake=made,
    )


def open_journal(settings: Settings) -> Journal:
    """The journal of a home; one that was brought back asks what was done since.

    Raises:
        JournalError: it cannot be opened.
    """

    def may_have_begun(journal: Journal, campaign_id: str) -> datetime | None:
        state = journal.state(campaign_id)
        clock = clock_for(settings, state, journal.last_moment(campaign_id))
        # A virtual clock may have been anywhere.
        return None if clock.virtual else clock.now()

    settings.make_home()
    return lives.open_journal(settings, may_have_begun)


def clock_for(settings: Settings, state: CampaignState, last: datetime | None) -> Clock:
    """The clock of a campaign, in the lab's time zone.

    It is the real one; where every robot is simulated an accelerated one, or a virtual one that
    goes on from `last`. Workers are processes of their own, which a virtual clock cannot keep
    together.
    """
    if all(is_simulated(config) for config in state.campaign.robots.values()):
        if settings.speed is not None:
            return clock_named(
                "accelerated", start=state.started_at, speed=settings.speed, zone=settings.zone
            )
        if not settings.workers:
            return clock_named("virtual", start=last, zone=settings.zone)
    return clock_named("real", zone=settings.zone)
