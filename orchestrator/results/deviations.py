"""Deviations: where a campaign went otherwise than its file says, by whom and why, by its events.

Nothing that a person or the equipment changed is left out: a reader of the values has to know which
of them somebody touched.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from orchestrator.core.by import WELLWISE
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState
from orchestrator.journal.tables import EventRow
from orchestrator.languages import gettext, in_words, later, ngettext
from protocols.addresses import JobAddress, RoundAddress, WellAddress, parse_address
from protocols.campaign import Campaign
from protocols.conditions import Value
from protocols.outcomes import Outcome
from protocols.parameters import Parameter


class Deviation(NamedTuple):
    """What was otherwise: `what` happened `where`, when (by the lab's clock), by whom and why.

    `kind` is a text that is translated where it is shown; `why` is as it was recorded.
    """

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
    EventKind.CAMPAIGN_PAUSED: (later("paused"), later("nothing more was sent")),
    EventKind.CAMPAIGN_ABORTED: (later("aborted"), later("ended before its stop rule held")),
    EventKind.RESCORED: (later("scored again"), later("readings were scored once more")),
    EventKind.WORKER_LOST: (later("worker lost"), later("a computer at the bench did not answer")),
    EventKind.CLOCK_MOVED: (later("clock moved"), later("the clock of the lab was moved")),
    EventKind.ROBOT_OFFLINE: (later("robot offline"), later("it did not answer")),
    EventKind.ROBOT_STOPPED: (later("robot stopped"), later("it was stopped")),
}
_OF_JOB: Mapping[EventKind, tuple[str, str]] = {
    EventKind.JOB_LATE: (later("late"), later("the tolerance passed before the job could be sent")),
    EventKind.JOB_FAILED: (later("failed"), later("the job failed")),
    EventKind.JOB_IN_DOUBT: (later("in doubt"), later("nobody knew what was done of the job")),
}
_PARAMETERS: TypeAdapter[tuple[Parameter, ...]] = TypeAdapter(tuple[Parameter, ...])
_DECIDED: Mapping[EventKind, str] = {
    EventKind.JOB_DONE: later("taken as done"),
    EventKind.JOB_FAILED: later("taken as failed"),
    EventKind.JOB_PLANNED: later("sent again"),
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
    place = gettext("round {round}, plate {plate}", round=address.round_number, plate=address.plate)

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
                words = gettext(" and ").join(map(in_words, flags))
                what = gettext(
                    "{outcome}: {value} is not trusted",
                    outcome=outcome.name,
                    value=outcome.scale.text(event.data["value"]),
                )
                return entry(later("flagged"), what)._replace(why=words)
        case EventKind.VALUE_ENTERED:
            before = known.values.get(outcome.name)
            known.values[outcome.name] = event.data["value"]
            return _entered(entry, outcome, before, event.data["value"])
        case EventKind.WELL_EXCLUDED:
            before = known.values.get(outcome.name)
            text = outcome.scale.text(before)
            if before is None:
                text = gettext("a well without a value")
            what = gettext(
                "{outcome}: {value} is left out of the model", outcome=outcome.name, value=text
            )
            return entry(later("excluded"), what)
        case EventKind.WELL_LOST:
            empty = event.message.startswith("left empty")
            return entry(later("left empty") if empty else later("lost"), "")
        case EventKind.WELL_REQUEUED:
            what = gettext("its condition has a well of a later round")
            return entry(later("tried again"), what)
        case EventKind.PROPOSAL_EDITED:
            return entry(later("proposal edited"), _edited(event.data, campaign))
        case _:
            pass
    return None


def _edited(data: Mapping[str, Any], campaign: Campaign) -> str:
    """The values that a well was to have, and those that it got."""
    # Older journals have the new values only.
    after = data["after"] if isinstance(data.get("after"), dict) else data
    before = data["before"] if after is not data else {}

    def shown(name: str, value: Value | None) -> str:
        parameter = campaign.space.by_name.get(name)
        if value is None or parameter is None:
            return gettext("none") if value is None else str(value)
        text = f"{value:g}" if isinstance(value, float) else parameter.label(value)
        return f"{text} {parameter.unit}".rstrip()

    return ", ".join(
        gettext(
            "{outcome}: {before} became {value}",
            outcome=name,
            before=shown(name, before[name]),
            value=shown(name, value),
        )
        if name in before
        else gettext("{name} became {value}", name=name, value=shown(name, value))
        for name, value in after.items()
    )


def _changed(data: Mapping[str, Any]) -> str:
    """Which parts of the plan changed from which round on, and what parameters allow since."""
    parts = ", ".join(data["after"])
    found = [gettext("{parts} from round {round} on", parts=parts, round=data["round"])]
    before, after = (
        {
            each.name: each.allowed
            for each in _PARAMETERS.validate_python(side.get("parameters", ()))
        }
        for side in (data["before"], data["after"])
    )
    found += [
        gettext("{outcome}: {before} became {value}", outcome=name, before=was, value=after[name])
        for name, was in before.items()
        if after.get(name, was) != was
    ]
    return "; ".join(found)


def _entered(
    entry: Callable[[str, str], _Entry], outcome: Outcome, before: float | None, value: float
) -> _Entry | None:
    if before is None and outcome.by_hand:
        return None
    text = outcome.scale.text(value)
    if before is None:
        what = gettext(
            "{outcome}: {value}, where no reading gave a value", outcome=outcome.name, value=text
        )
        return entry(later("entered by hand"), what)
    was = outcome.scale.text(before)
    what = gettext(
        "{outcome}: {before} became {value}", outcome=outcome.name, before=was, value=text
    )
    return entry(later("edited"), what)


def _of_job(
    kind: EventKind, event: EventRow, address: JobAddress, doubtful: set[str]
) -> _Entry | None:
    place = gettext(
        "round {round}, plate {plate}, step {step}",
        round=address.round_number,
        plate=address.plate,
        step=address.step,
    )
    if event.who != WELLWISE and kind in _DECIDED:
        doubted = event.subject in doubtful
        of = later("decided in doubt") if doubted else later("decided when late")
        return _Entry(of, event, gettext(_DECIDED[kind]), place)
    if kind == EventKind.JOB_IN_DOUBT:
        doubtful.add(event.subject)
    if kind in _OF_JOB:
        name, what = _OF_JOB[kind]
        return _Entry(name, event, gettext(what), place)
    return None


def _of_campaign(kind: EventKind, event: EventRow, state: CampaignState) -> _Entry | None:
    address = parse_address(event.subject)
    place = gettext("the campaign") if event.subject == state.id else event.subject
    if isinstance(address, RoundAddress):
        place = gettext("round {number}", number=address.round_number)
    if kind in _OF_CAMPAIGN:
        name, what = _OF_CAMPAIGN[kind]
        return _Entry(name, event, gettext(what), place)
    match kind:
        case EventKind.HANDED_OVER:
            plates = ", ".join(map(str, event.data["plates"]))
            what = gettext(
                "plates {plates} went from {before} to {after}",
                plates=plates,
                before=event.data["from"],
                after=event.data["to"],
            )
            why = event.message.split(": ", 1)[-1]
            return _Entry(later("handed over"), event, what, place, why=why)
        case EventKind.CAMPAIGN_CHANGED:
            return _Entry(later("plan changed"), event, _changed(event.data), place)
        case EventKind.ROUNDS_SET:
            number = event.data["rounds"]
            what = ngettext("{number} round", "{number} rounds", number)
            return _Entry(later("plan changed"), event, what, place)
        case EventKind.ROBOT_CONFIGURED:
            parts = ", ".join(event.data["after"])
            return _Entry(later("robot configured"), event, parts, event.subject)
        case _:
            return None
