"""The robots of the lab: what each does, what lies on its deck, and what is left of it."""

import logging
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from drivers.base import Driver, DriverError, RobotSetup
from drivers.registry import clock, driver_class, make_driver
from drivers.supplies import DeckPlace, HasDeck, Supplied, Supply
from orchestrator.core.by import By
from orchestrator.core.events import EventKind
from orchestrator.core.state import IN_FLIGHT, CampaignState, JobStatus
from orchestrator.errors import Missing
from orchestrator.journal import queries
from orchestrator.journal.access_tokens import Identity, Role
from orchestrator.lab.provenance import is_simulated
from orchestrator.service.backend import Backend
from orchestrator.service.lookup import open_campaigns
from orchestrator.service.permissions import allowed
from orchestrator.service.problems import Refused
from orchestrator.service.schema import DeckPlaceView, JobView, RobotView, SupplyView
from orchestrator.service.views import event_view, job_view, outage_view
from protocols.campaign_parts import RobotConfig
from protocols.errors import InvalidInput, Problem

_ERRORS = (
    EventKind.JOB_FAILED,
    EventKind.ROBOT_OFFLINE,
    EventKind.ROBOT_NOT_STOPPED,
    EventKind.JOB_IN_DOUBT,
)
_MOST_QUEUED = 500
_log = logging.getLogger("wellwise.robots")


class OnDeck(NamedTuple):
    """What a driver says of its deck without a line; `problem`: why it cannot."""

    places: tuple[DeckPlace, ...] = ()
    supplies: tuple[Supply, ...] = ()
    problem: str = ""


def robots_of(
    backend: Backend, who: Identity, decks: Mapping[str, OnDeck] | None = None
) -> list[RobotView]:
    """The robots of the lab file and of all campaigns that are not over, by name.

    A robot works, or does not answer, whoever uses it; campaigns, jobs and errors are those that
    somebody may see. With what is known of their `decks`, if they were looked at just now.
    """
    users, known = _users(backend), decks_of(backend) if decks is None else decks
    seen = {state.id for state in open_campaigns(backend, who)}
    return [
        _view(backend, name, config, users.get(name, []), known.get(name, OnDeck()), seen)
        for name, config in sorted(_configs(backend, _seen(users, seen)).items())
    ]


def users_of(backend: Backend, who: Identity, robot: str) -> list[CampaignState]:
    """The campaigns that are not over and that use a robot, for somebody who may act on it.

    That is an operator of the whole service, or of a project that uses the robot.

    Raises:
        Missing: they see no such robot.
        Refused: they are no such operator.
    """
    users = _users(backend)
    seen = {state.id for state in open_campaigns(backend, who)}
    if robot not in _configs(backend, _seen(users, seen)):
        raise Missing(f"there is no such robot: {robot!r}")
    found = users.get(robot, [])
    if who.role < Role.OPERATOR:
        roles = [allowed(backend.journal, who, state.id) for state in found if state.id in seen]
        if max(roles, default=Role.NONE) < Role.OPERATOR:
            raise Refused(403, f"this needs the role operator in a project that uses {robot}")
    return found


def decks_of(backend: Backend) -> dict[str, OnDeck]:
    """What lies on each robot's deck, and what is left of it."""
    return {
        name: _on_deck(backend, name, config)
        for name, config in _configs(backend, _users(backend)).items()
    }


def refill(
    backend: Backend, who: Identity, robot: str, names: Sequence[str], why: str
) -> list[SupplyView]:
    """Note that these are full again, or everything on a robot.

    It stands in the event log of the campaigns that use it, and in the service's.

    Raises:
        Missing: there is no such robot, or it does not count what it uses up.
        InvalidInput: it has no such supply.
        Refused: as for `users_of`.
    """
    users, by = users_of(backend, who, robot), By(who.person, why)
    driver = _offline(backend, robot, _configs(backend, {robot: users} if users else {})[robot])
    if not isinstance(driver, Supplied):
        raise Missing(f"robot {robot!r} cannot be filled up: it does not count what it uses up")
    try:
        filled = driver.refill(tuple(names))
    except DriverError as error:
        known = ", ".join(supply.name for supply in driver.supplies())
        raise InvalidInput(
            [Problem(key="supplies", message=str(error), expected=f"some of {known}")]
        ) from None
    what = ", ".join(supply.name for supply in filled)
    _log.info("%s of %s is full again, says %s: %s", what, robot, by.who, by.why)
    for state in users:
        message = f"full again: {what}" + (f" ({by.why})" if by.why else "")
        now = backend.acting(state.id).clock.now()
        backend.journal.note(state.id, now, EventKind.ROBOT_REFILLED, robot, message, by.who)
        backend.changed(state.id)
    return [supply_view(supply) for supply in filled]


