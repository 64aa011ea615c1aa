"""One process of a computer at a device, whatever its home and its account."""

import asyncio
import hashlib
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from orchestrator.errors import Owned
from orchestrator.journal.devices import device_at

_LOOK_S = 0.2
"""How often a process that waits looks whether the other has let go."""

_AGAIN_S = 1.0
"""After how long a process that does not wait may try again."""


@asynccontextmanager
async def device_lock(
    address: str, on_wait: Callable[[Owned], None] | None = None
) -> AsyncIterator[None]:
    """Be the only process of this computer that uses the device at an address, whatever its home.

    Raises:
        Owned: another process uses it, and `on_wait` is None.
    """
    async with AsyncExitStack() as stack:
        if address:
            lock = lock_file(address)
            waiting = False
            while True:
                try:
                    stack.callback(_locked(lock))
                    break
                except Timeout:
                    held = Owned(
                        f"the device at {address} is used by another process of this computer: "
                        "stop it there, or try again later",
                        _AGAIN_S,
                    )
                    if on_wait is None:
                        raise held from None
                    if not waiting:
                        on_wait(held)
                    waiting = True
                    await asyncio.sleep(_LOOK_S)
        yield


def lock_file(address: str) -> Path:
    """The lock of a device, in one folder for all accounts and services of this computer.

    Services often have a temporary folder of their own (systemd's PrivateTmp), and so may shells.
    """
    shared = Path("/run/lock")
    for_all = shared.is_dir() and bool(shared.stat().st_mode & stat.S_IWOTH)
    digest = hashlib.sha256(device_at(address).encode()).hexdigest()[:16]
    folder = shared if for_all else Path(tempfile.gettempdir())
    return folder / f"wellwise-device-{digest}.lock"


def _locked(path: Path) -> Callable[[], object]:
    """Lock a file; returns what releases it.

    Raises:
        Timeout: another process has locked it.
    """
    lock = FileLock(path, mode=0o666)
    try:
        lock.acquire(timeout=0)
    except PermissionError:
        if not path.exists():
            raise
        # Another account made it, and holds it or was killed while it did: to read it is enough
        # for a lock, and whoever made it removes it only while they hold it.
        return _locked_to_read(path)
    return lock.release


def _locked_to_read(path: Path) -> Callable[[], object]:
    if sys.platform != "win32":
        from fcntl import LOCK_EX, LOCK_NB, flock

        with ExitStack() as stack:
            file = stack.enter_context(path.open("rb"))
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                raise Timeout(str(path)) from None
            stack.pop_all()
            return file.close
    raise PermissionError(f"{path} is of another account")
