"""Requests and answers about robots, people and the service itself."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.service.schema.base import Body, PersonName, View
from orchestrator.service.schema.campaigns import EventView, JobView, OutageView


class TokenWish(Body):
    """Whom a token is for, what they may do, and for how many days."""

    person: PersonName
    role: Annotated[str, StringConstraints(pattern="^(viewer|operator|admin)$")]
    days: Annotated[float, Field(gt=0, le=366, allow_inf_nan=False)] = 90


class RobotView(View):
    """A robot of the campaigns that are not over."""

    name: str
    driver: str
    simulated: bool
    state: Literal["working", "idle", "offline"]
    campaigns: list[str]
    job: JobView | None
    queue: int
    next_due: datetime | None
    outage: OutageView | None
    errors: list[EventView]


class Person(View):
    """Who you are here."""

    person: str
    role: str


class TokenView(View):
    """A token without its secret."""

    id: str
    person: str
    role: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewToken(TokenView):
    """A token with its secret, which no other answer has."""

    secret: str


class AuditEntry(View):
    """Something that was done to a token."""

    at: datetime
    who: str
    act: str
    subject: str
    message: str


class Health(View):
    """That the service answers."""

    status: str
    version: str
