"""Requests and answers about robots, people and the service itself."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from orchestrator.service.schema.base import Body, PersonName, ProjectName, View, Why
from orchestrator.service.schema.campaigns import EventView, JobView, OutageView


class TokenWish(Body):
    """Whom a token is for, what they may do, and for how many days.

    `role` is that in the whole service; `projects` has further ones in single projects.
    """

    person: PersonName
    role: Literal["none", "viewer", "operator", "admin"] = "none"
    projects: dict[ProjectName, Literal["viewer", "operator"]] = Field(default={}, max_length=100)
    days: Annotated[float, Field(gt=0, le=366, allow_inf_nan=False)] = 90

    @model_validator(mode="after")
    def _lets_somebody_do_something(self) -> Self:
        if self.role == "none" and not self.projects:
            raise ValueError("it has no role (expected one in the service, or in a project)")
        return self


class DeckPlaceView(View):
    """A place on a robot's deck, and what is to lie there; `holds` may be empty."""

    place: str
    labware: str
    holds: str


class SupplyView(View):
    """A thing on a deck that is used up: what is left of it, and was there when it was full.

    `left` is below 0 if jobs took more than there can have been.
    """

    name: str
    what: str
    left: float
    full: float
    unit: str

    @property
    def share(self) -> float:
        """How much of it is left, 0..1."""
        return min(max(self.left / self.full, 0.0), 1.0) if self.full else 0.0


class Refilled(Why):
    """What is full again, as `supplies` of a robot names it: everything if there is nothing."""

    supplies: list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] = Field(
        default=[], max_length=1_000
    )


class RobotView(View):
    """A robot of the lab file, or of campaigns that are not over, with its deck and supplies.

    These are empty where its driver says nothing of them, or runs in an interpreter of its own;
    `deck_problem` says why they are not known.
    """

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
    deck: list[DeckPlaceView]
    supplies: list[SupplyView]
    deck_problem: str = ""


class Person(View):
    """Who you are here: your role in the whole service, and those in single projects."""

    person: str
    role: str
    projects: dict[str, str] = Field(default={})


class TokenView(View):
    """A token without its secret."""

    id: str
    person: str
    role: str
    projects: dict[str, str] = Field(default={})
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
