"""Environments of drivers whose packages cannot live beside ours: made by one command, used as subprocesses."""

import subprocess
import sys
import venv
from pathlib import Path

from filelock import FileLock

from drivers.base import DriverError

PACKAGES: dict[str, tuple[str, ...]] = {"opentrons": ("opentrons==8.8.2",)}
"""What each environment of ours holds, pinned."""


def environment_folder(home: Path, name: str) -> Path:
    """Where an environment lies below wellwise's home."""
    return home / "environments" / name


def interpreter(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def make_environment(home: Path, name: str) -> Path:
    """Make an environment and install its packages, if it is not there; returns its folder.

    Raises:
        DriverError: there is no such environment, or its packages cannot be installed.
    """
    if name not in PACKAGES:
        raise DriverError(f"there is no environment {name!r} (expected one of {', '.join(PACKAGES)})")
    folder = environment_folder(home, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    ready, wanted = folder / ".ready", " ".join(PACKAGES[name])
    with FileLock(folder.with_name(f"{name}.lock")):
        if ready.exists() and ready.read_text() == wanted:
            return folder
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(interpreter(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        ran = subprocess.run([*pip, *PACKAGES[name]], capture_output=True, text=True, check=False)  # noqa: S603
        if ran.returncode != 0:
            raise DriverError(f"the environment {name} cannot be made: {ran.stderr.strip().splitlines()[-1:]}")
        ready.write_text(wanted)
    return folder
