"""Two processes of one computer at one device, of whatever account and with whatever folders."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.errors import Owned
from orchestrator.lab.device_lock import device_lock, lock_file

HOLDING = """
import asyncio, os, sys
from orchestrator.lab.device_lock import device_lock

async def main():
    async with device_lock(sys.argv[1]):
        print("holds", flush=True)
        sys.stdin.read()

os.seteuid(int(sys.argv[2]))
asyncio.run(main())
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="accounts and signals of POSIX")


@pytest.fixture
def address() -> Iterator[str]:
    found = f"http://{uuid.uuid4().hex}.test:31950"
    yield found
    lock_file(found).unlink(missing_ok=True)


@contextmanager
def holder(
    address: str, folder: Path, account: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the device, of another account if one is named."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, address, str(os.geteuid() if account is None else account)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        try:
            yield process
        finally:
            process.kill()


def takes(address: str) -> bool:
    async def once() -> None:
        async with device_lock(address):
            pass

    try:
        asyncio.run(once())
    except Owned:
        return False
    return True


@pytest.mark.reproduction("A1")
def test_a_process_with_another_temporary_folder_is_seen(address: str, tmp_path: Path) -> None:
    with holder(address, tmp_path):
        assert not takes(address)
    assert takes(address)


@pytest.mark.reproduction("A1")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act for another account")
def test_a_process_of_another_account_is_seen_and_what_it_leaves_when_killed_is_no_hindrance(
    address: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    with holder(address, tmp_path, account=65534) as process:
        assert not takes(address)
        process.send_signal(signal.SIGKILL)
    assert takes(address)
    with holder(address, tmp_path):
        assert not takes(address)
