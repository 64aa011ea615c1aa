"""The disk of the home: whether an error means that it is full, and waiting until there is room."""

import errno
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}
_SQLITE_FULL = "disk is full"
_LEAST = 2_000_000
"""Free bytes below which nothing that fails is another's fault."""

_LOOK_S = 2.0


def out_of_room(error: BaseException, home: Path) -> bool:
    """Whether something failed because the disk of the home is full.

    By the error, by what caused it, or by how little is left: a server that cannot write says so in
    words of its own.
    """
    named = any(
        (isinstance(cause, OSError) and cause.errno in _FULL) or _SQLITE_FULL in str(cause)
        for cause in _causes(error)
    )
    return named or _free(home) < _LEAST


def no_room(home: Path) -> str:
    """What a person is told, and what to do."""
    return (
        f"there is no room left on the disk of {home.absolute()} ({_free(home):,} bytes): make "
        "room, and it goes on by itself; nothing that was noted is lost"
    )


def wait_for_room(home: Path) -> None:
    """Return after some seconds, when there is room again."""
    time.sleep(_LOOK_S)
    while _free(home) < _LEAST:
        time.sleep(_LOOK_S)


def _free(home: Path) -> int:
    return shutil.disk_usage(home).free


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came of."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__
