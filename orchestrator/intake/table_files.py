"""Tables as files of this computer: in any format that is read -> text."""

from pathlib import Path

from protocols.descriptor_tables import Beside
from protocols.errors import InvalidInput, Problem
from protocols.table_formats import table_text


def table_of(path: Path) -> str:
    """The text of a table: CSV, or CSV of a workbook or a Parquet file.

    Raises:
        InvalidInput: it cannot be opened or read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise InvalidInput([Problem(where=str(path), message=message)]) from None
    return table_text(content, str(path))


def tables_beside(folder: Path) -> Beside:
    """What reads the tables that a campaign file names, by their paths from its folder."""

    def beside(name: str) -> str:
        return table_of(folder / name)

    return beside
