"""Zip archives that came from elsewhere: opened only where they expand to something plausible."""

import zipfile
from pathlib import Path

from orchestrator.errors import JournalError

_HARMLESS = 10_000_000
"""Bytes that any part may expand to."""

_MOST_TIMES = 200
"""How many times its compressed size a larger part may have; tables and events reach 30."""


def opened_archive(path: Path) -> zipfile.ZipFile:
    """An archive none of whose parts is a decompression bomb.

    Raises:
        JournalError: a part would expand to more than can be meant.
        OSError: it cannot be read.
        zipfile.BadZipFile: it is no archive.
    """
    source = zipfile.ZipFile(path)
    for part in source.infolist():
        if part.file_size > _HARMLESS and part.file_size > _MOST_TIMES * part.compress_size:
            source.close()
            raise JournalError(
                f"{path}: {part.filename} would expand from {part.compress_size:,} to "
                f"{part.file_size:,} bytes (expected at most {_MOST_TIMES} times as many): it was "
                "not opened"
            )
    return source
