"""Lives: a journal that was brought back from an earlier state asks what was done since.

A restored backup, a copied home or a database that was rolled back knows nothing of what robots did
after that. Its jobs of that time are in doubt, and its campaigns wait for a person.
"""

import json
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session, col, select

from drivers.file_identity import file_identity, is_copy
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignStatus, JobStatus
from orchestrator.errors import Unavailable
from orchestrator.journal.database import damaged
from orchestrator.journal.durable import write_whole
from orchestrator.journal.journal import Journal
from orchestrator.journal.store import JournalIdentity, add_event, existing
from orchestrator.journal.tables import OPEN_JOB, CampaignRow, EventRow, JobRow, JournalRow
from orchestrator.settings import Settings

_MARK = "journal.mark"

_PUT_BACK = "its database is a copy, or one that was put back"

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
    journal.home = file_identity(settings.home)
    former, here = journal.identity, journal.place
    with journal.reading_session() as session:
        said = existing(session, JournalRow, 1)
    if why := said.unsettled or _moved(said.place, here) or mark.contradiction(journal):
        journal = _new_life(journal, why, due, former, max(former.life, mark.life) + 1)
        journal.home = file_identity(settings.home)
    elif here and not said.place:
        with journal.transaction() as session:
            existing(session, JournalRow, 1).place = here
    mark.write(journal)
    journal.workers = settings.workers
    journal.on_dispatch = lambda: mark.write(journal)
    return journal


def _moved(known: str, here: str) -> str:
    if known and here and is_copy(known, here):
        return _PUT_BACK
    return ""


class _Mark:
    """What this home knows of its journal, next to it: which it is, and how far it was."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def exists(self) -> bool:
        """Whether a journal was here."""
        return self._path.exists()

    @property
    def life(self) -> int:
        """The life in which the journal was that was here last; 0 if there was none."""
        return self._read().life

    def contradiction(self, journal: Journal) -> str:
        """Why the journal is not the one that was here last, or not as far; nothing if it is."""
        (known, file), found = self._read_with_file(), journal.identity
        if known.identity != found.identity:
            return ""
        if known.file and is_copy(known.file, file):
            # Each mark is a new file: this one was copied over a later one.
            return _PUT_BACK
        if known.life > found.life or (known.life == found.life and known.branch != found.branch):
            return "its database is of an earlier life than this home"
        if known.life < found.life:
            # What this home knew of is lost or not; that was asked when the life began.
            return ""
        if known.last_event > journal.last_event() or (
            known.event and known.event != _event(journal, known.last_event)
        ):
            return "its database is of an earlier time than this home"
        return ""

    def write(self, journal: Journal) -> None:
        """Note how far the journal is."""
        identity, life, branch = journal.identity
        last = journal.last_event()
        event = _event(journal, last)
        known = _Known(identity, life, branch, last, event)

        def content(file: Path) -> bytes:
            # A server's database is not put back with a home, and may have several of them.
            # Windows gives a file that replaces another one the birth of that.
            here = sys.platform != "win32" and journal.url.startswith("sqlite")
            return json.dumps(
                known._replace(file=file_identity(file) if here else "")._asdict()
            ).encode()

        try:
            write_whole(self._path, content)
        except OSError as error:
            raise Unavailable(
                f"{self._path} cannot be written ({error.strerror or error}): nothing was begun. "
                "Make the home writable, and try again",
                "the home of the service cannot be written just now: nothing was begun",
            ) from error

    def _read_with_file(self) -> tuple["_Known", str]:
        """What the mark says, and which file it is: of one mark, while others are written."""
        while True:
            known = self._read()
            try:
                file = file_identity(self._path)
            except OSError:
                return _Known(), ""
            # A mark says which file it is, so that no two say the same.
            if self._read() == known:
                return known, file

    def _read(self) -> "_Known":
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return _Known(**{name: found[name] for name in _Known._fields if name in found})
        except (OSError, ValueError, TypeError, AttributeError):
            return _Known()


def _event(journal: Journal, number: int) -> str:
    """What tells an event from any other that could have its number; empty if there is none."""
    with journal.reading_session() as session:
        row = session.get(EventRow, number)
    if row is None:
        return ""
    # By UTC: a server gives times in the zone that it has just now.
    return f"{row.at.astimezone(UTC).isoformat()} {row.kind} {row.subject}"


class _Known(NamedTuple):
    identity: str = ""
    life: int = 0
    branch: str = ""
    last_event: int = 0
    event: str = ""
    file: str = ""
    """Which file the mark itself is, where its database is put back with it."""


def _new_life(journal: Journal, why: str, due: Due, former: JournalIdentity, life: int) -> Journal:
    """Put what may have been done since in doubt, and have every campaign wait for a person."""
    message = f"{why}: nobody knows what was done since"
    names = journal.campaign_ids()
    last = {name: journal.last_moment(name) for name in names}
    untils = {name: due(journal, name) for name in names}
    here = journal.place
    with journal.transaction() as session:
        row = session.get_one(JournalRow, 1, with_for_update=True)
        if (row.life, row.branch) == former[1:]:
            row.life, row.branch = life, uuid.uuid4().hex[:6]
            row.unsettled, row.place = "", here
            _doubt(session, message, last, untils)
    # Another process may have found the same a moment before: its life is this one's too.
    url = journal.url
    journal.close()
    return Journal(url)


def _doubt(
    session: Session,
    message: str,
    last: Mapping[str, datetime | None],
    untils: Mapping[str, datetime | None],
) -> None:
    """Jobs that may have been begun are in doubt, and their campaigns wait; see `Due`."""
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
