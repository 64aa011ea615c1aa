"""Rows of the journal's tables as JSON, and back."""

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, insert, select
from sqlmodel import SQLModel

from orchestrator.journal.store import Store
from orchestrator.journal.tables import Moment


def plain(row: Any) -> dict[str, Any]:
    """A row of any table as JSON has it: times as ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """What `plain` made of a row of this table, as the table takes it."""
    moments = {column.name for column in table.columns if isinstance(column.type, Moment)}
    return {
        name: datetime.fromisoformat(value) if name in moments and value is not None else value
        for name, value in row.items()
    }


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def campaign_rows(
    journal: Store, campaign_id: str, tables: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """Every row of a campaign in some tables, as JSON has it, by table."""
    rows = {}
    with journal.reading_session() as session:
        for table in SQLModel.metadata.sorted_tables:
            if table.name in tables:
                place = table.c["id" if table.name == "campaign" else "campaign_id"]
                query = (
                    select(table).where(place == campaign_id).order_by(*table.primary_key.columns)
                )
                rows[table.name] = [
                    plain(row) for row in session.connection().execute(query).mappings()
                ]
    return rows


def add_rows(journal: Store, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    """Add what `campaign_rows` gave to a journal, all of it or nothing."""
    with journal.transaction() as session:
        for table in SQLModel.metadata.sorted_tables:
            if rows.get(table.name):
                session.connection().execute(
                    insert(table), [typed(table, row) for row in rows[table.name]]
                )
