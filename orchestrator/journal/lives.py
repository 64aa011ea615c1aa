"""Lives: a journal that was brought back from an earlier state asks what was done since.

A restored backup, a copied home or a database that was rolled back knows nothing of what robots did
after that. Its jobs of that time are in doubt, and its campaigns wait for a person.
"""

import json
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import text
from sqlmodel import col, select

from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignStatus, JobStatus
from orchestrator.journal.database import damaged
from orchestrator.journal.durable import write_whole
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import add_event, existing
from orchestrator.journal.tables import OPEN_JOB, CampaignRow, JobRow, JournalRow
from orchestrator.settings import Settings

_MARK = "journal.mark"

Due = Callable[[Journal, str], datetime | None]
"""Campaign -> until when its jobs may have been begun; None: any of them."""


def open_journal(settings: Settings, due: Due) -> Journal:
    """Open the journal of a home; one that was brought back asks what was done since.

    Args:
        settings: the home and the database.
        due: see `Due`.

    Raises:
        JournalError: it cannot be opened.
    """
    own, mark = settings.home / "journal.sqlite", _Mark(settings.home / _MARK)
    if not settings.database_url and mark.exists and own.exists() and not own.stat().st_size:
        raise damaged(settings.journal_url, "it is empty, and was not when it was last used")
    journal = Journal(settings.journal_url)
    why = journal.identity.unsettled or mark.contradiction(journal)
    if why:
        journal = _new_life(journal, why, due)
    mark.write(journal)
    journal.on_dispatch = lambda: mark.write(journal)
    return journal


class _Mark:
    """What this home knows of its journal, next to it: which it is, how far it was, and where."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def exists(self) -> bool:
        """Whether a journal was here."""
        return self._path.exists()

    def contradiction(self, journal: Journal) -> str:
        """Why the journal is not the one that was here last, or not as far; nothing if it is."""
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
            identity, life = known["identity"], known["life"]
            last, here = known["last_event"], known["home"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        if (identity, life) != journal.identity[:2]:
            return ""
        if last > journal.last_event():
            return "its database is of an earlier time than this home"
        if here != self._here() and self._there(here):
            return "this home is a copy of another one"
        return ""

    def write(self, journal: Journal) -> None:
        """Note how far the journal is."""
        known = {
            "identity": journal.identity.identity,
            "life": journal.identity.life,
            "last_event": journal.last_event(),
            "home": self._here(),
        }
        write_whole(self._path, json.dumps(known).encode())

    def _here(self) -> str:
        return f"{socket.gethostname()}:{self._path.parent.resolve()}"

    def _there(self, here: str) -> bool:
        """Whether the home where this mark was written may still be there: not if it was moved."""
        host, _, folder = here.partition(":")
        return host != socket.gethostname() or (Path(folder) / _MARK).exists()


def _new_life(journal: Journal, why: str, due: Due) -> Journal:
    """Put what may have been done since in doubt, and have every campaign wait for a person."""
    message = f"{why}: nobody knows what was done since"
    names = journal.campaign_ids()
    last = {name: journal.last_moment(name) for name in names}
    untils = {name: due(journal, name) for name in names}
    with journal.transaction() as session:
        row = existing(session, JournalRow, 1)
        row.life, row.unsettled = row.life + 1, ""
        alive = [status for status in CampaignStatus if not status.over]
        campaigns = select(CampaignRow).where(col(CampaignRow.status).in_(alive))
        for campaign in session.exec(campaigns).all():
            until, at = untils[campaign.id], last[campaign.id] or campaign.started_at
            jobs = select(JobRow).filter_by(campaign_id=campaign.id).where(text(OPEN_JOB))
            for job in session.exec(jobs).all():
                if job.state == JobStatus.IN_DOUBT or (until is not None and job.due_at > until):
                    continue
                job.state, job.message = JobStatus.IN_DOUBT.value, message
                add_event(session, campaign.id, at, EventKind.JOB_IN_DOUBT, job.key, message)
            if campaign.status == CampaignStatus.RUNNING:
                campaign.status, campaign.reason = CampaignStatus.PAUSED.value, message
                add_event(session, campaign.id, at, EventKind.CAMPAIGN_PAUSED, campaign.id, message)
    url = journal.url
    journal.close()
    return Journal(url)
