"""Finds drivers and clocks by name among the installed entry points."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, cast

from pydantic import ValidationError

from drivers.base import Clock, Driver, DriverError, RobotSetup
from protocols.errors import Finding

DRIVERS = "wellwise.drivers"
CLOCKS = "wellwise.clocks"


def driver_names() -> list[str]:
    """Names of all installed drivers, sorted."""
    return sorted(entry_points(group=DRIVERS).names)


def driver_class(name: str) -> type[Driver]:
    """The driver with this name.

    Raises:
        DriverError: there is none, or its module cannot be imported.
    """
    return cast(type[Driver], _load(DRIVERS, name, "driver"))


def clock(name: str, **options: Any) -> Clock:
    """A clock by name: `real`, `virtual` (option `start`, its first moment) or `accelerated` (`start` and `speed`).

    Raises:
        DriverError: there is none.
    """
    return cast(Clock, _load(CLOCKS, name, "clock")(**options))


def make_driver(driver: str, setup: RobotSetup) -> Driver:
    """The driver for one robot; `setup.options` are validated first.

    Raises:
        DriverError: no such driver, or options that it does not take.
    """
    kind = driver_class(driver)
    try:
        options = kind.Options.model_validate(setup.options)
    except ValidationError as error:
        raise DriverError(f"robot {setup.name}: options of driver {driver} are wrong: {error}") from None
    return kind(RobotSetup(setup.name, options, setup.clock, setup.home, setup.seed))


def option_findings(robots: Mapping[str, tuple[str, Mapping[str, Any]]]) -> list[Finding]:
    """What is wrong with the options of robots (name -> driver, options) whose drivers exist; nothing is opened."""
    findings = []
    for robot, (driver, options) in robots.items():
        try:
            driver_class(driver).Options.model_validate(options)
        except ValidationError as error:
            for details in error.errors():
                unknown = details["type"] == "extra_forbidden"
                message = "unknown option" if unknown else details["msg"]
                known = ", ".join(driver_class(driver).Options.model_fields) if unknown else ""
                loc = ("robots", robot, "options", *details["loc"])
                findings.append(Finding(loc=loc, message=message, expected=f"one of {known}" if known else ""))
    return findings


def _load(group: str, name: str, what: str) -> Any:
    found = entry_points(group=group, name=name)
    if not found:
        names = ", ".join(sorted(entry_points(group=group).names)) or "none"
        raise DriverError(f"there is no {what} {name!r} (expected one of {names})")
    try:
        return next(iter(found)).load()
    except ImportError as error:
        raise DriverError(f"{what} {name!r} is installed but cannot be imported: {error}") from error
