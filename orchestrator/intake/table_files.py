"""Tables as files of this computer: in any format that is read -> text."""

import base64
from pathlib import Path

from protocols.descriptor_tables import Beside
from protocols.errors import InvalidInput, Problem
from protocols.table_formats import table_text


def table_of(path: Path) -> str:
    """The text of a table: CSV, or CSV of a workbook or a Parquet file.

    Raises:
        InvalidInput: it cannot be opened or read.
    """
    return table_text(_content(path), str(path))


def data_url_of(path: Path) -> str:
    """The bytes of a file, as a `data:` URL (RFC 2397).

    Raises:
        InvalidInput: it cannot be opened.
    """
    return f"data:;base64,{base64.b64encode(_content(path)).decode()}"


def tables_beside(folder: Path) -> Beside:
    """What reads the tables that a campaign file names, by their paths from its folder."""

    def beside(name: str) -> str:
        return table_of(folder / name)

    return beside


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise InvalidInput([Problem(where=str(path), message=message)]) from None
