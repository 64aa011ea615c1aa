"""Access: roles, personal tokens (kept as hashes), browser sessions, and their audit."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from sqlalchemy import delete
from sqlmodel import Session, col, select

from orchestrator.errors import JournalError, Missing
from orchestrator.journal.store import Store
from orchestrator.journal.tables import AccessTokenRow, AuditRow, WebSessionRow

SESSION = timedelta(hours=12)
"""How long a browser stays signed in; never longer than its token."""

LONGEST = timedelta(days=366)

LONGEST_PROJECT = 60
"""Characters of the name of a project."""


class Role(IntEnum):
    """What a person may do; each role may do all that the ones before it may.

    `NONE`: nothing, where they have another role in some projects.
    """

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower()


IN_PROJECTS = (Role.VIEWER, Role.OPERATOR)
"""The roles that a person may have in a project: tokens and addresses of robots are the lab's."""


@dataclass(frozen=True)
class Identity:
    """Somebody who is signed in; `csrf` is the CSRF token of a browser session, else empty.

    `role` is that in the whole service, and `projects` has those in single projects.
    """

    person: str
    role: Role
    token_id: str
    csrf: str = ""
    projects: Mapping[str, Role] = field(default_factory=dict)

    @property
    def sees(self) -> frozenset[str] | None:
        """The projects whose campaigns they see; None: every campaign, also those in none."""
        return None if self.role >= Role.VIEWER else frozenset(self.projects)

    @property
    def highest(self) -> Role:
        """The most that they may do anywhere."""
        return max([self.role, *self.projects.values()])

    def role_in(self, project: str) -> Role:
        """What they may do with the campaigns of a project; empty: with those in none."""
        return max(self.role, self.projects.get(project, Role.NONE))


class Denied(JournalError):
    """Not let in: the token or session is unknown, has expired or was revoked."""


class UnknownToken(Denied):
    """Nobody ever had this token."""


