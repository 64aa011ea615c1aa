"""Backup: journal, images, job books and virtual labs in one checked archive."""

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Integer, Table, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from orchestrator.errors import JournalError
from orchestrator.journal.archives import opened_archive
from orchestrator.journal.database import damaged, is_damage, open_database, revision
from orchestrator.journal.durable import write_durably
from orchestrator.journal.row_json import plain, sha256, typed
from orchestrator.journal.tables import JournalRow
from orchestrator.settings import Settings

_FOLDERS = ("campaigns", "robots", "people", "virtual-labs")
"""Folders of images and exports, job books of devices and people, and virtual labs.

Without the job books a job could be done twice.
"""

_PASSING = ("-wal", "-shm", "-journal", ".lock", ".holder", ".partial")
"""How the names of files end that belong to a process which works on another file just now."""


def back_up(settings: Settings, archive: Path) -> int:
    """Write an archive of the journal and the files it names; returns the number of rows.

    The rows are read in one transaction, on any engine, so that the archive is of one moment; it
    appears whole or not at all.

    Raises:
        JournalError: the archive exists, or an image is not what the journal says of it.
    """
    if archive.exists():
        raise JournalError(f"{archive} exists: choose another name (nothing was written)")
    rows, schema = _all_rows(settings.journal_url)
    images = {reading["path"]: reading["sha256"] for reading in rows["reading"] if reading["path"]}
    files = {
        file.relative_to(settings.home).as_posix(): file
        for folder in _FOLDERS
        for file in sorted((settings.home / folder).rglob("*"))
        if file.is_file() and not file.name.endswith(_PASSING)
    }
    hashes: dict[str, str] = {}
    partial = archive.with_name(archive.name + ".partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as target:

            def add(name: str, content: bytes) -> str:
                target.writestr(name, content)
                hashes[name] = sha256(content)
                return hashes[name]

            for name, table_rows in rows.items():
                add(f"{name}.json", json.dumps(table_rows, sort_keys=True).encode())
            for path, file in files.items():
                found = add(f"files/{path}", _content(file))
                if images.pop(path, found) != found:
                    raise JournalError(
                        f"image {file} was changed since it was taken (nothing was written)"
                    )
            if images:
                raise JournalError(
                    f"image {settings.home / min(images)} is missing (nothing was written)"
                )
            target.writestr("manifest.json", json.dumps({"schema": schema, "sha256": hashes}))
        partial.replace(archive)
    finally:
        partial.unlink(missing_ok=True)
    return sum(len(table) for table in rows.values())


def _all_rows(url: str) -> tuple[dict[str, list[dict[str, Any]]], str | None]:
    """The rows of every table, of one moment, and the schema that they have."""
    engine = open_database(url)
    rows: dict[str, list[dict[str, Any]]] = {}
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            for table in SQLModel.metadata.sorted_tables:
                found = connection.execute(select(table)).mappings()
                rows[table.name] = [plain(row) for row in found]
            return rows, revision(connection)
    except (DBAPIError, ValueError, TypeError) as error:
        if isinstance(error, DBAPIError) and not is_damage(error):
            raise
        raise damaged(url, str(getattr(error, "orig", error)).splitlines()[0]) from error
    finally:
        engine.dispose()


def _content(file: Path) -> bytes:
    """A file as it is at one moment; a job book or a log may be written meanwhile."""
    if file.suffix != ".sqlite":
        return file.read_bytes()
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(":memory:")) as target:
        source.backup(target)
        return target.serialize()


def restore(settings: Settings, archive: Path) -> int:
    """Fill an empty journal and home from an archive, on any engine; returns the number of rows.

    Raises:
        JournalError: the archive is damaged or of another schema, or the journal is not empty.
            Nothing is written then.
    """
    try:
        with opened_archive(archive) as source:
            manifest = json.loads(source.read("manifest.json"))
            contents = {name: source.read(name) for name in manifest["sha256"]}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise JournalError(f"{archive} is not a backup of wellwise: {error}") from None
    for name, content in contents.items():
        if sha256(content) != manifest["sha256"][name]:
            raise JournalError(
                f"{archive} is damaged: {name} is not what was backed up (nothing was restored)"
            )
    files = {
        settings.home / name.removeprefix("files/"): name
        for name in contents
        if name.startswith("files/")
    }
    for file, name in files.items():
        if not file.resolve().is_relative_to(settings.home.resolve()):
            raise JournalError(
                f"{archive} would write outside of {settings.home}: {name} (nothing was restored)"
            )
    engine = open_database(settings.journal_url)
    rows = 0
    with engine.execution_options(wellwise_write=True).begin() as connection:
        if revision(connection) != manifest["schema"]:
            raise JournalError(
                f"{archive} has schema {manifest['schema']}, this wellwise "
                f"{revision(connection)}: restore it with the "
                "wellwise that made it, then update"
            )
        for table in SQLModel.metadata.sorted_tables:
            fresh = table.name == JournalRow.__tablename__
            if not fresh and connection.execute(select(func.count()).select_from(table)).scalar():
                raise JournalError("the journal is not empty: restore into a new home or database")
        connection.execute(delete(JournalRow))
        for table in SQLModel.metadata.sorted_tables:
            saved = [typed(table, row) for row in json.loads(contents[f"{table.name}.json"])]
            if saved:
                connection.execute(insert(table), saved)
                rows += len(saved)
            _continue_numbering(connection, table)
        why = f"it was restored from {archive.name}"
        connection.execute(update(JournalRow).values(unsettled=why))
        for file, name in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            write_durably(file, contents[name])
    engine.dispose()
    return rows


def _continue_numbering(connection: Any, table: Table) -> None:
    """Set PostgreSQL's id sequences above the restored rows, which brought their own ids."""
    if (
        connection.dialect.name == "postgresql"
        and "id" in table.c
        and isinstance(table.c.id.type, Integer)
    ):
        highest = connection.execute(select(func.max(table.c.id))).scalar()
        if highest:
            connection.execute(
                select(func.setval(func.pg_get_serial_sequence(table.name, "id"), highest))
            )
