"""Both engines: migrations, backup and restore, databases that cannot be used."""

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, Table, create_engine, select, text

from drivers.base import KeyMemory
from drivers.job_book import JobBook
from orchestrator.core.state import JobStatus
from orchestrator.errors import JournalError, UnknownOutcome
from orchestrator.journal.backup import back_up, restore
from orchestrator.journal.database import latest_revision, revision
from orchestrator.journal.journal import Journal
from orchestrator.journal.tables import CampaignRow
from orchestrator.results.tables import tidy_table
from orchestrator.settings import Settings
from tests.conftest import START
from tests.postgres import temporary_database
from tests.system import crash


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'database.sqlite'}"
    else:
        with temporary_database() as found:
            yield found


def finished(home: Path) -> tuple[Settings, str]:
    settings = Settings(home=home)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    journal.close()
    crash.run_to_end(home, settings.journal_url, campaign_id)
    return settings, campaign_id


def test_the_first_tables_are_brought_up_to_date_with_what_is_in_them(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", "orchestrator.journal:migrations")
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO campaign (id, name, status, reason, definition, file_text, past, "
                "started_at) VALUES "
                "('old', 'old', 'running', '', '{}', '', '[]', '2026-01-01 09:00:00')"
            )
        )
        connection.execute(
            text("INSERT INTO round VALUES ('old', 1, 'running', '2026-01-01 09:00:00', NULL)")
        )
        connection.execute(
            text(
                "INSERT INTO job (key, campaign_id, round, position, plate, step, robot, due_at, "
                "state, message, job) "
                "VALUES ('old/r1/p1/A/1', 'old', 1, 0, 1, 'A', 'r', '2026-01-01 09:00:00', "
                "'accepted', '', "
                """'{"operations": [], "tolerance_s": 60, "day": 0}')"""
            )
        )
        connection.execute(
            text(
                "INSERT INTO reading (campaign_id, round, plate, well, job_key, kind, path, "
                "sha256, unit, scored) "
                "VALUES ('old', 1, 1, 'A1', 'old/r1/p1/A/1', 'image', 'x.png', '', '', true)"
            )
        )
    engine.dispose()
    journal = Journal(url)
    journal.move_job(
        "old/r1/p1/A/1", JobStatus.ACCEPTED, JobStatus.IN_DOUBT, START, "after the update"
    )
    assert [event.message for event in journal.events("old")] == ["after the update"]
    journal.own("old", "me", 30)
    journal.close()
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.begin() as connection:
        assert revision(connection) == latest_revision() == head
        assert MigrationContext.configure(connection).get_current_revision() == head
    engine.dispose()


def test_a_backup_brings_everything_back_on_either_engine(tmp_path: Path, url: str) -> None:
    settings, campaign_id = finished(tmp_path / "home")
    archive = tmp_path / "backup.zip"
    rows = back_up(settings, archive)
    with pytest.raises(JournalError, match="exists"):
        back_up(settings, archive)
    other = Settings(home=tmp_path / "other", database_url=url)
    assert restore(other, archive) == rows
    before, after = Journal(settings.journal_url), Journal(url)
    assert tidy_table(before.state(campaign_id)).equals(tidy_table(after.state(campaign_id)))
    images = sorted(path.name for path in (tmp_path / "other").rglob("*.png"))
    assert images == sorted(path.name for path in (tmp_path / "home").rglob("*.png"))
    after.note(campaign_id, START, "notice", campaign_id, "ids go on after a restore")
    with pytest.raises(JournalError, match="not empty"):
        restore(other, archive)


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    settings, _ = finished(tmp_path / "home")
    archive = tmp_path / "backup.zip"
    back_up(settings, archive)
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(damaged, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name) + (b" " if name == "event.json" else b""))
    other = Settings(home=tmp_path / "other")
    with pytest.raises(JournalError, match=r"event\.json is not what was backed up"):
        restore(other, damaged)
    assert not (tmp_path / "other").exists()
    with pytest.raises(JournalError, match="not a backup"):
        restore(other, Path(__file__))


def test_a_changed_image_is_found_by_the_backup(tmp_path: Path) -> None:
    settings, _ = finished(tmp_path / "home")
    next((tmp_path / "home").rglob("*.png")).write_bytes(b"something else")
    with pytest.raises(JournalError, match="was changed since it was taken"):
        back_up(settings, tmp_path / "backup.zip")
    assert not (tmp_path / "backup.zip").exists()


