"""Acts that keep many campaigns in order: a project, tags, the archive. Nothing else changes."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.control.act import Act, Acting, Typed
from orchestrator.core.by import PRINTED
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignStatus
from orchestrator.errors import JournalError
from orchestrator.journal.store import existing
from orchestrator.journal.tables import CampaignRow

_Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=PRINTED),
]


class FileUnder(Act):
    """Put a campaign into a project, and give it tags.

    Both replace what was there; without a project it is in none.
    """

    name: ClassVar[str] = "file_under"
    path: ClassVar[str] = "/filing"
    command: ClassVar[str] = "file-under"

    project: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=60, pattern=PRINTED),
        Typed("The project, such as a grant or a customer."),
    ] = ""
    tags: Annotated[tuple[_Label, ...], Field(max_length=20), Typed("Words to find it by.")] = ()

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Write both; harmless if they are the same."""
        row = existing(acting.session, CampaignRow, acting.campaign_id)
        tags = sorted(set(self.tags), key=str.casefold)
        if (row.project, row.tags) != (self.project, tags):
            row.project, row.tags = self.project, tags
            data = {"project": self.project, "tags": tags}
            acting.record(EventKind.CAMPAIGN_FILED, data=data)

    def done(self, campaign_id: str, outcome: Any) -> str:
        """Where it is now."""
        where = f"in project {self.project}" if self.project else "in no project"
        return f"Campaign {campaign_id} is {where}" + (
            f", with the tags {', '.join(self.tags)}." if self.tags else ", without tags."
        )


class Archive(Act):
    """Take a campaign that is over out of the lists; nothing of it is lost."""

    name: ClassVar[str] = "archive"
    path: ClassVar[str] = "/archive"
    command: ClassVar[str] = "archive"

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Set it; harmless if it is archived."""
        row = existing(acting.session, CampaignRow, acting.campaign_id)
        if not CampaignStatus(row.status).over:
            raise JournalError(
                f"campaign {acting.campaign_id} is {row.status}: only one that is finished or "
                "aborted can be archived"
            )
        _set_archived(acting, row, True)

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How to see it again."""
        return (
            f"Campaign {campaign_id} is archived. Bring it back with: wellwise unarchive "
            f"{campaign_id}"
        )


class Unarchive(Act):
    """Bring an archived campaign back into the lists."""

    name: ClassVar[str] = "unarchive"
    path: ClassVar[str] = "/unarchive"
    command: ClassVar[str] = "unarchive"

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Unset it; harmless if it is not archived."""
        row = existing(acting.session, CampaignRow, acting.campaign_id)
        _set_archived(acting, row, False)

    def done(self, campaign_id: str, outcome: Any) -> str:
        """That it is back."""
        return f"Campaign {campaign_id} is in the lists again."


def _set_archived(acting: Acting, row: CampaignRow, archived: bool) -> None:
    if row.archived != archived:
        row.archived = archived
        kind = EventKind.CAMPAIGN_ARCHIVED if archived else EventKind.CAMPAIGN_UNARCHIVED
        acting.record(kind)
