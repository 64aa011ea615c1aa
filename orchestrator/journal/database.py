"""The database of a journal: opened and migrated, on SQLite and on PostgreSQL."""

import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from drivers.file_identity import file_identity
from orchestrator.errors import JournalError

BUSY_MS = 10_000
"""How long a transaction waits for SQLite's write lock."""


def open_database(url: str) -> Engine:
    """The engine of a database whose tables are those of this wellwise.

    Transactions of an engine with the execution option `wellwise_write` take SQLite's write lock
    when they begin.

    Raises:
        JournalError: it cannot be opened, or was written by a newer wellwise.
    """
    engine = _engine(url)
    try:
        _migrate(engine)
    except DBAPIError as error:
        engine.dispose()
        reason = str(error.orig).strip().splitlines()[0]
        if is_damage(error):
            raise damaged(url, reason) from None
        raise JournalError(f"the journal at {make_url(url)!r} cannot be opened: {reason}") from None
    except UnicodeDecodeError as error:
        engine.dispose()
        raise damaged(url, f"it has text that is none ({error.reason})") from None
    return engine


def is_damage(error: DBAPIError) -> bool:
    """Whether an SQLite file is not what SQLite wrote; all else may be better the next time."""
    if not isinstance(error.orig, sqlite3.DatabaseError) or isinstance(
        error.orig, sqlite3.IntegrityError
    ):
        return False
    name = getattr(error.orig, "sqlite_errorname", "SQLITE_CORRUPT")
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR"))


def damaged(url: str, reason: str) -> JournalError:
    """What a person is told whose journal is damaged, and how to go on."""
    return JournalError(
        f"the journal at {make_url(url)!r} is damaged: {reason}. Nothing was changed. Keep it, and "
        "bring the last backup back into another home: wellwise restore BACKUP.zip --home NEW; "
        "what was done since is then asked. Without a backup, sqlite3's .recover saves what can "
        "be read"
    )


def revision(connection: Connection) -> str | None:
    """The revision of the tables that a database has."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def latest_revision() -> str:
    """The revision of the tables that this wellwise writes: that of its last migration."""
    names = (file.name for file in (files(__package__) / "migrations" / "versions").iterdir())
    return max(name[:4] for name in names if name[:4].isdigit())


def place_of(engine: Engine) -> str:
    """Where a database lies, as `is_copy` compares it; empty if that is not known."""
    target = engine.url
    if target.get_backend_name() == "sqlite":
        file = Path(target.database or "")
        return file_identity(file) if file.is_file() else ""
    try:
        with engine.connect() as connection:
            return "-".join(map(str, connection.execute(_SERVER_AND_DATABASE).one()))
    except DBAPIError:
        # Such as a server that keeps its number to itself.
        return ""


_SERVER_AND_DATABASE = text(
    "SELECT (SELECT system_identifier FROM pg_control_system()), oid FROM pg_database "
    "WHERE datname = current_database()"
)

_LINE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Seconds (the last one: milliseconds) after which a line to PostgreSQL that is dead without a word
is given up; libpq's own are hours. What the URL says of them holds instead."""


def _engine(url: str) -> Engine:
    target = make_url(url)
    line = _LINE if target.get_backend_name() == "postgresql" else {}
    own = {name: value for name, value in line.items() if name not in target.query}
    engine = create_engine(target, pool_pre_ping=True, connect_args=own)
    if engine.dialect.name == "sqlite":
        database = make_url(url).database
        if database:
            Path(database).parent.mkdir(parents=True, exist_ok=True)

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            # An intent must be on the disk before it is sent to a robot, even if the power fails.
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            cursor.close()
            # Take the write lock at the beginning of a transaction: one that read first and writes
            # later would fail at once, without waiting, if somebody else had written meanwhile.
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            immediate = connection.get_execution_options().get("wellwise_write")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        if (present := revision(connection)) == latest_revision():
            return
        # Imported only here: it takes a third of the time of a command that only looks.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", "orchestrator.journal:migrations")
        scripts = ScriptDirectory.from_config(config)
        if present is not None and present not in {
            script.revision for script in scripts.walk_revisions()
        }:
            raise JournalError(
                f"the journal was written by a newer wellwise (its schema is {present}): update "
                "wellwise, "
                "or choose another home or database"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
