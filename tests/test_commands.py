"""The command line as a whole: its help is true, and printing it imports nothing that is not needed."""

import subprocess
import sys
from importlib import import_module

import pytest
from typer.main import get_group

from orchestrator.cli.lazy import Lazy, loaded
from orchestrator.cli.main import Commands

NAMES = [(name, lazy) for commands in Commands.sections.values() for name, lazy in commands.items()]


@pytest.mark.parametrize(("name", "lazy"), NAMES, ids=[name for name, _ in NAMES])
def test_every_command_of_the_help_is_there(name: str, lazy: Lazy) -> None:
    command = loaded(name, lazy)
    assert command.name == name
    # The line of the help begins as the command's own help does.
    assert lazy.group or lazy.help.split()[0] == command.get_short_help_str(200).split()[0]


def test_no_command_is_missing_from_the_help() -> None:
    listed = {name for name, lazy in NAMES if not lazy.group}
    applications = {(lazy.module, lazy.attribute) for _, lazy in NAMES if not lazy.group}
    written = {
        name
        for module, attribute in applications
        for name in get_group(getattr(import_module(module), attribute)).commands
    }
    assert written == listed


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["status", "--home", "nowhere"]])
def test_help_and_an_empty_home_need_neither_model_nor_database(words: list[str]) -> None:
    code = (
        "import sys\nfrom orchestrator.cli.main import main\nsys.argv[1:] = " + repr(words) + "\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'sqlmodel', 'fastapi', 'matplotlib', 'prefect', 'pint', 'numpy', 'httpx'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
