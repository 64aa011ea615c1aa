"""Deviations: where a campaign went otherwise than its file says, by whom and why, by its events.

Nothing that a person or the equipment changed is left out: a reader of the values has to know which
of them somebody touched.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from orchestrator.core.by import WELLWISE
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState
from orchestrator.journal.tables import EventRow
from protocols.addresses import JobAddress, RoundAddress, WellAddress, parse_address
from protocols.outcomes import Outcome


class Deviation(NamedTuple):
    """What was otherwise: `what` happened `where`, when (by the lab's clock), by whom and why."""

    kind: str
    at: datetime
    where: str
    what: str
    who: str
    why: str


@dataclass
class _Well:
    """The latest value of each outcome of a well, as far as the events have been read."""

    values: dict[str, float | None] = field(default_factory=dict)


class _Entry(NamedTuple):
    """An event as a deviation, before those of several wells are put together."""

    kind: str
    event: EventRow
    what: str
    place: str
    well: str = ""
    why: str | None = None


_OF_CAMPAIGN: Mapping[EventKind, tuple[str, str]] = {
    EventKind.CAMPAIGN_PAUSED: ("paused", "nothing more was sent"),
    EventKind.CAMPAIGN_ABORTED: ("aborted", "ended before its stop rule held"),
    EventKind.RESCORED: ("scored again", "readings were scored once more"),
    EventKind.WORKER_LOST: ("worker lost", "a computer at the bench did not answer"),
    EventKind.CLOCK_MOVED: ("clock moved", "the clock of the lab was moved"),
    EventKind.ROBOT_OFFLINE: ("robot offline", "it did not answer"),
    EventKind.ROBOT_STOPPED: ("robot stopped", "it was stopped"),
}
_OF_JOB: Mapping[EventKind, tuple[str, str]] = {
    EventKind.JOB_LATE: ("late", "the tolerance passed before the job could be sent"),
    EventKind.JOB_FAILED: ("failed", "the job failed"),
    EventKind.JOB_IN_DOUBT: ("in doubt", "nobody knew what was done of the job"),
}
_DECIDED: Mapping[EventKind, str] = {
    EventKind.JOB_DONE: "taken as done",
    EventKind.JOB_FAILED: "taken as failed",
    EventKind.JOB_PLANNED: "sent again",
}


def deviations(state: CampaignState, events: Sequence[EventRow]) -> list[Deviation]:
    """Everything that was lost, excluded, edited, late, handed over, decided, changed or stopped.

    Wells that one person treated alike, for one reason and one after the other, are one entry.

    Args:
        state: the campaign.
        events: all of its events, oldest first.

    Returns: in the order in which they happened.
    """
    entries = [entry for entry in _entries(state, events) if entry is not None]
    found = []
    for _, group in groupby(entries, key=_alike):
        several = list(group)
        first = several[0]
        wells = ", ".join(entry.well for entry in several if entry.well)
        found.append(
            Deviation(
                first.kind,
                first.event.at,
                f"{first.place}: {wells}" if wells else first.place,
                "; ".join(dict.fromkeys(entry.what for entry in several if entry.what)),
                first.event.who,
                first.event.message if first.why is None else first.why,
            )
        )
    return found


def _alike(entry: _Entry) -> tuple[object, ...]:
    alone = () if entry.well else (entry.event.id,)
    return entry.kind, entry.place, entry.event.who, entry.event.message, *alone


def _entries(state: CampaignState, events: Sequence[EventRow]) -> Iterator[_Entry | None]:
    wells: dict[WellAddress, _Well] = defaultdict(_Well)
    doubtful: set[str] = set()
    for event in events:
        kind, address = EventKind(event.kind), parse_address(event.subject)
        if isinstance(address, WellAddress):
            yield _of_well(kind, event, address, wells[address], state)
        elif isinstance(address, JobAddress):
            yield _of_job(kind, event, address, doubtful)
        else:
            yield _of_campaign(kind, event, state)


def _of_well(
    kind: EventKind, event: EventRow, address: WellAddress, known: _Well, state: CampaignState
) -> _Entry | None:
    place = f"round {address.round_number}, plate {address.plate}"

    def entry(name: str, what: str) -> _Entry:
        return _Entry(name, event, what, place, address.well)

    campaign = state.campaign
    named = event.message if kind == EventKind.MEASUREMENT else event.data.get("outcome", "")
    outcome = campaign.scored(named)
    match kind:
        case EventKind.OBSERVATION | EventKind.MEASUREMENT:
            known.values[outcome.name] = event.data["value"]
            flags = event.data["flags"]
            if flags:
                words = " and ".join(flag.replace("_", " ") for flag in flags)
                what = f"{outcome.name}: {outcome.scale.text(event.data['value'])} is not trusted"
                return entry("flagged", what)._replace(why=words)
        case EventKind.VALUE_ENTERED:
            before = known.values.get(outcome.name)
            known.values[outcome.name] = event.data["value"]
            return _entered(entry, outcome, before, event.data["value"])
        case EventKind.WELL_EXCLUDED:
            before = known.values.get(outcome.name)
            text = "a well without a value" if before is None else outcome.scale.text(before)
            return entry("excluded", f"{outcome.name}: {text} is left out of the model")
        case EventKind.WELL_LOST:
            empty = event.message.startswith("left empty")
            return entry("left empty" if empty else "lost", "")
        case EventKind.WELL_REQUEUED:
            return entry("tried again", "its condition has a well of a later round")
        case EventKind.PROPOSAL_EDITED:
            values = ", ".join(f"{name} = {value}" for name, value in event.data.items())
            return entry("proposal edited", values)
        case _:
            pass
    return None


def _entered(
    entry: Callable[[str, str], _Entry], outcome: Outcome, before: float | None, value: float
) -> _Entry | None:
    if before is None and outcome.by_hand:
        return None
    text = outcome.scale.text(value)
    if before is None:
        return entry("entered by hand", f"{outcome.name}: {text}, where no reading gave a value")
    return entry("edited", f"{outcome.name}: {outcome.scale.text(before)} became {text}")


def _of_job(
    kind: EventKind, event: EventRow, address: JobAddress, doubtful: set[str]
) -> _Entry | None:
    place = f"round {address.round_number}, plate {address.plate}, step {address.step}"
    if event.who != WELLWISE and kind in _DECIDED:
        of = "decided in doubt" if event.subject in doubtful else "decided when late"
        return _Entry(of, event, _DECIDED[kind], place)
    if kind == EventKind.JOB_IN_DOUBT:
        doubtful.add(event.subject)
    if kind in _OF_JOB:
        name, what = _OF_JOB[kind]
        return _Entry(name, event, what, place)
    return None


def _of_campaign(kind: EventKind, event: EventRow, state: CampaignState) -> _Entry | None:
    address = parse_address(event.subject)
    whole = "the campaign" if event.subject == state.id else event.subject
    place = f"round {address.round_number}" if isinstance(address, RoundAddress) else whole
    if kind in _OF_CAMPAIGN:
        return _Entry(_OF_CAMPAIGN[kind][0], event, _OF_CAMPAIGN[kind][1], place)
    match kind:
        case EventKind.HANDED_OVER:
            plates = ", ".join(map(str, event.data["plates"]))
            what = f"plates {plates} went from {event.data['from']} to {event.data['to']}"
            why = event.message.split(": ", 1)[-1]
            return _Entry("handed over", event, what, place, why=why)
        case EventKind.CAMPAIGN_CHANGED:
            parts = ", ".join(event.data["after"])
            what = f"{parts} from round {event.data['round']} on"
            return _Entry("plan changed", event, what, place)
        case EventKind.ROUNDS_SET:
            return _Entry("plan changed", event, f"{event.data['rounds']} rounds", place)
        case EventKind.ROBOT_CONFIGURED:
            parts = ", ".join(event.data["after"])
            return _Entry("robot configured", event, parts, event.subject)
        case _:
            return None
