"""What the pages name is there; their links are followed by `make docs`."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.cli.lazy import loaded
from orchestrator.cli.main import Commands
from tests.conftest import ROOT
from tests.system.reproductions import POINTS, marked

PAGES = [
    "CONTRIBUTING.md",
    "README.md",
    "docs/explanation/architecture.md",
    "docs/reference/driver-contract.md",
]
TO_COME = {"optimizer/strategies/"}
"""What one file holds today."""

_PATH = re.compile(
    r"`((?:protocols|optimizer|drivers|simulators|orchestrator|wellwise|tests|docs|examples)/[\w/.*-]*)"
)


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    named = set(_PATH.findall((ROOT / page).read_text(encoding="utf-8")))
    assert {path for path in named - TO_COME if not any(ROOT.glob(path))} == set()


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "README.md"])
def test_every_link_of_a_page_at_the_top_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_decision_has_a_status_and_a_line_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "index.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("0*.md")):
        title, _, rest = page.read_text(encoding="utf-8").partition("\n")
        number, _, name = title.removeprefix("# ").partition(". ")
        status = re.match(r"\nStatus: (accepted|replaced by \[decision (\d+)\])", rest)
        assert status, f"{page.name} has no status"
        word = f"replaced by decision {status[2]}" if status[2] else "accepted"
        assert f"| {number} | [{name}]({page.name}) | {word} |" in index
        assert page.name.startswith(f"{int(number):04}-")


def test_every_point_of_what_once_went_wrong_has_a_test() -> None:
    found = marked()
    assert found.keys() == POINTS.keys()
    assert "tests/system/test_crash.py::test_a_mishap_does_no_harm" in found["A1"]


def _block(heading: str) -> str:
    """The indented block below a heading of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    below = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return "\n".join(line[4:] for line in below.splitlines() if line.startswith("    "))


def test_the_ten_lines_of_python_run_as_they_are_typed() -> None:
    def measure(condition: Mapping[str, float | str]) -> float:
        return float(condition["temperature"]) / 80 + (condition["solvent"] == "THF")

    names: dict[str, Any] = {"measure": measure}
    exec(_block("Ten lines of Python"), names)
    assert names["best"].condition["solvent"] == "THF"
    assert names["best"].condition["temperature"] > 70


def test_the_ten_lines_of_shell_name_commands_and_options_that_are_there() -> None:
    known = {
        name: lazy for commands in Commands.sections.values() for name, lazy in commands.items()
    }
    lines = [line.partition("#")[0].split() for line in _block("Ten lines of shell").splitlines()]
    ours = [words[1:] for words in lines if words[0] == "wellwise"]
    assert len(ours) == len(lines) - 1 == 9
    for name, *words in ours:
        options = {option for p in loaded(name, known[name]).params for option in p.opts}
        assert {word for word in words if word.startswith("--")} <= options, name
