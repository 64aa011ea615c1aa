"""What people are needed for, over all campaigns: the one list that pages and programs show."""

import time
from collections.abc import Container, Iterator

from orchestrator.core.by import WELLWISE
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState, CampaignStatus
from orchestrator.journal import queries
from orchestrator.journal.access_tokens import Identity
from orchestrator.journal.attention import may_need
from orchestrator.journal.suggestions import suggestions_waiting
from orchestrator.languages import gettext, moment, ngettext
from orchestrator.service.backend import Backend
from orchestrator.service.checklists import open_checklists
from orchestrator.service.lookup import fault_of, open_campaigns
from orchestrator.service.schema import Need
from orchestrator.service.schema.campaigns import URGENCY
from orchestrator.service.views import needs


def all_needs(backend: Backend, who: Identity) -> list[Need]:
    """What people are needed for in the campaigns that somebody may see, most urgent first."""
    among = may_need(backend.journal) | backend.supervisor.faults.keys()
    states = open_campaigns(backend, who, among)
    seen = {state.id for state in states}
    found = [need for state in states for need in needs(state)]
    found += [need for state in states for need in _stopped(backend, state)]
    found += _silent(states)
    found += [need for state in states for need in _held(state, seen)]
    found += _checklists(backend, who)
    found += _suggested(backend, states)
    return sorted(found, key=lambda need: (URGENCY[need.kind], not need.overdue))


def number_of_needs(backend: Backend, who: Identity) -> int:
    """How many things people are needed for; a second old at most, as every page says it."""
    version = backend.journal.last_event(), int(time.monotonic())
    key = f"number of needs {'' if who.sees is None else sorted(who.sees)}"
    return int(backend.cache.of(key, version, lambda: str(len(all_needs(backend, who)))))


def _stopped(backend: Backend, state: CampaignState) -> Iterator[Need]:
    """A campaign that wellwise paused itself, or that cannot be run just now."""
    number, page = len(state.rounds), f"/campaigns/{state.id}"
    if state.status is CampaignStatus.PAUSED:
        kinds = (EventKind.CAMPAIGN_PAUSED,)
        [*paused] = queries.latest_events(backend.journal, state.id, kinds=kinds, limit=1)
        if paused and paused[0].who == WELLWISE:
            yield Need(
                kind="stopped",
                campaign=state.id,
                round=number,
                message=gettext("it was paused: {why}", why=paused[0].message),
                what_to_do=gettext("Find the cause, then resume it."),
                link=page,
            )
    if fault := fault_of(backend, state):
        yield Need(
            kind="fault",
            campaign=state.id,
            round=number,
            message=gettext("it is not being run just now: {fault}", fault=fault),
            what_to_do=gettext("Mend what is said here: it is tried again by itself."),
            link=page,
        )


def _silent(states: list[CampaignState]) -> list[Need]:
    """Robots that do not answer, each once, in whichever campaign that was seen first."""
    outages = sorted(
        ((outage, state) for state in states for outage in state.outages),
        key=lambda found: found[0].since,
    )
    found: dict[str, Need] = {}
    for outage, state in outages:
        need = Need(
            kind="offline",
            campaign=state.id,
            round=len(state.rounds),
            robot=outage.robot,
            message=gettext(
                "{robot} does not answer: {message}", robot=outage.robot, message=outage.message
            ),
            what_to_do=gettext(
                "See that it has power and its line is whole: it is asked again by itself."
            ),
            link=f"/robots#{outage.robot}",
        )
        found.setdefault(outage.robot, need)
    return list(found.values())


def _held(state: CampaignState, seen: Container[str]) -> Iterator[Need]:
    """Robots that get nothing more before something is decided in another campaign.

    Which one is said to those who may see it.
    """
    for robot, job in state.elsewhere_in_doubt.items():
        if robot not in state.campaign.robots:
            continue
        other = job.partition("/")[0]
        if other in seen:
            message = gettext(
                "{robot} gets no more jobs, for {job} is in doubt", robot=robot, job=job
            )
            what_to_do = gettext(
                "Say what became of that job, which is of {campaign}.", campaign=other
            )
            link = f"/campaigns/{other}"
        else:
            message = gettext(
                "{robot} gets no more jobs, for one of another project is in doubt", robot=robot
            )
            what_to_do = gettext("Ask an operator of the whole lab to decide about it.")
            link = f"/robots#{robot}"
        yield Need(
            kind="held",
            campaign=state.id,
            round=len(state.rounds),
            robot=robot,
            message=message,
            what_to_do=what_to_do,
            link=link,
        )


def _suggested(backend: Backend, states: list[CampaignState]) -> Iterator[Need]:
    """Campaigns for which somebody suggested what is not answered."""
    with backend.journal.reading_session() as session:
        waiting = suggestions_waiting(session)
    for state in states:
        if number := waiting.get(state.id):
            yield Need(
                kind="suggestion",
                campaign=state.id,
                round=len(state.rounds),
                message=ngettext(
                    "{number} act is suggested", "{number} acts are suggested", number
                ),
                what_to_do=gettext("Do it, or decline it."),
                link=f"/campaigns/{state.id}#suggestions-title",
            )


def _checklists(backend: Backend, who: Identity) -> Iterator[Need]:
    """The jobs of people that are due."""
    for job in open_checklists(backend, who):
        if job.when != "later" and not job.simulated:
            overdue = job.when == "late"
            said = {
                "person": job.person,
                "step": job.step_title,
                "plate": job.plate,
                "round": job.round,
                "since": moment(job.until if overdue and job.until else job.due_at),
                "done": job.done,
                "items": job.items,
            }
            yield Need(
                kind="checklist",
                campaign=job.campaign,
                round=job.round,
                job=job.job,
                robot=job.robot,
                message=gettext(
                    "{person}: {step} on plate {plate} of round {round} is late since {since}, "
                    "{done} of {items} items are done",
                    **said,
                )
                if overdue
                else gettext(
                    "{person}: {step} on plate {plate} of round {round} is due since {since}, "
                    "{done} of {items} items are done",
                    **said,
                ),
                what_to_do=gettext("Do what is left and tick it off."),
                link=f"/checklists/{job.robot}/{job.job}",
                due_at=job.due_at,
                overdue=overdue,
            )
