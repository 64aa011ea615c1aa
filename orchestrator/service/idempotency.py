"""Idempotency: a request with an idempotency key takes effect once, however often sent."""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from orchestrator.errors import UnknownOutcome
from orchestrator.journal.access_tokens import Identity
from orchestrator.journal.journal import Journal
from orchestrator.journal.request_keys import begin_request, end_request, forget_request
from orchestrator.service.problems import Refused
from protocols.errors import WellwiseError

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description=(
            "Any text that is new for each change: the same one again gets the first answer again."
        ),
    ),
]


def idempotent(
    journal: Journal,
    who: Identity,
    key: str | None,
    request: Request,
    body: BaseModel,
    status: int,
    act: Callable[[], BaseModel],
    came_of_it: Callable[[], BaseModel | None] = lambda: None,
) -> JSONResponse:
    """Act and answer; a known key gets its first answer, and nothing is done.

    `came_of_it` looks for what a request did whose end is not known.

    Raises:
        Refused: the key came with another request, or its first request was begun and its end is
            not known.
        WellwiseError: what `act` refuses; nothing is remembered of it.
    """
    if key is None:
        return JSONResponse(act().model_dump(mode="json"), status)
    digest = hashlib.sha256(
        f"{request.method} {request.url.path} {body.model_dump_json()}".encode()
    ).hexdigest()
    known = begin_request(journal, who.person, key, digest)
    if known is not None:
        if known.digest != digest:
            raise Refused(
                409,
                "this Idempotency-Key came with another request: take a new one for each change",
            )
        if known.answer is None or known.status is None:
            found = came_of_it()
            if found is not None:
                answer = found.model_dump(mode="json")
                end_request(journal, who.person, key, status, answer)
                return JSONResponse(answer, status, {"Idempotent-Replay": "true"})
            raise Refused(
                409,
                "this request was begun before and its end is not known: look at what became of it",
            )
        return JSONResponse(known.answer, known.status, {"Idempotent-Replay": "true"})
    try:
        answer = act().model_dump(mode="json")
    except UnknownOutcome:
        # The key stays: the same request again looks for what came of this one.
        raise
    except WellwiseError:
        forget_request(journal, who.person, key)
        raise
    end_request(journal, who.person, key, status, answer)
    return JSONResponse(answer, status)
