"""Many campaigns at once, by what they are called and where they are filed, without states."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, text, union
from sqlmodel import col, select

from orchestrator.core.state import CampaignStatus, JobStatus, RoundStatus
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import (
    OPEN_JOB,
    CampaignRow,
    EventRow,
    JobRow,
    RoundRow,
)

_OPEN = [status for status in CampaignStatus if not status.over]


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


def listed(journal: Journal) -> list[Listed]:
    """Every campaign, newest first."""
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


def filing_of(journal: Journal, campaign_id: str) -> Filing:
    """Where a campaign is filed."""
    query = select(CampaignRow.project, CampaignRow.tags, CampaignRow.archived)
    with journal.reading_session() as session:
        project, tags, archived = session.exec(query.where(CampaignRow.id == campaign_id)).one()
    return Filing(project, tuple(tags), archived)


def may_ask(journal: Journal) -> set[str]:
    """The open campaigns that may ask a person for something; all others certainly do not.

    A batch waits for approval, a job is in doubt or late, or a round has no more jobs and so
    perhaps waits for values.
    """
    open_ones = select(CampaignRow.id).where(col(CampaignRow.status).in_(_OPEN))
    jobs_left = (
        select(JobRow.key)
        .where(
            JobRow.campaign_id == RoundRow.campaign_id,
            JobRow.round == RoundRow.number,
            text(f"job.{OPEN_JOB}"),
        )
        .correlate(RoundRow)
        .exists()
    )
    waiting = select(RoundRow.campaign_id).where(
        RoundRow.status != RoundStatus.FINISHED,
        or_(col(RoundRow.status) == RoundStatus.PROPOSED, ~jobs_left),
    )
    stuck = select(JobRow.campaign_id).where(
        text(f"job.{OPEN_JOB}"), col(JobRow.state).in_([JobStatus.IN_DOUBT, JobStatus.LATE])
    )
    with journal.reading_session() as session:
        open_now = set(session.exec(open_ones))
        return open_now.intersection(session.execute(union(waiting, stuck)).scalars())


def _named(parameters: Sequence[dict[str, object]]) -> Iterator[str]:
    for parameter in parameters:
        yield str(parameter.get("name", ""))
        yield str(parameter.get("title", ""))
