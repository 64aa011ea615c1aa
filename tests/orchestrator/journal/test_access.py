from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from orchestrator.errors import JournalError
from orchestrator.journal.access_tokens import Access, Denied, Role
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import AccessTokenRow, WebSessionRow

DAY = timedelta(days=1)


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}"))


def expire(access: Access, token_id: str) -> None:
    with access._store.transaction() as session:
        row = session.get(AccessTokenRow, token_id)
        assert row is not None
        row.expires_at = datetime.now(UTC) - timedelta(seconds=1)


def test_a_token_lets_its_person_in_and_only_its_hash_is_kept(access: Access) -> None:
    secret, row = access.create("ada", Role.OPERATOR, DAY, "root")
    identity = access.by_token(secret)
    assert (identity.person, identity.role, identity.token_id) == ("ada", Role.OPERATOR, row.id)
    assert secret not in str([token.model_dump() for token in access.tokens()])
    with pytest.raises(Denied, match="not known here"):
        access.by_token(secret + "x")


def test_expired_and_revoked_tokens_let_nobody_in_nor_do_their_browsers(access: Access) -> None:
    for end, message in (("expire", "expired on"), ("revoke", "was revoked")):
        secret, row = access.create("ada", Role.VIEWER, DAY, "root")
        browser, _ = access.sign_in(secret)
        assert access.by_session(browser).person == "ada"
        expire(access, row.id) if end == "expire" else access.revoke(row.id, "root")
        with pytest.raises(Denied, match=message):
            access.by_token(secret)
        with pytest.raises(Denied, match="sign in again"):
            access.by_session(browser)


def test_a_browser_session_is_not_its_secret_and_ends(access: Access) -> None:
    secret, _ = access.create("ada", Role.VIEWER, DAY, "root")
    browser, identity = access.sign_in(secret)
    assert identity.csrf
    assert identity.csrf == access.by_session(browser).csrf != access.sign_in(secret)[1].csrf
    with access._store.reading_session() as session:
        assert browser not in [row.digest for row in session.exec(select(WebSessionRow))]
    access.sign_out(browser)
    with pytest.raises(Denied):
        access.by_session(browser)


def test_what_is_done_to_tokens_is_written_down(access: Access) -> None:
    secret, row = access.create("ada", Role.ADMIN, DAY, "root")
    assert access.has_admin()
    access.sign_in(secret)
    access.revoke(row.id, "bob")
    access.revoke(row.id, "bob")
    assert not access.has_admin()
    acts = [(entry.who, entry.act) for entry in access.audit()]
    assert acts == [("bob", "token_revoked"), ("ada", "signed_in"), ("root", "token_created")]


@pytest.mark.parametrize(
    ("person", "lifetime"), [("", DAY), ("a" * 101, DAY), ("ada", -DAY), ("ada", 400 * DAY)]
)
def test_a_token_for_nobody_or_for_ever_is_refused(
    access: Access, person: str, lifetime: timedelta
) -> None:
    with pytest.raises(JournalError, match="expected"):
        access.create(person, Role.VIEWER, lifetime, "root")
