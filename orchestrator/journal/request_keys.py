"""Requests with an idempotency key, and their answers, so that they take effect once."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from orchestrator.errors import Conflict, JournalError
from orchestrator.journal.store import Store
from orchestrator.journal.tables import RequestRow

_REMEMBERED = timedelta(days=30)


class Remembered(NamedTuple):
    """A request that came before; without a status it was begun, and its end is not known."""

    digest: str
    status: int | None
    answer: dict[str, Any] | None


def begin_request(store: Store, person: str, key: str, digest: str) -> Remembered | None:
    """Note that a person's request begins; what is known of it, if the key came before.

    Raises:
        Conflict: it comes twice at this moment.
    """
    now = datetime.now(UTC)
    try:
        with store.transaction() as session:
            session.connection().execute(
                delete(RequestRow).where(col(RequestRow.at) < now - _REMEMBERED)
            )
            known = session.get(RequestRow, (person, key))
            if known is not None:
                return Remembered(known.digest, known.status, known.answer)
            session.add(RequestRow(person=person, key=key, digest=digest, at=now))
            session.flush()
    except JournalError as error:
        if isinstance(error.__cause__, IntegrityError):
            raise Conflict(
                "this request is being done just now: look at what became of it"
            ) from None
        raise
    return None


def forget_request(store: Store, person: str, key: str) -> None:
    """The request was refused: the key may come again."""
    with store.transaction() as session:
        row = session.get(RequestRow, (person, key))
        if row is not None:
            session.delete(row)


def end_request(store: Store, person: str, key: str, status: int, answer: dict[str, Any]) -> None:
    """Remember what was answered."""
    with store.transaction() as session:
        row = session.get(RequestRow, (person, key))
        if row is not None:
            row.status, row.answer = status, answer
