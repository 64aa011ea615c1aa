"""The command line where the lab's packages are not installed."""

import sys

import pytest

import wellwise
from orchestrator.cli import entry


def exit_code(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of a command on a computer that has what drivers and clients need."""
    monkeypatch.setattr(entry, "_LAB", ("no_such_package",))
    monkeypatch.setattr(sys, "argv", ["wellwise", *words])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("command", ["run", "serve", "status", "no-such-command"])
def test_a_command_of_the_lab_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert exit_code(monkeypatch, command) == 2
    assert capsys.readouterr().err == 'this command needs the lab\'s packages: pip install "wellwise[lab]"\n'


def test_commands_of_drivers_work(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(monkeypatch, "driver", "list") == 0
    assert "manual" in capsys.readouterr().out


@pytest.mark.parametrize("lab", [True, False])
def test_it_says_its_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lab: bool) -> None:
    if lab:
        monkeypatch.setattr(sys, "argv", ["wellwise", "--version"])
        with pytest.raises(SystemExit):
            entry.main()
    else:
        assert exit_code(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"wellwise {wellwise.__version__}\n"


def test_a_package_that_only_a_command_needs_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacking() -> None:
        raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")

    monkeypatch.setattr(entry, "light_commands", lambda: lacking)
    assert exit_code(monkeypatch, "remote", "list") == 2
    assert "wellwise[lab]" in capsys.readouterr().err
