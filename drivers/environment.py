"""Environments of drivers whose packages conflict with ours."""

from collections.abc import Sequence
from pathlib import Path

from drivers.base import DriverError
from protocols import environments

PACKAGES: dict[str, tuple[str, ...]] = {"opentrons": ("opentrons==8.8.2",)}
"""What each environment of ours holds, pinned."""

_HOST = ("filelock", "pint", "pydantic")
"""What the process needs that speaks for a driver in its environment."""


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
    wanted = [*_HOST, *PACKAGES.get(name, ()), *packages]
    try:
        return environments.make_environment(home, name, wanted)
    except environments.EnvironmentNotMade as error:
        raise DriverError(str(error)) from None
