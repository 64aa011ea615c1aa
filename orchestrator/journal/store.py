"""The store below the journal: transactions, who owns what, and how rows and events are written."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import bindparam, func, insert, update
from sqlalchemy.engine import CursorResult, make_url
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, col, select

from drivers.file_identity import is_copy
from orchestrator.core.by import WELLWISE
from orchestrator.core.events import EventKind
from orchestrator.errors import (
    JournalError,
    LeaseLost,
    Missing,
    Owned,
    Unavailable,
    UnknownOutcome,
)
from orchestrator.journal.database import damaged, is_damage, open_database, place_of
from orchestrator.journal.tables import CampaignRow, EventRow, JournalRow, LeaseRow

_Row = TypeVar("_Row", bound=SQLModel)

# Statements of every transition, built once: to build one costs more than to run it.
_EVENT = insert(EventRow)
_GUARD = (
    update(LeaseRow)
    .where(col(LeaseRow.resource) == bindparam("guarded"), col(LeaseRow.fence) == bindparam("mine"))
    .values(fence=LeaseRow.fence)
)
_IDENTITY = select(JournalRow.identity, JournalRow.life, JournalRow.branch)

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class JournalIdentity(NamedTuple):
    """Which journal this is, and which of its lives (from 1) and their branches."""

    identity: str
    life: int
    branch: str

    @property
    def suffix(self) -> str:
        """What makes a job's key unique for ever, whatever other journal has one of its name."""
        branch = f"-{self.branch}" if self.branch else ""
        return f"@{self.identity}" + (f".{self.life}{branch}" if self.life > 1 else "")