def supply_view(supply: Supply) -> SupplyView:
    """What is left of one thing."""
    return SupplyView(**supply._asdict())


def _users(backend: Backend) -> dict[str, list[CampaignState]]:
    """The campaigns that are not over, by the robots that they use."""
    found: dict[str, list[CampaignState]] = {}
    for state in open_campaigns(backend):
        for name in state.campaign.robots:
            found.setdefault(name, []).append(state)
    return found


def _seen(
    users: Mapping[str, Sequence[CampaignState]], seen: Container[str]
) -> dict[str, list[CampaignState]]:
    """The same without the campaigns that somebody may not see, and robots that only those use."""
    known = {
        name: [state for state in states if state.id in seen] for name, states in users.items()
    }
    return {name: states for name, states in known.items() if states}


def _configs(backend: Backend, users: dict[str, list[CampaignState]]) -> dict[str, RobotConfig]:
    of_campaigns = {name: states[0].campaign.robots[name] for name, states in users.items()}
    return of_campaigns | ({} if backend.lab is None else dict(backend.lab.robots))


def _offline(backend: Backend, name: str, config: RobotConfig) -> Driver | None:
    """A driver without a line, if it can say something of its deck from here.

    One in an interpreter of its own would have to be started for it, and what a worker elsewhere
    counts is not known here.
    """
    if config.environment:
        return None
    if not issubclass(driver_class(config.driver), Supplied | HasDeck):
        return None
    home = backend.settings.home
    setup = RobotSetup(
        name, config.options, clock("real"), home, address=config.address, limits=config.limits
    )
    if backend.settings.workers and not setup.book_path.is_file():
        return None
    return make_driver(config.driver, setup)


def _on_deck(backend: Backend, name: str, config: RobotConfig) -> OnDeck:
    # A driver of somebody else, or a job book that cannot be read: the other robots are shown.
    try:
        driver = _offline(backend, name, config)
        return OnDeck(
            tuple(driver.deck()) if isinstance(driver, HasDeck) else (),
            tuple(driver.supplies()) if isinstance(driver, Supplied) else (),
        )
    except Exception as error:
        _log.warning("the deck of %s is not known: %s", name, error)
        return OnDeck(problem=str(error))


def _view(
    backend: Backend,
    name: str,
    config: RobotConfig,
    everyone: Sequence[CampaignState],
    deck: OnDeck,
    seen: Container[str],
) -> RobotView:
    zone, users = backend.settings.zone, [state for state in everyone if state.id in seen]
    at_work: list[JobView] = []
    planned: list[JobView] = []
    for state in users:
        number = len(state.rounds) or None
        for found, states, most in (
            (at_work, IN_FLIGHT, 100),
            (planned, [JobStatus.PLANNED], _MOST_QUEUED),
        ):
            rows = queries.jobs(
                backend.journal,
                state.id,
                round_number=number,
                robot=name,
                states=list(states),
                limit=most,
            )
            found += [job_view(row, zone) for _, row in rows]
    busy = at_work or any(
        queries.jobs(backend.journal, state.id, robot=name, states=IN_FLIGHT, limit=1)
        for state in everyone
        if state.id not in seen
    )
    outages = [outage for state in everyone for outage in state.outages if outage.robot == name]
    outage = outage_view(outages[0], zone) if outages else None
    errors = [
        event_view(row, zone)
        for state in users
        for row in queries.latest_events(backend.journal, state.id, kinds=_ERRORS, limit=100)
        if row.subject == name or row.data.get("robot") == name
    ]
    return RobotView(
        name=name,
        driver=config.driver,
        simulated=is_simulated(config),
        state="offline" if outage else "working" if busy else "idle",
        campaigns=[state.id for state in users],
        job=at_work[0] if at_work else None,
        queue=len(planned),
        next_due=min((job.due_at for job in planned), default=None),
        outage=outage,
        errors=sorted(errors, key=lambda event: -event.id)[:5],
        deck=[DeckPlaceView(**place._asdict()) for place in deck.places],
        supplies=[supply_view(supply) for supply in deck.supplies],
        deck_problem=deck.problem,
    )
