"""The list of checks: each with its level, its title, and what a lab would suffer without it."""

from collections.abc import Awaitable, Callable

from drivers.conformance.bench import Bench
from drivers.conformance.levels import Level

Check = Callable[[Bench], Awaitable[None]]
CHECKS: list[tuple[Level, str, str, Check]] = []


def check(level: Level, title: str, harm: str) -> Callable[[Check], Check]:
    """Put a check on the list, in the order of the file."""

    def register(run: Check) -> Check:
        CHECKS.append((level, title, harm, run))
        return run

    return register
