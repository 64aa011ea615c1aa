"""Suggestions: acts that somebody proposed and a person has not answered yet, from the log."""

from collections import Counter
from collections.abc import Iterable

from sqlmodel import Session, col, select

from orchestrator.core.events import EventKind
from orchestrator.journal.tables import EventRow

ANSWERS = (EventKind.SUGGESTION_TAKEN, EventKind.SUGGESTION_DECLINED)
_QUERY = (
    select(EventRow)
    .where(col(EventRow.kind).in_((EventKind.SUGGESTED, *ANSWERS)))
    .order_by(col(EventRow.id))
)


def answer_of(session: Session, suggestion: EventRow) -> EventRow | None:
    """How a suggestion was answered; None while it is open."""
    query = select(EventRow).where(
        EventRow.campaign_id == suggestion.campaign_id,
        col(EventRow.kind).in_(ANSWERS),
        col(EventRow.id) > (suggestion.id or 0),
    )
    return next(
        (row for row in session.exec(query) if row.data.get("suggestion") == suggestion.id), None
    )


def open_suggestions(session: Session, campaign_id: str) -> list[EventRow]:
    """The suggestions for a campaign that nobody answered, oldest first."""
    return _open(session.exec(_QUERY.where(EventRow.campaign_id == campaign_id)))


def suggestions_waiting(session: Session) -> Counter[str]:
    """How many suggestions nobody answered, by campaign."""
    return Counter(row.campaign_id for row in _open(session.exec(_QUERY)))


def _open(rows: Iterable[EventRow]) -> list[EventRow]:
    found = list(rows)
    answered = {row.data["suggestion"] for row in found if row.kind in ANSWERS}
    return [row for row in found if row.kind == EventKind.SUGGESTED and row.id not in answered]
