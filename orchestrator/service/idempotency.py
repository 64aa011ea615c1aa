"""Once: a request that carries an idempotency key has its effect once, however often it comes."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from orchestrator.journal.access_tokens import Identity
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import RequestRow
from orchestrator.service.problems import Refused
from protocols.errors import WellwiseError

_REMEMBERED = timedelta(days=30)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Any text that is new for each change: the same one again gets the first answer again.",
    ),
]


def once(
    journal: Journal,
    who: Identity,
    key: str | None,
    request: Request,
    body: BaseModel,
    status: int,
    act: Callable[[], BaseModel],
) -> JSONResponse:
    """Act, and answer with what came of it; a key that was there before gets its first answer, and nothing is done.

    Raises:
        Refused: the key came with another request, or its first request was begun and its end is not known.
        WellwiseError: what `act` refuses; nothing is remembered of it.
    """
    if key is None:
        return JSONResponse(act().model_dump(mode="json"), status)
    digest = hashlib.sha256(f"{request.method} {request.url.path} {body.model_dump_json()}".encode()).hexdigest()
    place = (who.person, key)
    try:
        with journal.transaction() as session:
            oldest = datetime.now(UTC) - _REMEMBERED
            session.connection().execute(delete(RequestRow).where(col(RequestRow.at) < oldest))
            known = session.get(RequestRow, place)
            if known is None:
                session.add(RequestRow(person=who.person, key=key, digest=digest, at=datetime.now(UTC)))
                session.flush()
    except WellwiseError as error:
        if isinstance(error.__cause__, IntegrityError):
            raise Refused(409, "this request is being carried out just now: look at what became of it") from None
        raise
    if known is not None:
        if known.digest != digest:
            raise Refused(409, "this Idempotency-Key came with another request: take a new one for each change")
        if known.answer is None or known.status is None:
            raise Refused(409, "this request was begun before and its end is not known: look at what became of it")
        return JSONResponse(known.answer, known.status, {"Idempotent-Replay": "true"})
    try:
        answer = act().model_dump(mode="json")
    except WellwiseError:
        with journal.transaction() as session:
            refused = session.get(RequestRow, place)
            if refused is not None:
                session.delete(refused)
        raise
    with journal.transaction() as session:
        row = session.get(RequestRow, place)
        if row is not None:
            row.status, row.answer = status, answer
    return JSONResponse(answer, status)
