"""Environments of drivers whose packages conflict with ours.

One command makes them; they are used as subprocesses.
"""

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from drivers.base import DriverError

PACKAGES: dict[str, tuple[str, ...]] = {"opentrons": ("opentrons==8.8.2",)}
"""What each environment of ours holds, pinned."""

_HOST = ("filelock", "pint", "pydantic")
"""What the process needs that speaks for a driver in its environment."""


def environment_folder(home: Path, name: str) -> Path:
    """Where an environment lies below wellwise's home."""
    return home / "environments" / name


def interpreter(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def make_environment(home: Path, name: str, packages: Sequence[str] = ()) -> Path:
    """Make an environment and install its packages, if it is not there; returns its folder.

    Args:
        home: wellwise's home.
        name: one of ours, or any name with packages.
        packages: what to install, as pip takes it.

    Raises:
        DriverError: it is none of ours and no package was named, or packages cannot be installed.
    """
    if name not in PACKAGES and not packages:
        raise DriverError(
            f"there is no environment {name!r} (expected one of {', '.join(PACKAGES)}, or "
            "packages to install)"
        )
    wanted_packages = [*_HOST, *PACKAGES.get(name, ()), *packages]
    folder = environment_folder(home, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    ready, wanted = folder / ".ready", " ".join(wanted_packages)
    with FileLock(folder.with_name(f"{name}.lock")):
        if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
            return folder
        venv.create(folder, with_pip=True, clear=True)
        pip = [
            str(interpreter(folder)),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        ran = subprocess.run([*pip, *wanted_packages], capture_output=True, text=True, check=False)  # noqa: S603 - its own pip
        if ran.returncode != 0:
            why = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")] or [
                "pip failed"
            ]
            raise DriverError(f"the environment {name} cannot be made: {why[-1]}")
        ready.write_text(wanted, encoding="utf-8")
    return folder
