"""Rows of the journal's tables as JSON, and back."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from orchestrator.journal.tables import Moment


def plain(row: Any) -> dict[str, Any]:
    """A row of any table as JSON has it: times as ISO 8601."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


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