class Store:
    """One database, and the leases that this process holds in it."""

    def __init__(self, url: str) -> None:
        """Open the database and bring its tables up to date.

        Raises:
            JournalError: it cannot be opened, or was written by a newer wellwise.
        """
        self.url = url
        self._engine = open_database(url)
        self._fences: dict[str, int] = {}
        self._home_fences: dict[str, int] = {}
        self.home = ""
        """The identity of the home whose owners take leases; empty if it has none."""
        self.workers = False
        """Whether robots are at several computers, each with addresses of its own."""
        self.on_dispatch: Callable[[], None] = lambda: None
        """Called when a dispatch is committed and the robot has not heard of it yet."""

    @property
    def identity(self) -> JournalIdentity:
        """Which journal this is; read each time, as it may be brought back while others use it."""
        with self.reading_session() as session:
            return self.identity_in(session)

    def identity_in(self, session: Session) -> JournalIdentity:
        """Which journal this is, in a transaction that is open."""
        found = session.connection().execute(_IDENTITY).one_or_none()
        if found is None:
            raise damaged(self.url, "it does not say which journal it is")
        return JournalIdentity(*found)

    def unique_key(self, session: Session, key: str, attempt: int) -> str:
        """The key under which a robot is given an attempt of a job in this life of the journal."""
        number = f"#{attempt}" if attempt > 1 else ""
        return f"{key}{number}{self.identity_in(session).suffix}"

    @property
    def place(self) -> str:
        """Where the journal lies, as `is_copy` compares it; empty if that is not known.

        The identity of an SQLite file, or that of a PostgreSQL server and of the database in it.
        """
        return place_of(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Everything that is written in the block is kept, or nothing of it.

        Raises:
            UnknownOutcome: the database went away while it committed.
            JournalError: the database cannot be written.
        """
        engine = self._engine.execution_options(wellwise_write=True)
        committing = False
        try:
            with Session(engine, expire_on_commit=False) as session:
                yield session
                session.flush()
                committing = True
                session.commit()
        except DBAPIError as error:
            if committing and engine.dialect.name != "sqlite" and error.connection_invalidated:
                went_away = (
                    "went away while this was written: whether it was kept is not known. Look at "
                    "it, or send the same request again with its key"
                )
                raise UnknownOutcome(
                    f"the journal at {make_url(self.url)!r} {went_away}", f"the journal {went_away}"
                ) from error
            raise self._unavailable(
                error, "written", "Nothing of this step was kept; mend it"
            ) from error
        except UnicodeDecodeError as error:
            raise damaged(self.url, f"it has text that is none ({error.reason})") from error

    @contextmanager
    def reading_session(self) -> Iterator[Session]:
        """A session that only reads.

        Raises:
            JournalError: the database cannot be read.
        """
        try:
            with Session(self._engine) as session, self.legible():
                yield session
        except DBAPIError as error:
            raise self._unavailable(error, "read", "Nothing was changed; mend it") from error

    @contextmanager
    def legible(self) -> Iterator[None]:
        """Nothing is read in the block but rows of the journal.

        Raises:
            JournalError: they are not what was written there.
        """
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            reason = f"a row is not what was written there ({type(error).__name__})"
            raise damaged(self.url, reason) from error

    def _unavailable(self, error: DBAPIError, verb: str, advice: str) -> JournalError:
        reason = str(error.orig).strip().splitlines()[0]
        if is_damage(error):
            return damaged(self.url, reason)
        return Unavailable(
            f"the journal at {make_url(self.url)!r} cannot be {verb}: {reason}. {advice} and go "
            "on with: "
            "wellwise resume",
            f"the journal cannot be {verb} just now. {advice.split(';')[0]}; the service's log "
            "says why",
        )

    def own(
        self, resource: str, owner: str, seconds: float, dead: str = "", renewing: bool = False
    ) -> int:
        """Take or renew the lease on a resource (a campaign, a robot), for `seconds` of real time.

        From the first call on, every write that this process guards by the resource uses the
        fencing number of the lease: when another owner has taken over, the write is refused and
        nothing of it is kept.

        Args:
            resource: a campaign or a robot.
            owner: who takes it.
            seconds: for how long.
            dead: an owner that does not live any more: its lease counts as run out.
            renewing: whether the owner has it already; it is not taken anew then.

        Returns: the fencing number of the lease.

        Raises:
            Owned: somebody else holds a lease that has not run out.
            LeaseLost: somebody else has had it since, and it was to be renewed.
        """
        with self.transaction() as session:
            row = session.get(LeaseRow, resource, with_for_update=True)
            now = self._now(session)
            until = now + timedelta(seconds=seconds)
            if row is None:
                row = LeaseRow(resource=resource, owner=owner, fence=1, expires_at=until)
                session.add(row)
            elif row.owner == owner and self._fences.get(resource) == row.fence:
                row.expires_at = until
            elif renewing:
                raise _taken_over(resource)
            elif row.expires_at > now and row.owner != dead:
                wait = (row.expires_at - now).total_seconds()
                raise Owned(
                    f"{resource} is held by {row.owner}: stop it there, or try again in "
                    f"{wait:.0f} s",
                    wait,
                    row.owner,
                )
            else:
                row.owner, row.fence, row.expires_at = owner, row.fence + 1, until
            if self.home and row.home and is_copy(row.home, self.home):
                row.home_fence, row.home = row.fence, self.home
            elif self.home and not row.home.partition("@")[2]:
                # The same home, perhaps seen by a computer that says which it is.
                row.home = self.home
            fence = row.fence
            self._home_fences[resource] = row.home_fence
        if not renewing:
            # A renewal that comes back after the release must not bring it to life again.
            self._fences[resource] = fence
        return fence

    def fence(self, resource: str) -> int:
        """The fencing number with which this process owns a resource; 0: it does not."""
        return self._fences.get(resource, 0)

    def home_fence(self, resource: str) -> int:
        """The first fence since which only owners of this home had what is owned; 0: always."""
        return self._home_fences.get(resource, 0)

    def outdo(self, resource: str, fence: int) -> None:
        """Have the next owner of what is owned here come after a fence that a job book has seen.

        Such as of the time before the journal was brought back, or of another journal.

        Raises:
            LeaseLost: it is owned here no more.
        """
        with self.transaction() as session:
            self.guard(session, resource)
            row = existing(session, LeaseRow, resource)
            row.fence = self._fences[resource] = max(fence, row.fence)

    def _now(self, session: Session) -> datetime:
        """The time by which leases are judged: the database's, for hosts may differ."""
        if self._engine.dialect.name != "postgresql":
            return datetime.now(UTC)
        found: datetime = session.connection().execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)

    def release(self, resource: str) -> None:
        """Give up the lease; harmless if this process does not hold it."""
        fence = self._fences.pop(resource, None)
        if fence is not None:
            with self.transaction() as session:
                statement = update(LeaseRow).where(
                    col(LeaseRow.resource) == resource, col(LeaseRow.fence) == fence
                )
                # Free at once by every clock: another process's may be hours behind.
                session.connection().execute(statement.values(expires_at=_LONG_AGO))

    def holder(self, resource: str) -> str | None:
        """Who holds a lease on a resource that has not run out."""
        with self.reading_session() as session:
            row = session.get(LeaseRow, resource)
            return row.owner if row is not None and row.expires_at > self._now(session) else None

    def guard(self, session: Session, *resources: str) -> None:
        """Raise if another owner has taken over a lease; locks it until the commit.

        A resource that this process never owned is not looked at.

        Raises:
            LeaseLost: another owner has taken one of them over.
        """
        for resource in resources:
            fence = self._fences.get(resource)
            if fence is None:
                continue
            result = session.connection().execute(_GUARD, {"guarded": resource, "mine": fence})
            assert isinstance(result, CursorResult)
            if result.rowcount != 1:
                raise _taken_over(resource)


def _taken_over(resource: str) -> LeaseLost:
    return LeaseLost(f"another process has taken {resource} over: this one writes nothing more")


def campaign_resource(campaign_id: str) -> str:
    """The resource that the owner of a campaign holds."""
    return f"campaign {campaign_id}"


def robot_resource(robot: str) -> str:
    """The resource that whoever speaks to a robot holds, where several processes could."""
    return f"robot {robot}"


def existing(session: Session, kind: type[_Row], key: Any) -> _Row:
    """A row that must be there.

    Raises:
        Missing: it is not.
    """
    row = session.get(kind, key)
    if row is None:
        if kind is CampaignRow:
            raise no_campaign(key, session.exec(select(CampaignRow.id)))
        raise Missing(f"there is no {kind.__tablename__} {key!r} in this journal")
    return row


def no_campaign(campaign_id: str, known: Iterable[str]) -> Missing:
    """That there is no such campaign, with those that there are."""
    return Missing(
        f"there is no campaign {campaign_id!r} in this journal (expected one of "
        f"{', '.join(known) or 'none yet'})"
    )


def add_event(
    session: Session,
    campaign_id: str,
    at: datetime,
    kind: EventKind,
    subject: str,
    message: str,
    data: dict[str, Any] | None = None,
    who: str = WELLWISE,
) -> None:
    """Append an event to the transaction of the change that it records."""
    session.connection().execute(
        _EVENT,
        {
            "campaign_id": campaign_id,
            "at": at,
            "kind": kind,
            "subject": subject,
            "who": who,
            "message": message,
            "data": data or {},
        },
    )
