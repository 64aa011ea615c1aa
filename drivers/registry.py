"""Finds drivers and clocks by name among the installed entry points."""

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from drivers.base import Clock, Driver, DriverError, RobotSetup
from drivers.refusal import refuse_other_contract
from protocols.environments import environment_folder, interpreter
from protocols.errors import Finding
from protocols.plugins import announced
from protocols.refusals import Refusal, refusal

DRIVERS = "wellwise.drivers"
CLOCKS = "wellwise.clocks"
TWINS = "wellwise.twins"

_FROM_FOLDERS: dict[tuple[str, str], EntryPoint] = {}


def driver_names() -> list[str]:
    """Names of all installed drivers, sorted."""
    return sorted(announced(DRIVERS).names)


def driver_class(name: str) -> type[Driver]:
    """The driver with this name.

    Raises:
        DriverError: there is none, its module cannot be imported, or it is for another version of
            the contract.
    """
    found = cast(type[Driver], _load(DRIVERS, name, "driver"))
    refuse_other_contract(name, found)
    return found


def clock(name: str, **options: Any) -> Clock:
    """A clock by name: `real`, `virtual` or `accelerated`.

    Options: `start`, the first moment of a virtual or accelerated clock, and `speed` of the latter.

    Raises:
        DriverError: there is none.
    """
    return cast(Clock, _load(CLOCKS, name, "clock")(**options))


def make_driver(driver: str, setup: RobotSetup, environment: str = "") -> Driver:
    """The driver for one robot; `setup.options` are validated first.

    With an environment (the name of one below wellwise's home, or a folder) the driver runs in its
    interpreter.

    Raises:
        DriverError: no such driver, or options that it does not take.
    """
    if environment:
        from drivers.isolated.driver import OutsideDriver

        folder = (
            Path(environment)
            if Path(environment).is_dir()
            else environment_folder(setup.home, environment)
        )
        return OutsideDriver(setup, driver, interpreter(folder))
    kind = driver_class(driver)
    try:
        options = kind.Options.model_validate(setup.options)
    except ValidationError as error:
        raise DriverError(
            f"robot {setup.name}: options of driver {driver} are wrong: {error}"
        ) from None
    return kind(replace(setup, options=options))


def option_findings(robots: Mapping[str, tuple[str, Mapping[str, Any]]]) -> list[Finding]:
    """What is wrong with the options of robots whose drivers exist; nothing is opened.

    `robots` maps a name to its driver and options.
    """
    findings = []
    for robot, (driver, options) in robots.items():
        try:
            driver_class(driver).Options.model_validate(options)
        except ValidationError as error:
            for details in error.errors():
                unknown = details["type"] == "extra_forbidden"
                known = ", ".join(driver_class(driver).Options.model_fields) if unknown else ""
                found = Refusal("unknown option", f"one of {known}" if known else "")
                message, expected = found if unknown else refusal(details)
                loc = ("robots", robot, "options", *details["loc"])
                findings.append(Finding(loc=loc, message=message, expected=expected))
    return findings


def add_folder(folder: Path) -> str:
    """Make the driver in a folder with a pyproject.toml known to this process; returns its name.

    Raises:
        DriverError: the folder announces no driver.
    """
    table = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    groups = table.get("project", {}).get("entry-points", {})
    names = list(groups.get(DRIVERS, {}))
    if not names:
        raise DriverError(
            f"{folder} announces no driver (expected entry points in the group {DRIVERS})"
        )
    sys.path.insert(0, str(folder.absolute()))
    for group, entries in groups.items():
        for name, target in entries.items():
            _FROM_FOLDERS[group, name] = EntryPoint(name=name, value=target, group=group)
    return str(names[0])


def entry_point(group: str, name: str) -> EntryPoint | None:
    """What is announced under a name: by an installed package, or by a folder that was added."""
    found = _FROM_FOLDERS.get((group, name))
    return found or next(iter(announced(group).select(name=name)), None)


def _load(group: str, name: str, what: str) -> Any:
    found = entry_point(group, name)
    if found is None:
        names = ", ".join(sorted(announced(group).names)) or "none"
        raise DriverError(f"there is no {what} {name!r} (expected one of {names})")
    try:
        return found.load()
    except ImportError as error:
        ours = found.dist is not None and found.dist.name == "wellwise"
        remedy = (
            ": pip install 'wellwise[driver]' for real equipment, 'wellwise[lab]' for all"
            if ours
            else ""
        )
        raise DriverError(
            f"{what} {name!r} is installed but cannot be imported: {error}{remedy}"
        ) from error
