"""Starts `drivers.isolated.host` in an interpreter that has none of our packages installed.

Run as a file. Our own packages are found next to this file, and only where the interpreter has none
itself: with the whole folder on the path, an installed wellwise would bring every package in its
folder, of the wrong version.
"""

import importlib.machinery
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

_ROOMS = ("drivers", "protocols", "simulators", "wellwise")


class _Rooms:
    """Finds our rooms where this file lies."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _ROOMS:
            return None
        return importlib.machinery.PathFinder.find_spec(
            name, [str(Path(__file__).resolve().parents[2])]
        )


if __name__ == "__main__":
    # The folder of this file, which Python puts first, would hide other packages behind `driver`
    # and `host`.
    sys.path = [folder for folder in sys.path if folder != str(Path(__file__).resolve().parent)]
    # What the shell adds comes after what the environment has: its own packages come first.
    added = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.path = [folder for folder in sys.path if folder not in added] + added
    sys.meta_path.append(_Rooms)
    runpy.run_module("drivers.isolated.host", run_name="__main__", alter_sys=True)
