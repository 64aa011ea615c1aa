"""Acts on a whole campaign: pause, resume, abort, how many rounds it is to have."""

from typing import Annotated, Any, ClassVar

from pydantic import Field
from sqlmodel import col, select

from orchestrator.control.act import Act, Acting, Typed
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignStatus
from orchestrator.errors import JournalError
from orchestrator.journal.store import existing
from orchestrator.journal.tables import CampaignRow, RoundRow
from protocols.number_words import counted


class Pause(Act):
    """Send no more jobs; robots finish what they have."""

    name: ClassVar[str] = "pause"
    path: ClassVar[str] = "/pause"
    command: ClassVar[str] = "pause"

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Set the status; harmless if it is paused."""
        _set_status(acting, CampaignStatus.PAUSED, EventKind.CAMPAIGN_PAUSED)

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How to go on."""
        return f"Campaign {campaign_id} is paused. Go on with: wellwise resume {campaign_id}"


class Resume(Act):
    """Let a paused campaign go on."""

    name: ClassVar[str] = "resume"
    path: ClassVar[str] = "/resume"
    command: ClassVar[str] = ""

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Set the status; harmless if it runs."""
        _set_status(acting, CampaignStatus.RUNNING, EventKind.CAMPAIGN_RUNNING)


class Abort(Act):
    """End a campaign for good; robots finish what they have."""

    name: ClassVar[str] = "abort"
    path: ClassVar[str] = "/abort"
    command: ClassVar[str] = "abort"

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Set the status; harmless if it is aborted."""
        _set_status(acting, CampaignStatus.ABORTED, EventKind.CAMPAIGN_ABORTED)

    def done(self, campaign_id: str, outcome: Any) -> str:
        """That it is over."""
        return f"Campaign {campaign_id} is aborted."


class SetRounds(Act):
    """Raise or lower how many rounds the campaign is to have.

    A finished one goes on if it is raised.
    """

    name: ClassVar[str] = "set_rounds"
    path: ClassVar[str] = "/rounds"
    command: ClassVar[str] = "set-rounds"

    rounds: Annotated[
        int,
        Field(ge=1, le=1_000),
        Typed("How many rounds the campaign is to have.", positional=True),
    ]

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Change the stop rule; a round under way is finished."""
        row = existing(acting.session, CampaignRow, acting.campaign_id)
        query = select(RoundRow.number).where(col(RoundRow.campaign_id) == acting.campaign_id)
        begun = len(acting.session.exec(query).all())
        if self.rounds < begun:
            raise JournalError(
                f"{counted(self.rounds, 'round')}: too few, as {begun} have begun "
                f"(expected {begun} or more)"
            )
        if row.status == CampaignStatus.ABORTED:
            raise JournalError(f"campaign {acting.campaign_id} is aborted: it has no more rounds")
        if row.status == CampaignStatus.FINISHED and self.rounds > begun:
            row.status, row.reason, row.ended_at = CampaignStatus.RUNNING, "", None
        row.definition = row.definition | {"stop": row.definition["stop"] | {"rounds": self.rounds}}
        acting.record(EventKind.ROUNDS_SET, data={"rounds": self.rounds})

    def done(self, campaign_id: str, outcome: Any) -> str:
        """The new number."""
        return f"Campaign {campaign_id} is to have {self.rounds} rounds."


def _set_status(acting: Acting, status: CampaignStatus, kind: EventKind) -> None:
    row = existing(acting.session, CampaignRow, acting.campaign_id)
    if CampaignStatus(row.status).over:
        raise JournalError(
            f"campaign {acting.campaign_id} is {row.status}: it cannot become {status.value}"
        )
    if row.status != status:
        row.status, row.reason = status, acting.by.why
        acting.record(kind)
