"""The conformance kit: one public suite of checks for any driver.

Each check that fails comes with what a lab would suffer from it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

from drivers.base import Driver
from drivers.conformance import checks as _checks  # noqa: F401  # fills the list
from drivers.conformance import checks_of_breaks as _checks_of_breaks  # noqa: F401
from drivers.conformance import checks_of_work as _checks_of_work  # noqa: F401
from drivers.conformance.bench import Bench
from drivers.conformance.check_list import CHECKS
from drivers.conformance.levels import Failure, Level, Outcome
from drivers.registry import TWINS
from drivers.twin import Twin

_PATIENCE_S = 60.0
"""How long a check may take; one that hangs has failed."""


async def examine(
    kind: type[Driver], twin: Twin, home: Path, has_twin: bool = True
) -> AsyncIterator[Outcome]:
    """Run every check, one after the other.

    Args:
        kind: the driver.
        twin: its simulated twin, or a twin that only says how to reach real equipment.
        home: a folder for what drivers keep.
        has_twin: whether the equipment is simulated; real equipment cannot show that its driver has
            a twin.
    """
    # Equipment that remembers keys must not answer for an earlier run.
    run = secrets.token_hex(4)
    bench = Bench(kind, twin, home, 0, run)
    for number, (level, title, harm, check) in enumerate(CHECKS, 1):
        bench.turn_to(number, home / f"check-{number}")
        seen = ""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await check(bench)
        except Failure as failure:
            seen = str(failure)
        except TimeoutError:
            seen = f"it was not over after {_PATIENCE_S:g} s"
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"
        yield Outcome(level, title, seen, harm if seen else "")
    if not has_twin:
        harm = "nobody could rehearse a campaign with it before cells pay for it"
        yield Outcome(Level.GOLD, "it has a simulated twin", f"no entry point in {TWINS!r}", harm)


def reached(outcomes: list[Outcome]) -> Level | None:
    """The highest level below which, and in which, every check held."""
    found = None
    for level in Level:
        if not all(outcome.passed for outcome in outcomes if outcome.level is level):
            break
        found = level
    return found
