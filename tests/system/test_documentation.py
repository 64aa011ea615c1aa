"""What the pages name is there; their links are followed by `make docs`."""

import re

import pytest

from tests.conftest import ROOT

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
