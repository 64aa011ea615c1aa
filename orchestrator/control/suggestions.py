"""Suggestions: an act that somebody proposes, and that a person does or declines."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.control.act import Act, Acting, Typed, validated
from orchestrator.core.by import PRINTED
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState, CampaignStatus
from orchestrator.errors import Conflict, JournalError, Missing
from orchestrator.journal.access_tokens import Role
from orchestrator.journal.suggestions import answer_of
from orchestrator.journal.tables import EventRow
from orchestrator.lab.lab import Lab
from protocols.errors import InvalidInput, Problem

ActName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PRINTED)]


class Suggest(Act):
    """Suggest an act to the operators, who do it or decline it.

    Nothing changes until somebody does it. The values are checked like those of the act itself.
    """

    name: ClassVar[str] = "suggest"
    path: ClassVar[str] = "/suggestions"
    command: ClassVar[str] = "suggest"
    role: ClassVar[Role] = Role.VIEWER

    act: Annotated[ActName, Typed("The act, such as set_rounds.", positional=True)]
    values: Annotated[
        dict[str, Any],
        Field(default={}, max_length=100),
        Typed("NAME=VALUE: a value of the act.", option="value"),
    ]

    def prepare(self, lab: Lab, state: CampaignState) -> dict[str, Any]:
        """Check the act and its values; returns them as JSON has them."""
        return suggested(self.act, self.values, self.why).model_dump(mode="json", exclude={"why"})

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Write it into the log."""
        if acting.state.status == CampaignStatus.ABORTED:
            raise JournalError(f"campaign {acting.campaign_id} is aborted: nothing can be done")
        acting.record(EventKind.SUGGESTED, data={"act": self.act, "values": prepared})

    def done(self, campaign_id: str, outcome: Any) -> str:
        """Where it is answered."""
        return f"Suggested. An operator does it or declines it: see campaign {campaign_id}."


class DeclineSuggestion(Act):
    """Decline what was suggested."""

    name: ClassVar[str] = "decline_suggestion"
    path: ClassVar[str] = "/suggestions/declined"
    command: ClassVar[str] = "decline-suggestion"

    suggestion: Annotated[
        int, Field(ge=1), Typed("The number of the suggestion, from the log.", positional=True)
    ]

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Close it."""
        found = open_suggestion(acting, self.suggestion)
        acting.record(EventKind.SUGGESTION_DECLINED, data={"suggestion": found.id})


def suggested(name: str, values: Mapping[str, Any], why: str) -> Act:
    """The act that is suggested.

    Raises:
        InvalidInput: there is no such act, or a value is not allowed.
    """
    from orchestrator.control.table import ACTS  # it holds this file's acts too

    known = {act.name: act for act in ACTS if act not in (Suggest, DeclineSuggestion)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        expected = near[0] if near else f"one of {', '.join(known)}"
        raise InvalidInput(
            [Problem(where="suggestion", message=f"there is no act {name!r}", expected=expected)]
        )
    return validated(known[name], {**values, "why": why})


def open_suggestion(acting: Acting, number: int) -> EventRow:
    """A suggestion of the campaign that nobody answered.

    Raises:
        Missing: there is none with this number.
        Conflict: it was answered already.
    """
    row = acting.session.get(EventRow, number)
    if row is None or row.kind != EventKind.SUGGESTED or row.campaign_id != acting.campaign_id:
        raise Missing(f"campaign {acting.campaign_id} has no suggestion {number}")
    if (answer := answer_of(acting.session, row)) is not None:
        word = "done" if answer.kind == EventKind.SUGGESTION_TAKEN else "declined"
        raise Conflict(f"suggestion {number} was {word} by {answer.who}: {answer.message}")
    return row


def take(acting: Acting, act: Act, number: int) -> None:
    """Note in the act's own transaction that it is what was suggested.

    Raises:
        Missing, Conflict: as for `open_suggestion`.
        JournalError: another act was suggested.
    """
    row = open_suggestion(acting, number)
    if row.data["act"] != act.name:
        raise JournalError(f"suggestion {number} is to {row.data['act']}, not to {act.name}")
    data = {"suggestion": row.id, "suggested_by": row.who}
    acting.record(EventKind.SUGGESTION_TAKEN, data=data)
