"""Many campaigns at once, by what they are called and where they are filed, without states."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from orchestrator.core.state import CampaignStatus
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import CampaignRow, EventRow


class Filing(NamedTuple):
    """Where a campaign is filed; `archived` counts only while it is over."""

    project: str = ""
    tags: tuple[str, ...] = ()
    archived: bool = False


class Listed(NamedTuple):
    """A campaign in a list. `words` are what it is found by, in lower case."""

    id: str
    title: str
    status: CampaignStatus
    started_at: datetime
    last_event: int
    filing: Filing
    words: str

    @property
    def archived(self) -> bool:
        """Whether lists leave it out: one that goes on after all is there again."""
        return self.filing.archived and self.status.over


class Selection(NamedTuple):
    """Which campaigns are looked for; what is empty selects nothing out.

    `search`: words that all occur in id, title, project, tags, or the names and titles of
    parameters. `project` None: any; empty: those in none. `archived` None: whether or not.
    """

    search: str = ""
    status: CampaignStatus | None = None
    project: str | None = None
    tag: str = ""
    archived: bool | None = None

    def takes(self, campaign: Listed) -> bool:
        """Whether a campaign is among them."""
        filing = campaign.filing
        return (
            self.status in (None, campaign.status)
            and self.project in (None, filing.project)
            and (not self.tag or self.tag in filing.tags)
            and self.archived in (None, campaign.archived)
            and all(word in campaign.words for word in self.search.casefold().split())
        )


def listed(journal: Journal, projects: Collection[str] | None = None) -> list[Listed]:
    """Every campaign, or those of some projects, newest first."""
    definition = col(CampaignRow.definition)
    last = (
        select(func.max(EventRow.id))
        .where(EventRow.campaign_id == CampaignRow.id)
        .correlate(CampaignRow)
        .scalar_subquery()
    )
    query = (
        select(CampaignRow.id, CampaignRow.name, CampaignRow.status, CampaignRow.started_at)
        .add_columns(definition["title"].as_string(), definition["parameters"], last)
        .add_columns(col(CampaignRow.project), col(CampaignRow.tags), col(CampaignRow.archived))
        .order_by(col(CampaignRow.started_at).desc(), col(CampaignRow.id).desc())
    )
    if projects is not None:
        query = query.where(col(CampaignRow.project).in_(projects))
    found = []
    with journal.reading_session() as session:
        for row in session.execute(query):
            name, called, status, started_at, title, parameters, event, project, tags, away = row
            filing = Filing(project, tuple(tags), away)
            words = " ".join([name, title or called, project, *tags, *_named(parameters or ())])
            found.append(
                Listed(
                    id=name,
                    title=title or called,
                    status=CampaignStatus(status),
                    started_at=started_at,
                    last_event=event or 0,
                    filing=filing,
                    words=words.casefold(),
                )
            )
    return found


def ids_in(journal: Journal, projects: Collection[str] | None = None) -> set[str]:
    """The campaigns there are, or those of some projects."""
    query = select(CampaignRow.id)
    if projects is not None:
        query = query.where(col(CampaignRow.project).in_(projects))
    with journal.reading_session() as session:
        return set(session.exec(query))


def filing_of(journal: Journal, campaign_id: str) -> Filing:
    """Where a campaign is filed."""
    query = select(CampaignRow.project, CampaignRow.tags, CampaignRow.archived)
    with journal.reading_session() as session:
        project, tags, archived = session.exec(query.where(CampaignRow.id == campaign_id)).one()
    return Filing(project, tuple(tags), archived)


def project_of(session: Session, campaign_id: str) -> str | None:
    """The project of a campaign, empty if it is in none; None: there is no such campaign."""
    query = select(CampaignRow.project).where(CampaignRow.id == campaign_id)
    return session.exec(query).first()


def _named(parameters: Sequence[dict[str, object]]) -> Iterator[str]:
    for parameter in parameters:
        yield str(parameter.get("name", ""))
        yield str(parameter.get("title", ""))
