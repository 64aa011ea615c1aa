"""Writes the package of a new driver: driver, simulated twin and tests that pass."""

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from drivers.base import DriverError

_PLACES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "driver.py": "wellwise_$name/driver.py",
    "twin.py": "wellwise_$name/twin.py",
    "test_driver.py": "tests/test_driver.py",
}


def new_driver(name: str, folder: Path) -> list[Path]:
    """Write the package of a new driver; returns its files.

    Raises:
        DriverError: the name cannot be one of a driver, or the folder exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise DriverError(
            f"{name!r} cannot name a driver (expected small letters, digits and _, such as "
            "acme_pump)"
        )
    if folder.exists():
        raise DriverError(f"{folder} exists: nothing was written (choose another name or folder)")
    words = {"name": name, "title": "".join(part.capitalize() for part in name.split("_"))}
    written = []
    for template, place in _PLACES.items():
        text = (files("drivers.scaffold") / "template" / f"{template}.txt").read_text(
            encoding="utf-8"
        )
        path = folder / Template(place).substitute(words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), encoding="utf-8")
        written.append(path)
    package = folder / f"wellwise_{name}" / "__init__.py"
    package.write_text(f'"""A wellwise driver for {words["title"]}."""\n', encoding="utf-8")
    return [*written, package]
