"""What only POSIX has is used nowhere unguarded, outside of simulators and tests."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ("protocols", "optimizer", "drivers", "orchestrator", "wellwise")
MODULES = {"crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
CALLS = {
    "os": {
        "chown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getloadavg", "getpgid",
        "getpgrp", "getuid", "killpg", "mkfifo", "nice", "openpty", "setgid", "setpgid", "setsid",
        "setuid", "sysconf", "uname", "wait", "wait3", "wait4",
    },
    "signal": {
        "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP",
        "SIGTSTP", "SIGUSR1", "SIGUSR2", "alarm", "pause", "pthread_kill", "setitimer", "sigwait",
    },
    "socket": {"AF_UNIX"},
}  # fmt: skip
METHODS = {"add_signal_handler", "add_reader", "add_writer"}
"""Of an event loop: not every loop of every system has them."""

PLACES = ("/bin/", "/dev/", "/etc/", "/proc/", "/tmp", "/usr/", "/var/")
ARGUMENTS = {"preexec_fn", "pass_fds"}

UNKNOWN = "where there is none, nothing is known of other owners: their leases run out"

ALLOWED = {
    ("orchestrator/lab/lease.py", "'/proc/'"): UNKNOWN,
    ("orchestrator/lab/lease.py", "'/proc/self/ns/pid'"): UNKNOWN,
    ("orchestrator/lab/lease.py", "'/proc/sys/kernel/random/boot_id'"): UNKNOWN,
    ("drivers/file_identity.py", "'/etc/machine-id'"): UNKNOWN,
    ("drivers/serial/line.py", "'/dev/pts/'"): "compares the name of a port that a person gave",
    (
        "drivers/conformance/checks_of_breaks.py",
        "'/dev/fd'",
    ): "where there is none the check fails and says why",
    (
        "orchestrator/engine/prefect_server.py",
        "'/bin/sh'",
    ): "the whole function is called on POSIX only",
}


def uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of everything in a module that only POSIX has and that no condition guards."""
    yield from _below(tree, guarded=False)


def _below(node: ast.AST, guarded: bool) -> Iterator[tuple[int, str]]:
    if not guarded:
        yield from _here(node)
    for field, value in ast.iter_fields(node):
        # The condition itself is never run with what it guards; nor is a docstring ever a place.
        inside = guarded or (
            isinstance(node, ast.If | ast.IfExp) and field == "body" and _is_guard(node.test)
        )
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not (
                isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            ):
                yield from _below(child, inside)


def _is_guard(test: ast.expr) -> bool:
    text = ast.unparse(test)
    guards = ("sys.platform != 'win32'", "sys.platform == 'linux'", "hasattr(")
    return any(guard in text for guard in guards)


def _here(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Import(names=names) as found:
            yield from ((found.lineno, name.name) for name in names if name.name in MODULES)
        case ast.ImportFrom(module=str(module), names=names) as found:
            if module in MODULES:
                yield found.lineno, module
            yield from (
                (found.lineno, f"{module}.{n.name}")
                for n in names
                if n.name in CALLS.get(module, ())
            )
        case ast.Attribute(value=ast.Name(id=module), attr=name) as found if name in CALLS.get(
            module, ()
        ):
            yield found.lineno, f"{module}.{name}"
        case ast.Attribute(attr=name) as found if name in METHODS:
            yield found.lineno, name
        case ast.keyword(arg=str(name)) as found if name in ARGUMENTS:
            yield found.lineno, name
        case ast.Constant(value=str(text)) as found if text.startswith(PLACES):
            yield found.lineno, repr(text)


def found_in_rooms() -> dict[tuple[str, str], int]:
    """Every use in the rooms: file and name -> line."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            found |= {
                (name, use): line for line, use in uses(ast.parse(path.read_text(encoding="utf-8")))
            }
    return found


def test_nothing_that_only_posix_has_is_used_unguarded() -> None:
    found = found_in_rooms()
    assert [
        f"{file}:{line}: {use}" for (file, use), line in found.items() if (file, use) not in ALLOWED
    ] == []


def test_no_exception_outlives_its_use() -> None:
    assert set(ALLOWED) - set(found_in_rooms()) == set()


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("import os\nos.fork()", ["os.fork"]),
        ("import signal\nsignal.SIGTERM, signal.SIGKILL", ["signal.SIGKILL"]),
        ("from os import getuid", ["os.getuid"]),
        ("def f():\n    import pty", ["pty"]),
        ("loop.add_signal_handler(2, stop)", ["add_signal_handler"]),
        ("folder = '/tmp/x'", ["'/tmp/x'"]),
        ("run(preexec_fn=f)", ["preexec_fn"]),
        (
            "'''/tmp is only spoken of'''\nimport sys\nif sys.platform != 'win32':\n    os.fork()",
            [],
        ),
        ("name = os.getuid() if hasattr(os, 'getuid') else 0", []),
        ("if sys.platform != 'win32':\n    pass\nelse:\n    os.fork()", ["os.fork"]),
    ],
)
def test_it_sees_what_is_unguarded_and_nothing_else(source: str, seen: list[str]) -> None:
    assert [use for _, use in uses(ast.parse(source))] == seen


def test_every_text_file_of_ours_is_opened_with_its_encoding() -> None:
    def missing(path: Path) -> Iterator[str]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = {keyword.arg for keyword in node.keywords}
                if node.func.attr in ("read_text", "write_text") and not {"encoding"} & given:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}"

    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    assert [place for path in paths for place in missing(path)] == []
