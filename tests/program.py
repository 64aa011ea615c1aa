"""The program as a person calls it."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from orchestrator.cli.main import main
from tests.conftest import ROOT

PROGRAM = Path(sys.executable).with_name("wellwise")


def wellwise(
    *words: object, home: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """What a command prints.

    `run` and `resume`, which start Prefect's server, are processes of their own.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PREFECT")
    }
    environment |= variables
    if home is not None:
        environment["WELLWISE_HOME"] = str(home)
    arguments = [str(PROGRAM), *map(str, words)]
    if arguments[1] in ("run", "resume"):
        return subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
            timeout=400,
            check=False,
        )
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", arguments),
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def line_with(running: subprocess.Popen[str], wanted: str) -> str:
    """The first line of a process with a text; the error of one that ended before has all of it."""
    assert running.stdout is not None
    seen = []
    for line in running.stdout:
        seen.append(line)
        if wanted in line:
            return line
    raise AssertionError(f"no {wanted!r} in:\n{''.join(seen)}")
