"""From the README to a first campaign of one's own: at the command line, in Python, on the pages.

Each thing that a person does is a step, each text that a person writes a file; both are counted, so
that a way that gets longer is seen. What is typed is what the README and the programs say.
"""

import csv
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests.browser.builder_page import part, thing
from tests.browser.test_dashboard import opened, service
from tests.conftest import ROOT
from tests.program import PROGRAM, line_with

README = (ROOT / "README.md").read_text(encoding="utf-8")
ANSWERS = {
    "What is studied": "Yield of an ester",
    "What is measured": "Yield",
    "Its unit": "percent",
    "Is it to be high": "high",
    "Name": "Temperature",
    "Its unit of what varies": "degC",
    "Its values": "40 to 90 by 10",
    "Today's value": "60",
    "no more": "",
    "How many samples": "4",
    "How many times": "2",
}
"""What `wellwise new` asks, in its order, and what somebody answers."""


class Way:
    """What a person does, step by step, and what a person writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[str] = []
        self.files: list[Path] = []

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        self.steps.append(what)
        yield

    def begins(self, line: str) -> subprocess.Popen[str]:
        """A command as it stands in the README, or in what was printed last."""
        words = line.split()
        assert words[0] == "wellwise"
        self.steps.append(line)
        return subprocess.Popen(
            [str(PROGRAM), *words[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=os.environ | {"WELLWISE_HOME": str(self.folder / "home")},
        )

    def types(self, line: str, answers: str = "") -> str:
        """The same, and wait for its end."""
        done = self.begins(line)
        printed, _ = done.communicate(answers)
        assert done.returncode == 0, printed
        return printed

    def writes(self, name: str, text: str) -> None:
        with self.step(f"writes {name}"):
            (self.folder / name).write_text(text, encoding="utf-8")
            self.files.append(self.folder / name)

    def was(self, name: str, steps: int, files: int) -> None:
        print(f"{name}: {len(self.steps)} steps, {len(self.files)} files")
        assert len(self.steps) <= steps, self.steps
        assert len(self.files) <= files, self.files


def measured(well: dict[str, str]) -> float:
    """What somebody finds: best at 70 degC."""
    (temperature,) = (float(value) for name, value in well.items() if name.startswith("temp"))
    return round(90 - (temperature - 70) ** 2 / 20, 1)


def test_by_hand_at_the_command_line(tmp_path: Path) -> None:
    way = Way(tmp_path)
    assert "wellwise new mine.yaml" in README
    said = way.types("wellwise new mine.yaml", "\n".join(ANSWERS.values()) + "\n")
    assert "wellwise run mine.yaml" in said
    going = way.begins("wellwise run mine.yaml")
    for number in (1, 2):
        listing = re.search(
            r"wellwise manual list \w+",
            line_with(going, f"/r{number}/p1/prepare/1: waits for person"),
        )
        assert listing
        said = way.types(listing[0])
        confirm = re.search(r"wellwise manual confirm \S+ \S+", said)
        assert confirm, said
        way.types(confirm[0])
        line_with(going, f"round {number} waits for the values")
        going.communicate()
        table = tmp_path / "home" / "campaigns" / "yield_of_an_ester" / "wells.csv"
        with table.open() as file:
            wells = [row for row in csv.DictReader(file) if row["round"] == str(number)]
        rows = [f"{number},{w['plate']},{w['well']},{measured(w)}" for w in wells]
        way.writes(f"round-{number}.csv", "\n".join(["round,plate,well,yield", *rows]))
        way.types(f"wellwise enter-values round-{number}.csv yield_of_an_ester --why balance")
        going = way.begins("wellwise resume yield_of_an_ester")
    printed, _ = going.communicate()
    assert going.returncode == 0, printed
    said = way.types("wellwise show")
    assert re.search(r"Temperature .* 70 .* 60 ", said), said
    way.was("by hand at the command line", steps=14, files=2)


def test_in_python(tmp_path: Path) -> None:
    way = Way(tmp_path)
    block = README.partition("## Ten lines of Python\n")[2].partition("\n## ")[0]
    lines = [line[4:] for line in block.splitlines() if line.startswith("    ")]
    for line in lines:
        if line.strip():
            way.steps.append(line)
    names: dict[str, Any] = {"measure": lambda condition: float(condition["temperature"])}
    exec("\n".join(lines), names)
    assert names["best"].condition["temperature"] > 70
    way.was("in Python", steps=10, files=0)


def test_on_the_pages(tmp_path: Path, chromium: Browser, elsewhere: list[str]) -> None:
    way = Way(tmp_path)
    with service(tmp_path) as running:
        page = opened(chromium, elsewhere)
        with way.step("follows the link that `wellwise serve` printed"):
            page.goto(running.ready_url)
        with way.step("presses New campaign"):
            page.get_by_role("link", name="New campaign").click()
        with way.step("begins empty"):
            page.get_by_role("button", name="or empty").click()
        with way.step("names it"):
            campaign = part(page, "Campaign")
            campaign.get_by_label("name", exact=True).fill("ester")
            campaign.get_by_label("title").fill("Yield of an ester")
        with way.step("says what varies"):
            amount = thing(part(page, "Parameters"), "parameter amount")
            amount.get_by_label("title").fill("Acid catalyst")
            amount.get_by_label("high").fill("80")
        expect(page.locator("#findings")).to_contain_text("The file is valid.")
        with way.step("launches it"):
            page.get_by_role("button", name="Launch", exact=True).click()
        page.wait_for_url("**/campaigns/ester")
        expect(page.get_by_role("heading", level=1)).to_have_text("Yield of an ester")
        page.context.close()
    way.was("on the pages", steps=6, files=0)
    assert elsewhere == []
