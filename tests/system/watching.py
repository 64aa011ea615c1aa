"""A plugin of pytest for runs of tests on the sources of another day.

It keeps the tests that are asked for and notes what became of each. A name that a file of tests
imports and that the sources do not have yet costs only the tests that use it. It lies alone in a
folder there, and imports nothing of ours.
"""

import builtins
import json
import os
import signal
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any

import pytest

ABSENT = (ImportError, AttributeError, NameError, pytest.FixtureLookupError)
"""What Python says of a name that is not there."""

ABSENT_WORDS = (
    "LaterName",
    "unexpected keyword argument",
    "positional argument",
    "Extra inputs are not permitted",
    "No such option",
    "No such command",
    "catching classes that do not inherit from BaseException",
    "not found in `markers`",
)
"""What is said otherwise of one."""


class LaterName:
    """What stands for a name that the sources do not have: it may be named, and never used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __or__(self, other: object) -> object:
        return self

    __ror__ = __or__

    def __call__(self, *_: object, **__: object) -> object:
        raise AttributeError(f"LaterName {self._name}")

    def __getattr__(self, name: str) -> object:
        raise AttributeError(f"LaterName {self._name} has no {name}")


_TESTS = f"{Path.cwd() / 'tests'}/"
_import = builtins.__import__


def _imported(name: str, *arguments: Any, **options: Any) -> Any:
    given = dict(zip(("globals", "locals", "fromlist", "level"), arguments, strict=False)) | options
    importer = str((given.get("globals") or {}).get("__file__", ""))
    wanted = given.get("fromlist") or ()
    if not wanted or not importer.startswith(_TESTS):
        return _import(name, *arguments, **options)
    try:
        module: ModuleType | None = _import(name, *arguments, **options)
    except ImportError:
        module = None
    return SimpleNamespace(
        **{one: getattr(module, one, LaterName(f"{name}.{one}")) for one in wanted}
    )


builtins.__import__ = _imported


def _note(**what: object) -> None:
    with Path(os.environ["WATCHING_NOTES"]).open("a", encoding="utf-8") as notes:
        notes.write(json.dumps(what) + "\n")


def _name_of(item: pytest.Item) -> tuple[str, str]:
    file = item.path.relative_to(Path.cwd()).as_posix()
    return file, getattr(item, "originalname", None) or item.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep those that are asked for."""
    asked = {tuple(one) for one in json.loads(os.environ["WATCHING_TESTS"])}
    items[:] = [item for item in items if _name_of(item) in asked]


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be read by these sources."""
    if report.failed:
        _note(file=report.nodeid, seen="not there", why=str(report.longrepr)[-300:])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """End a test that takes too long."""

    def over(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"it was not over after {limit_s} s")

    limit_s = int(os.environ["WATCHING_LIMIT_S"])
    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(limit_s)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """What became of a test."""
    report: pytest.TestReport = yield
    seen = why = ""
    if report.skipped:
        seen, why = "not run", str(call.excinfo and call.excinfo.value)
    elif report.failed and call.excinfo is not None:
        error = call.excinfo.value
        why = f"{type(error).__name__}: {error}"
        absent = isinstance(error, ABSENT) or any(words in why for words in ABSENT_WORDS)
        seen = "not there" if absent else "failed"
    elif report.when == "call":
        seen = "passed"
    if seen:
        file, name = _name_of(item)
        _note(file=file, name=name, seen=seen, why=why[:300])
    return report