class Access:
    """Tokens and sessions in the journal's database. Times are real, whatever clock the lab has."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self,
        person: str,
        role: Role,
        lifetime: timedelta,
        who: str,
        projects: Mapping[str, Role] | None = None,
    ) -> tuple[str, AccessTokenRow]:
        """A new token; returns its secret, which is returned only here, and its row.

        Args:
            person: the person or program that it is for, in 1 to 100 characters.
            role: what they may do in the whole service.
            lifetime: how long it lives, at most a year.
            who: the person who makes it.
            projects: project -> a further role there.

        Raises:
            JournalError: the name is empty, the lifetime not above 0 or longer than a year, or it
                would let nobody do anything.
        """
        inside = {name.strip(): found for name, found in (projects or {}).items()}
        _refuse_roles(role, inside)
        if not person.strip() or len(person) > 100:
            raise JournalError(
                "a token needs the name of its person (expected 1 to 100 characters)"
            )
        if not timedelta(0) < lifetime <= LONGEST:
            raise JournalError(
                f"a token cannot live {lifetime} (expected more than 0 and at most {LONGEST.days} "
                "days)"
            )
        token_id, secret, now = secrets.token_hex(4), secrets.token_urlsafe(32), datetime.now(UTC)
        row = AccessTokenRow(
            id=token_id,
            person=person.strip(),
            role=role.word,
            projects={name: found.word for name, found in inside.items()},
            digest=_digest(secret),
            created_at=now,
            expires_at=now + lifetime,
        )
        with self._store.transaction() as session:
            session.add(row)
            _audit(session, who, "token_created", token_id, f"{row.roles} for {row.person}")
        return secret, row

    def revoke(self, token_id: str, who: str) -> None:
        """Revoke a token and end the browser sessions that began with it; harmless if repeated.

        Raises:
            Missing: there is no such token.
        """
        with self._store.transaction() as session:
            row = session.get(AccessTokenRow, token_id)
            if row is None:
                raise Missing(f"there is no token {token_id!r}")
            if row.revoked_at is None:
                row.revoked_at = datetime.now(UTC)
                session.connection().execute(
                    delete(WebSessionRow).where(col(WebSessionRow.token_id) == token_id)
                )
                _audit(session, who, "token_revoked", token_id, f"{row.roles} for {row.person}")

    def tokens(self) -> list[AccessTokenRow]:
        """Every token, newest first."""
        with self._store.reading_session() as session:
            return list(
                session.exec(select(AccessTokenRow).order_by(col(AccessTokenRow.created_at).desc()))
            )

    def audit(self, limit: int = 200) -> list[AuditRow]:
        """What was done to tokens, newest first."""
        with self._store.reading_session() as session:
            return list(
                session.exec(select(AuditRow).order_by(col(AuditRow.id).desc()).limit(limit))
            )

    def has_admin(self) -> bool:
        """Whether an admin could come in."""
        now = datetime.now(UTC)
        return any(row.role == Role.ADMIN.word and _alive(row, now) for row in self.tokens())

    def by_token(self, secret: str) -> Identity:
        """Who shows this token.

        Raises:
            Denied: it is unknown, has expired or was revoked.
        """
        with self._store.reading_session() as session:
            return _identity(_token(session, secret))

    def sign_in(self, secret: str) -> tuple[str, Identity]:
        """Begin a browser session; returns its secret, which belongs into a cookie, and who it is.

        Raises:
            Denied: the token is unknown, has expired or was revoked.
        """
        now, browser = datetime.now(UTC), secrets.token_urlsafe(32)
        with self._store.transaction() as session:
            row = _token(session, secret)
            session.connection().execute(
                delete(WebSessionRow).where(col(WebSessionRow.expires_at) < now)
            )
            until = min(now + SESSION, row.expires_at)
            session.add(WebSessionRow(digest=_digest(browser), token_id=row.id, expires_at=until))
            _audit(session, row.person, "signed_in", row.id)
            return browser, _identity(row, browser)

    def by_session(self, browser: str) -> Identity:
        """Who is signed in with this browser session.

        Raises:
            Denied: nobody is, any more.
        """
        now = datetime.now(UTC)
        with self._store.reading_session() as session:
            found = session.get(WebSessionRow, _digest(browser))
            row = (
                None
                if found is None or found.expires_at <= now
                else session.get(AccessTokenRow, found.token_id)
            )
            if row is None or not _alive(row, now):
                raise Denied("you are not signed in any more: sign in again")
            return _identity(row, browser)

    def note_refusal(self, address: str, message: str) -> None:
        """Note in the audit that somebody at a network address was not let in."""
        with self._store.transaction() as session:
            _audit(session, "unknown", "sign_in_refused", address, message)

    def sign_out(self, browser: str) -> None:
        """End a browser session; harmless if it is over."""
        with self._store.transaction() as session:
            session.connection().execute(
                delete(WebSessionRow).where(col(WebSessionRow.digest) == _digest(browser))
            )


def _token(session: Session, secret: str) -> AccessTokenRow:
    row = session.exec(
        select(AccessTokenRow).where(AccessTokenRow.digest == _digest(secret))
    ).first()
    if row is None:
        raise UnknownToken(
            "this token is not known here: look for a missing or an added character, or ask an "
            "admin for one"
        )
    if row.revoked_at is not None:
        raise Denied("this token was revoked: ask an admin for a new one")
    if row.expires_at <= datetime.now(UTC):
        raise Denied(f"this token expired on {row.expires_at:%Y-%m-%d}: ask an admin for a new one")
    return row


def _alive(row: AccessTokenRow, now: datetime) -> bool:
    return row.revoked_at is None and row.expires_at > now


def _identity(row: AccessTokenRow, browser: str = "") -> Identity:
    csrf = hmac.new(browser.encode(), b"csrf", hashlib.sha256).hexdigest() if browser else ""
    inside = {name: Role[role.upper()] for name, role in row.projects.items()}
    return Identity(row.person, Role[row.role.upper()], row.id, csrf, inside)


def _refuse_roles(role: Role, projects: Mapping[str, Role]) -> None:
    """Raise what is wrong with the roles of a token.

    Raises:
        JournalError: it has none, or one that there is not in projects.
    """
    if role is Role.NONE and not projects:
        raise JournalError(
            "a token without any role lets nobody do anything (expected a role in the service, or "
            "in a project)"
        )
    for name, found in projects.items():
        if not 0 < len(name) <= LONGEST_PROJECT or not name.isprintable():
            raise JournalError(
                f"{name!r} is no project (expected a name of 1 to {LONGEST_PROJECT} characters)"
            )
        if found not in IN_PROJECTS:
            words = " or ".join(one.word for one in IN_PROJECTS)
            raise JournalError(
                f"{found.word} is no role in a project such as {name} (expected {words}): an "
                "admin is one of the whole service"
            )


def _digest(secret: str) -> str:
    # The secrets have 256 random bits: a slow hash would protect nothing more.
    return hashlib.sha256(secret.encode()).hexdigest()


def _audit(session: Session, who: str, act: str, subject: str, message: str = "") -> None:
    session.add(AuditRow(at=datetime.now(UTC), who=who, act=act, subject=subject, message=message))
