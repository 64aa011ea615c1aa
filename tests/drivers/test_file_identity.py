"""What is a copy of a file and what is the file itself, as the kernel and tar have it."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from drivers.file_identity import file_identity, is_copy
from tests.system.device_lab import end_of, started

COPIES = {
    "cp": ["cp", "-a", "file", "other"],
    "rsync": ["rsync", "-a", "file", "other"],
    "tar": ["sh", "-c", "mkdir x && tar -cf - file | tar -C x -xf - && mv x/file other"],
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_another_file_even_with_the_number_of_the_one_that_it_replaced(
    tmp_path: Path, how: str
) -> None:
    if shutil.which(how) is None:
        pytest.skip(f"no {how} here")
    file = tmp_path / "file"
    file.write_text("a journal")
    known = file_identity(file)
    subprocess.run(COPIES[how], cwd=tmp_path, check=True)
    assert is_copy(known, file_identity(tmp_path / "other"))
    file.unlink()
    (tmp_path / "other").replace(file)
    assert is_copy(known, file_identity(file))


def test_a_file_that_is_written_renamed_or_given_to_somebody_is_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "file").write_text("a journal")
    known = file_identity(folder / "file")
    with (folder / "file").open("a") as file:
        file.write("goes on")
    (folder / "file").chmod(0o600)
    folder.rename(tmp_path / "moved")
    assert not is_copy(known, file_identity(tmp_path / "moved" / "file"))


def test_a_file_that_is_mounted_elsewhere_as_in_a_container_is_the_same(tmp_path: Path) -> None:
    volume, inside = tmp_path / "volume", tmp_path / "inside"
    for folder in (volume, inside):
        folder.mkdir()
    (volume / "file").write_text("a journal")
    known = file_identity(volume / "file")

    def container() -> None:
        libc = ctypes.CDLL(None)
        new_mounts, bind, private = 0x00020000, 0x1000, 0x44000
        if libc.unshare(new_mounts) or libc.mount(b"none", b"/", None, private, None):
            os._exit(5)
        if libc.mount(os.fsencode(volume), os.fsencode(inside), None, bind, None):
            os._exit(5)
        assert not is_copy(known, file_identity(inside / "file"))

    code = end_of(started(container))
    if code == 5:
        pytest.skip("this account may not mount")
    assert code == 0
    assert not (inside / "file").exists()


def test_a_file_system_that_has_only_the_number_of_its_device_is_not_told_by_it() -> None:
    """The kernel says so of /proc as of XFS: at the next boot the device may have another one."""
    file = Path("/proc/version")
    if not file.exists() or os.statvfs(file).f_fsid != file.stat().st_dev:
        pytest.skip("this kernel has another number for /proc")
    assert file_identity(file).partition("@")[0].endswith("-0")


@pytest.mark.parametrize(
    ("known", "here", "copy"),
    [
        ("12-a-b@one", "12-a-b@one", False),
        ("12-a-b@one", "12-a-b@", False),
        ("12-a-b@one", "12-a-b@two", True),
        ("12-a-b@one", "12-a-c@one", True),
        ("7712-17744", "7712-17745", True),
    ],
)
def test_computers_without_a_number_are_taken_for_any(known: str, here: str, copy: bool) -> None:
    assert is_copy(known, here) is copy
