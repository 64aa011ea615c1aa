"""Files that are written whole or not at all, and are on the disk before anybody speaks of them."""

import os
import threading
from collections.abc import Callable
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and return when it would survive a loss of power.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    write_whole(path, content, durable=True)
    if os.name == "posix":
        # The name as well as the content: a rename is durable when its folder is.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_whole(
    path: Path, content: bytes | Callable[[Path], bytes], durable: bool = False
) -> None:
    """Write a file whole or not at all, whoever else writes it at the same time.

    Args:
        path: where to; its folder is made.
        content: what is to be in it, or what makes it of the file before that has its name.
        durable: whether the content is on the disk before the file has its name.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Each writer has a name of its own: one that replaces must not take another's file away.
    partial = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content if isinstance(content, bytes) else content(partial))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
