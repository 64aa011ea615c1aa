"""What tells a file from every copy of it, whatever its path and its computer's name are."""

import ctypes
import os
import struct
import sys
from pathlib import Path


def file_identity(path: Path) -> str:
    """Which file this is: the same when it is renamed or mounted elsewhere, another for a copy.

    File systems give numbers of deleted files to new ones, so its birth counts as well, where it is
    known. Where these numbers do not last (FAT, some network shares) it is another one after each
    mount. The number of the file system counts where it lasts: that of XFS is its device's, which
    may be another one after a boot. The computer counts where the kernel numbers the file system at
    all, for disks are cloned with all of their numbers; others, such as NFS, are shared by
    computers.
    """
    found = path.stat()
    file_system = _file_system(path, found)
    lasting = 0 if sys.platform == "linux" and file_system == found.st_dev else file_system
    numbers = (found.st_ino, _birth(path, found), lasting)
    machine = _machine() if file_system else ""
    return "-".join(f"{number:x}" for number in numbers) + f"@{machine}"


def is_copy(known: str, here: str) -> bool:
    """Whether what was noted as an identity is that of another file, or of another computer's disk.

    Computers without a number of their own, as most containers are, are taken for any.
    """
    (file, _, machine), (other, _, there) = known.partition("@"), here.partition("@")
    return file != other or bool(machine and there and machine != there)


def _birth(path: Path, found: os.stat_result) -> int:
    """When a file came into being, in ns; 0: not known. On Linux nothing can set it.

    The file is not opened: to close it would end the locks that SQLite holds on it.
    """
    if sys.platform != "linux":
        # macOS has it in seconds only.
        seconds = getattr(found, "st_birthtime", 0)
        return int(getattr(found, "st_birthtime_ns", seconds * 10**9))
    answer = ctypes.create_string_buffer(256)
    try:
        statx = ctypes.CDLL(None).statx
    except (OSError, AttributeError):
        return 0
    at_working_folder, birth = -100, 0x800
    if statx(at_working_folder, os.fsencode(path), 0, birth, answer):
        return 0
    (known,) = struct.unpack_from("I", answer)
    seconds, ns = struct.unpack_from("qI", answer, 80)
    return int(seconds * 10**9 + ns) if known & birth else 0


def _file_system(path: Path, found: os.stat_result) -> int:
    """The number of a file system: on Linux its own, however it is mounted."""
    if sys.platform == "linux":
        return os.statvfs(path).f_fsid
    return found.st_dev if sys.platform == "win32" else 0


def _machine() -> str:
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
