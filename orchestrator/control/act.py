"""The contract of an act: its fields, who may do it, and its one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from sqlmodel import Session

from orchestrator.core.by import PRINTED, By, Reason
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignState
from orchestrator.errors import Conflict
from orchestrator.journal.access_tokens import Role
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import add_event
from orchestrator.lab.lab import Lab
from protocols.addresses import Address, WellPlace
from protocols.errors import InvalidInput, Problem
from protocols.refusals import refusal

Answer = Literal["campaign", "well", "entered"]
"""What the API answers after an act.

The state of the campaign, the well's history, or how many wells were entered.
"""

_ATTEMPTS = 5
"""How often an act is prepared again because the campaign changed meanwhile."""

JobKey = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTED)]
RobotName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PRINTED)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]


@dataclass(frozen=True)
class Typed:
    """How a field is typed at the command line, and named in a dialog.

    Args:
        help: what it is, in a few words.
        positional: an argument instead of an option.
        option: the option's name, where it is not the field's.
        none: a flag that means no value.
        file: a file is named, and its text is meant.
        binary: a file is named, and its bytes are meant, as a data URL.
    """

    help: str = ""
    positional: bool = False
    option: str = ""
    none: str = ""
    file: bool = False
    binary: bool = False


@dataclass(frozen=True)
class Acting:
    """What an act works with: a transaction, and the campaign's state in it."""

    lab: Lab
    session: Session
    state: CampaignState
    by: By
    now: datetime

    @property
    def campaign_id(self) -> str:
        """The campaign."""
        return self.state.id

    @property
    def journal(self) -> Journal:
        """The journal that the transaction is of."""
        return self.lab.journal

    def record(
        self,
        kind: EventKind,
        subject: Address | str | None = None,
        data: dict[str, Any] | None = None,
        message: str | None = None,
    ) -> None:
        """Append an event, by the person who acts and with their reason unless given otherwise."""
        text = self.by.why if message is None else message
        add_event(
            self.session,
            self.campaign_id,
            self.now,
            kind,
            str(subject or self.campaign_id),
            text,
            data,
            self.by.who,
        )


class Act(BaseModel):
    """Something that an operator does to a campaign. One class is the whole of it.

    From its fields follow the body of its HTTP request, the client's method, the command and its
    `remote` twin, and the dialog in the browser. Its docstring describes it in all of them.

    Class attributes:
        name: how the client and the browser call it, such as `set_rounds`.
        path: below `/campaigns/{campaign_id}`, such as `/rounds`.
        command: at the command line, such as `set-rounds`; empty where a command written by hand
            includes it.
        role: who may do it.
        answer: what the API answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    path: ClassVar[str]
    command: ClassVar[str]
    role: ClassVar[Role] = Role.OPERATOR
    answer: ClassVar[Answer] = "campaign"

    why: Annotated[Reason, Typed("The reason; it goes into the event log.")]

    def prepare(self, lab: Lab, state: CampaignState) -> Any:
        """What takes long and writes nothing, before the transaction; `apply` is given it."""
        return None

    def rests_on(self, state: CampaignState) -> Any:
        """What of the campaign `prepare` rests on; if that has changed, it is prepared again."""
        return None

    def apply(self, acting: Acting, prepared: Any) -> Any:
        """Check and write, in the transaction; returns what came of it.

        Raises:
            JournalError: it is not possible in the campaign's state; nothing is kept.
        """
        raise NotImplementedError

    def afterwards(self, lab: Lab, campaign_id: str) -> None:
        """What follows from it and may be done again at any time, after the transaction."""

    def done(self, campaign_id: str, outcome: Any) -> str:
        """What came of it, for the person at the command line."""
        return f"Done. See: wellwise show {campaign_id}"


class WellAct(Act):
    """An act on one well; its place is part of the path."""

    answer: ClassVar[Answer] = "well"

    place: Annotated[
        WellPlace, Typed("Campaign, round, plate and well, such as rpe/r1/p3/B2.", positional=True)
    ]


def perform(
    lab: Lab,
    campaign_id: str,
    act: Act,
    who: str,
    together_with: Callable[[Acting, Act], None] | None = None,
    first: Callable[[Acting, Act], None] | None = None,
) -> Any:
    """Do an act: check and write in one transaction, against the campaign's state in it.

    Args:
        lab: the journal and the clock.
        campaign_id: the campaign.
        act: what is done, with its reason.
        who: the person who acts.
        together_with: what is checked and written beside it, in the same transaction.
        first: what is checked before it, in the same transaction, such as who may do it.

    Returns: what the act's `apply` returns.

    Raises:
        Missing: there is no such campaign.
        Conflict: it changed again and again while the act was prepared.
        JournalError: it is not possible in the campaign's state.
    """
    for _ in range(_ATTEMPTS):
        before = lab.journal.state(campaign_id)
        prepared, basis = act.prepare(lab, before), act.rests_on(before)
        with lab.journal.transaction() as session:
            state = lab.journal.locked_state(session, campaign_id)
            if act.rests_on(state) != basis:
                continue
            acting = Acting(lab, session, state, By(who, act.why), lab.clock.now())
            if first is not None:
                first(acting, act)
            outcome = act.apply(acting, prepared)
            if together_with is not None:
                together_with(acting, act)
        act.afterwards(lab, campaign_id)
        return outcome
    raise Conflict(
        f"campaign {campaign_id} was changed again and again by somebody else: look at it and try "
        "again"
    )


def validated(act: type[Act], values: Mapping[str, Any]) -> Act:
    """An act of these values.

    Raises:
        InvalidInput: with every value that is not allowed.
    """
    try:
        return act.model_validate(dict(values))
    except ValidationError as error:
        problems = []
        for details in error.errors():
            key, where = ".".join(map(str, details["loc"])), act.command or act.name
            message, expected = refusal(details)
            found = Problem(where=where, key=key, message=message, expected=expected)
            problems.append(found)
        raise InvalidInput(problems) from None
