"""Work on what strangers send: in a process of its own, bounded in time and memory.

A file can ask for more than it looks like, whatever limits its keys have. The process that answers
requests and runs campaigns must not pay for it.
"""

import sys
from collections.abc import Callable
from concurrent.futures import TimeoutError as TookTooLong
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from protocols.errors import InvalidInput, Problem

LONGEST_S = 20.0
"""Seconds that a piece of work may take; its process is ended then."""

MOST_MB = 1024
"""Memory that the process may have in addition to what it has at its start."""

_Arguments = ParamSpec("_Arguments")
_Found = TypeVar("_Found")


def bounded(
    work: Callable[_Arguments, _Found], *arguments: _Arguments.args, **named: _Arguments.kwargs
) -> _Found:
    """What a function of a module returns or raises, done in the process for such work.

    Raises:
        InvalidInput: it took longer than `LONGEST_S`, or more memory than `MOST_MB`.
    """
    try:
        future = _pool().schedule(work, args=arguments, kwargs=named, timeout=LONGEST_S)
        found: _Found = future.result()
    except TookTooLong:
        raise _refused(f"it takes more than {LONGEST_S:g} s to check") from None
    except (MemoryError, ProcessExpired):
        raise _refused(f"it takes more than {MOST_MB} MB to check") from None
    return found


def start() -> None:
    """Start the process and return when it is ready, so that no request waits for that."""
    _pool().schedule(int).result()


def _refused(why: str) -> InvalidInput:
    expected = "a smaller campaign, or wellwise run on the lab's computer"
    return InvalidInput([Problem(where="campaign file", message=why, expected=expected)])


def _pool() -> ProcessPool:
    pool = _started()
    if not pool.active:
        # Pebble gives a pool up for good when its process ends between two pieces of work, such as
        # by the kernel that is out of memory.
        _started.cache_clear()
        pool = _started()
    return pool


@cache
def _started() -> ProcessPool:
    # Not forked: threads of the service hold locks that nobody would release there.
    return ProcessPool(max_workers=1, context=get_context("spawn"), initializer=_prepare)


def _prepare() -> None:
    """Import what takes seconds, then bound the memory where the system can (Linux)."""
    import orchestrator.core.round_planning
    import orchestrator.intake.campaign_check  # noqa: F401

    if sys.platform == "linux":
        import resource

        status = Path("/proc/self/status").read_text(encoding="ascii")
        data_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmData" in line)
        most = 1024 * (data_kb + 1024 * MOST_MB)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
