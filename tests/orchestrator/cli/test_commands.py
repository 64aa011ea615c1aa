"""The help of the command line is true, and imports nothing that it does not need."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.main import get_group

from orchestrator.cli.lazy import Lazy, loaded
from orchestrator.cli.main import Commands, main
from tests.conftest import ASSAY_FILE

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
        "heavy = {'torch', 'sqlmodel', 'fastapi', 'matplotlib', 'prefect', 'pint', 'numpy', "
        "'httpx'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "1 は low より大きくありません(期待される値: low < high)"),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "ko"}, "1은(는) low보다 크지 않습니다"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "1 is not above low (expected low < high)"),
        ({"LANG": "sv_SE@euro"}, "1 is not above low (expected low < high)"),
        ({}, "1 is not above low (expected low < high)"),
    ],
)
def test_what_is_wrong_is_said_in_the_language_of_the_terminal(
    asked: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "campaign.yaml"
    file.write_text(ASSAY_FILE.read_text().replace("high: 1000", "high: 1"))
    monkeypatch.setattr(sys, "argv", ["wellwise", "validate", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


LIGHT = """
import sys
from importlib.abc import MetaPathFinder

ABSENT = {"torch", "botorch", "sqlmodel", "sqlalchemy", "alembic", "fastapi", "prefect", "uvicorn"}
ABSENT |= {"babel", "jinja2", "markupsafe"}

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from orchestrator.cli.main import main
main()
"""


def light(*words: str) -> subprocess.CompletedProcess[str]:
    """A command on a computer with what drivers and clients need, without the lab's packages."""
    return subprocess.run(
        [sys.executable, "-c", LIGHT, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "words", [["run", "x.yaml"], ["serve"], ["pause", "--why", "lunch"], ["show"]]
)
def test_a_command_of_the_lab_says_what_to_install(words: list[str]) -> None:
    ran = light(*words)
    assert (ran.returncode, ran.stderr) == (
        2,
        'this command needs the lab\'s packages: pip install "wellwise[lab]"\n',
    )


@pytest.mark.parametrize("locale", ["C", "ja_JP.UTF-8"])
def test_a_light_computer_checks_drivers_and_speaks_to_a_service(
    locale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    assert "manual" in light("driver", "list").stdout
    ran = light(
        "remote", "pause", "rpe", "--why", "lunch", "--url", "http://127.0.0.1:9", "--token", "t"
    )
    assert (ran.returncode, "no service answers" in ran.stderr) == (2, True)
    assert light("--version").stdout.startswith("wellwise ")
