"""Environments of their own, for packages that conflict with ours or are too large for everyone.

They lie below wellwise's home, one command makes them, and they are used as subprocesses. Which
interpreter is started follows from a name and the home, never from a campaign file.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from protocols.errors import WellwiseError

HOME = "WELLWISE_HOME"
"""The environment variable that says where everything lies."""


class EnvironmentNotMade(WellwiseError):
    """An environment is not there, or cannot be made; the message says which, why, what to do."""


def home_folder() -> Path:
    """Wellwise's home as this process was told of it: `WELLWISE_HOME`, or `.wellwise`."""
    return Path(os.environ.get(HOME) or ".wellwise").absolute()


def environment_folder(home: Path, name: str) -> Path:
    """Where an environment lies below wellwise's home."""
    return home / "environments" / name


def interpreter(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def is_made(home: Path, name: str, packages: Sequence[str]) -> bool:
    """Whether an environment is there and holds exactly these packages, as pip was told them."""
    ready = _ready(environment_folder(home, name))
    return ready.exists() and ready.read_text(encoding="utf-8") == " ".join(packages)


def make_environment(home: Path, name: str, packages: Sequence[str]) -> Path:
    """Make an environment and install its packages, if it is not there; returns its folder.

    Args:
        home: wellwise's home.
        name: of its folder.
        packages: what to install, as pip takes it.

    Raises:
        EnvironmentNotMade: the packages cannot be installed.
    """
    folder = environment_folder(home, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{name}.lock")):
        if is_made(home, name, packages):
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
        ran = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)  # noqa: S603 - its own pip
        if ran.returncode != 0:
            why = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")] or [
                "pip failed"
            ]
            raise EnvironmentNotMade(f"the environment {name} cannot be made: {why[-1]}")
        _ready(folder).write_text(" ".join(packages), encoding="utf-8")
    return folder


def _ready(folder: Path) -> Path:
    return folder / ".ready"
