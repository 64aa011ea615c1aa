"""The simulated twin of a driver's equipment, for the conformance kit and rehearsals."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from drivers.base import Clock
from drivers.registry import TWINS, entry_point


@dataclass(frozen=True)
class Done:
    """Something that equipment did: an operation that must not be repeated.

    What it cannot say is empty. `amount` is in uL or s, as the operation has it; times are those of
    `time.time`, 0 if it does not say.
    """

    kind: str = ""
    well: str | None = None
    amount: float | None = None
    began_at: float = 0.0
    ended_at: float = 0.0


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
    did: Callable[[], Sequence[Done]] | None = None
    """All of these operations with well and amount, in the order in which they ended."""

    expected: Callable[[str], float | None] | None = None
    """The number that a reading of a well should have now."""

    break_next: Callable[[], None] | None = None
    """Let the next operation fail, as the equipment fails."""

    crash: Callable[[], None] | None = None
    """Switch the equipment off and on where it is."""

    moving: Callable[[], bool] | None = None
    """Whether anything of the equipment moves at this instant."""


TwinMaker = Callable[[Path], AbstractContextManager[Twin]]
"""Starts a twin that keeps its files in a folder; it ends with the block."""


def twin_of(driver: str) -> TwinMaker | None:
    """The twin of a driver, announced under the driver's name; None if it has none."""
    found = entry_point(TWINS, driver)
    return None if found is None else cast(TwinMaker, found.load())
