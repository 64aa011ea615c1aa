"""What a changed campaign allowed in which rounds, by the journal."""

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.core.state import CampaignState
from orchestrator.journal.tables import EventRow
from orchestrator.languages import gettext, recorded
from orchestrator.results.report_words import rounds_in_words
from orchestrator.studies.replay import campaigns_by_round
from protocols.campaign import Campaign


class Allowed(NamedTuple):
    """What a parameter was allowed to be, and in which rounds, in words; empty: in all."""

    rounds: str
    values: str


def allowed_by_round(state: CampaignState, events: Sequence[EventRow]) -> dict[str, list[Allowed]]:
    """Parameter -> what it was allowed to be, in the order of the rounds.

    Args:
        state: the campaign's present state.
        events: all of its events, oldest first.
    """
    found, campaigns = {}, campaigns_by_round(state, events)
    for name in campaigns[-1][1].space.by_name:
        since: list[tuple[int, str]] = []
        for first, campaign in campaigns:
            values = _allowed(campaign, campaigns[-1][1], name)
            if not since or since[-1][1] != values:
                since.append((first, values))
        ends = [first - 1 for first, _ in since[1:]]
        found[name] = [
            *(
                Allowed(rounds_in_words(first, last), values)
                for (first, values), last in zip(since, ends, strict=False)
            ),
            Allowed(
                gettext("from round {round} on", round=since[-1][0]) if ends else "", since[-1][1]
            ),
        ]
    return found


def _allowed(campaign: Campaign, now: Campaign, name: str) -> str:
    parameter = campaign.space.by_name.get(name)
    if parameter is not None:
        return recorded(parameter.allowed)
    was = now.space.by_name[name]
    value = f"{was.so_far:g}" if isinstance(was.so_far, float) else was.so_far
    return gettext("not varied: {value}", value=f"{value} {was.unit}".rstrip())


def otherwise_before(state: CampaignState, events: Sequence[EventRow]) -> list[str]:
    """What else than parameters was otherwise in earlier rounds, and until which, in words.

    Args:
        state: the campaign's present state.
        events: all of its events, oldest first.
    """
    campaigns = campaigns_by_round(state, events)
    parts = {
        "constraints": gettext("The constraints"),
        "costs": gettext("The costs"),
        "protocol": gettext("Fields of the protocol's operations"),
    }
    found = []
    for key, words in parts.items():
        written = [(first, getattr(campaign, key)) for first, campaign in campaigns]
        changed = [
            first
            for (first, value), (_, was) in zip(written[1:], written, strict=False)
            if value != was
        ]
        if changed:
            found.append(
                gettext(
                    "{parts} are as they are since round {round}; before, they were others, which "
                    "the journal has.",
                    parts=words,
                    round=changed[-1],
                )
            )
    return found
