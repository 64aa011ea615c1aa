"""What all requests and answers have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orchestrator.core.by import Reason
from protocols.errors import Problem

_PRINTED = r"^[^\x00-\x1f\x7f]*$"

PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_PRINTED)
]

ProjectName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=_PRINTED)
]


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class Body(BaseModel):
    """The body of a request; keys that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Why(Body):
    """The reason of an act; it goes into the event log."""

    why: Reason


class ProblemDetails(BaseModel):
    """RFC 9457, with every single finding in `problems`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    problems: list[Problem] = Field(default_factory=list)
