"""The simulated twin of a driver's equipment, for the conformance kit and rehearsals."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from drivers.base import Clock
from drivers.registry import TWINS, entry_point


@dataclass(frozen=True)
class Twin:
    """Simulated equipment while it runs: how a driver reaches it, and what it has done.

    `performed` counts the operations that must not be repeated and that the equipment did, by its
    own count; None if it does not count.
    """

    clock: Clock
    address: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    performed: Callable[[], int] | None = None


TwinMaker = Callable[[Path], AbstractContextManager[Twin]]
"""Starts a twin that keeps its files in a folder; it ends with the block."""


def twin_of(driver: str) -> TwinMaker | None:
    """The twin of a driver, announced under the driver's name; None if it has none."""
    found = entry_point(TWINS, driver)
    return None if found is None else cast(TwinMaker, found.load())