def test_a_locked_database_is_waited_for_and_then_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.journal.database.BUSY_MS", 50)
    settings = Settings(home=tmp_path)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    blocker = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="cannot be written: database is locked"):
        journal.note(campaign_id, START, "notice", campaign_id, "lost")
    blocker.execute("ROLLBACK")
    journal.note(campaign_id, START, "notice", campaign_id, "kept")
    assert [event.message for event in journal.events(campaign_id, kinds=["notice"])] == ["kept"]


def test_a_full_disk_leaves_no_half_state_and_going_on_works_once_mended(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    journal = Journal(settings.journal_url)
    campaign_id = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    with journal._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 3}")
    written = 0

    def fill() -> None:
        nonlocal written
        while written < 100:
            journal.note(campaign_id, START, "notice", campaign_id, "x" * 1000)
            written += 1

    with pytest.raises(JournalError, match="disk is full"):
        fill()
    journal.close()
    assert len(Journal(settings.journal_url).events(campaign_id, kinds=["notice"])) == written
    crash.run_to_end(tmp_path, settings.journal_url, campaign_id)
    assert Journal(settings.journal_url).state(campaign_id).status == "finished"


def test_a_backup_keeps_what_devices_and_people_have_done(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    books = [settings.home / folder / "one.sqlite" for folder in ("robots", "people")]
    for book in books:
        written = JobBook(book)
        written.note("job", "of", book.parent.name)
        written.close()
    back_up(settings, tmp_path / "backup.zip")
    again = Settings(home=tmp_path / "again")
    restore(again, tmp_path / "backup.zip")
    for book in books:
        found = JobBook(again.home / book.relative_to(settings.home))
        assert found.noted("job", "of") == book.parent.name
        found.close()


def test_a_backup_is_of_one_moment(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(url)
    campaign_id = journal.create_campaign(crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START)
    kept = len(journal.events(campaign_id))

    def write_meanwhile(table: Table) -> object:
        if table.name == "event":
            journal.note(
                campaign_id, START, "notice", campaign_id, "written while the backup is made"
            )
        return select(table)

    monkeypatch.setattr("orchestrator.journal.backup.select", write_meanwhile)
    back_up(Settings(home=tmp_path, database_url=url), tmp_path / "backup.zip")
    assert len(journal.events(campaign_id)) == kept + 1
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        assert len(json.loads(archive.read("event.json"))) == kept


def test_a_database_that_went_away_is_a_clear_message_for_readers_too() -> None:
    with temporary_database() as url:
        journal = Journal(url)
        campaign_id = journal.create_campaign(
            crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START
        )
    with pytest.raises(JournalError, match=r"cannot be read: .*mend it and go on with"):
        journal.state(campaign_id)


@pytest.mark.reproduction("A7")
def test_a_lost_connection_in_a_transaction_leaves_no_half_state() -> None:
    def change_and_lose_the_line(journal: Journal, campaign_id: str) -> None:
        with journal.transaction() as session:
            row = session.get(CampaignRow, campaign_id)
            assert row is not None
            row.status = "aborted"
            session.flush()
            with create_engine(journal.url, poolclass=NullPool).connect() as other:
                mine = "datname = current_database() AND pid <> pg_backend_pid()"
                other.execute(
                    text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
                )

    with temporary_database() as url:
        journal = Journal(url)
        campaign_id = journal.create_campaign(
            crash.campaign(KeyMemory.REMEMBERS_KEYS), "", [], START
        )
        # To the one who commits it looks the same, whether the COMMIT arrived or not.
        with pytest.raises(UnknownOutcome, match="whether it was kept is not known"):
            change_and_lose_the_line(journal, campaign_id)
        assert journal.state(campaign_id).status == "running"
        journal.note(campaign_id, START, "notice", campaign_id, "going on works")


def test_a_database_that_may_only_be_read_is_reported(tmp_path: Path) -> None:
    _, campaign_id = finished(tmp_path / "home")
    shutil.copy(tmp_path / "home" / "journal.sqlite", tmp_path / "copy.sqlite")
    journal = Journal(f"sqlite:///{tmp_path / 'copy.sqlite'}")
    with journal._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(
        JournalError, match="cannot be written: attempt to write a readonly database"
    ):
        journal.note(campaign_id, START, "notice", campaign_id, "lost")
