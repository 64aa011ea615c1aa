from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlmodel import select

from orchestrator.errors import JournalError
from orchestrator.journal.access_tokens import Access, Denied, Identity, Role
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import AccessTokenRow, WebSessionRow
from tests.postgres import temporary_database

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


def test_a_token_has_a_role_in_each_of_its_projects_beside_that_in_the_service(
    access: Access,
) -> None:
    roles = {" Cells ": Role.OPERATOR, "Retina": Role.VIEWER}
    secret, row = access.create("ada", Role.NONE, DAY, "root", roles)
    ada = access.by_token(secret)
    assert access.by_session(access.sign_in(secret)[0]).projects == ada.projects
    assert ada.projects == {"Cells": Role.OPERATOR, "Retina": Role.VIEWER}
    assert [ada.role_in(name) for name in ("Cells", "Retina", "Other", "")] == [2, 1, 0, 0]
    assert (ada.highest, ada.sees) == (Role.OPERATOR, {"Cells", "Retina"})
    assert row.roles == "operator in Cells, viewer in Retina"
    bo = access.by_token(access.create("bo", Role.VIEWER, DAY, "root", roles)[0])
    assert [bo.role_in(name) for name in ("Cells", "Retina", "Other", "")] == [2, 1, 1, 1]
    assert bo.sees is None
    assert not access.has_admin()


@pytest.mark.parametrize(
    ("projects", "message"),
    [
        ({}, "without any role"),
        ({"Cells": Role.ADMIN}, "admin is no role in a project such as Cells"),
        ({"Cells": Role.NONE}, "none is no role in a project"),
        ({"  ": Role.VIEWER}, "'' is no project"),
        ({"C" * 61: Role.VIEWER}, "1 to 60 characters"),
        ({"Ce\nlls": Role.VIEWER}, "is no project"),
    ],
)
def test_roles_that_there_are_not_are_refused(
    access: Access, projects: dict[str, Role], message: str
) -> None:
    with pytest.raises(JournalError, match=message):
        access.create("ada", Role.NONE, DAY, "root", projects)
    assert access.tokens() == []


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_tokens_of_before_there_were_roles_in_projects_go_on_to_work(
    engine: str, tmp_path: Path
) -> None:
    at_hand = nullcontext(f"sqlite:///{tmp_path / 'old.sqlite'}")
    with at_hand if engine == "sqlite" else temporary_database() as url:
        config = Config()
        config.set_main_option("script_location", "orchestrator.journal:migrations")
        created = create_engine(url)
        with created.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0011")
            connection.execute(
                text(
                    "INSERT INTO access_token (id, person, role, digest, created_at, expires_at) "
                    "VALUES ('0000abcd', 'ada', 'operator', :digest, '2026-01-01 09:00:00', "
                    "'2099-01-01 09:00:00')"
                ),
                {"digest": sha256(b"secret").hexdigest()},
            )
        created.dispose()
        journal = Journal(url)
        ada = Access(journal).by_token("secret")
        assert ada == Identity("ada", Role.OPERATOR, "0000abcd")
        assert ada.sees is None
        journal.close()


@pytest.mark.parametrize(
    ("person", "lifetime"), [("", DAY), ("a" * 101, DAY), ("ada", -DAY), ("ada", 400 * DAY)]
)
def test_a_token_for_nobody_or_for_ever_is_refused(
    access: Access, person: str, lifetime: timedelta
) -> None:
    with pytest.raises(JournalError, match="expected"):
        access.create(person, Role.VIEWER, lifetime, "root")
