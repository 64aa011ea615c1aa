"""Access: roles, personal tokens (kept as hashes), browser sessions, and their audit."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
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


class Role(IntEnum):
    """What a person may do; each role may do all that the ones before it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """As people write it."""
        return self.name.lower()


@dataclass(frozen=True)
class Identity:
    """Somebody who is signed in; `csrf` is the CSRF token of a browser session, else empty."""

    person: str
    role: Role
    token_id: str
    csrf: str = ""


class Denied(JournalError):
    """Not let in: the token or session is unknown, has expired or was revoked."""


class UnknownToken(Denied):
    """Nobody ever had this token."""


class Access:
    """Tokens and sessions in the journal's database. Times are real, whatever clock the lab has."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(
        self, person: str, role: Role, lifetime: timedelta, who: str
    ) -> tuple[str, AccessTokenRow]:
        """A new token; returns its secret, which is returned only here, and its row.

        Raises:
            JournalError: the name is empty, or the lifetime not above 0 or longer than a year.
        """
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
            digest=_digest(secret),
            created_at=now,
            expires_at=now + lifetime,
        )
        with self._store.transaction() as session:
            session.add(row)
            _audit(session, who, "token_created", token_id, f"{row.role} for {row.person}")
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
                _audit(session, who, "token_revoked", token_id, f"{row.role} for {row.person}")

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
    return Identity(person=row.person, role=Role[row.role.upper()], token_id=row.id, csrf=csrf)


def _digest(secret: str) -> str:
    # The secrets have 256 random bits: a slow hash would protect nothing more.
    return hashlib.sha256(secret.encode()).hexdigest()


def _audit(session: Session, who: str, act: str, subject: str, message: str = "") -> None:
    session.add(AuditRow(at=datetime.now(UTC), who=who, act=act, subject=subject, message=message))
