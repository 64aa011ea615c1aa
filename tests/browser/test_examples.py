"""Every example runs to its end from a browser, with simulated people where people work."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from orchestrator.intake.past_results import read_history
from orchestrator.journal.journal import Journal
from protocols.campaign_file import read_campaign
from tests.browser.test_dashboard import Service, half, opened, service, write
from tests.conftest import ROOT

BY_HAND = ("coupling", "enzyme", "formulation", "passage", "resistance")


def of_two_rounds(text: str) -> str:
    """An example without the rounds that only cost time."""
    shorter, times = re.subn(r"(?m)^(stop:\s*\{rounds: |stop:\n  rounds: )\d+", r"\g<1>2", text)
    assert times == 1
    return shorter


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("examples")) as found:
        yield found


@pytest.mark.parametrize("name", [*BY_HAND, "chromatography", "rpe"])
def test_an_example_runs_to_its_end(
    chromium: Browser, elsewhere: list[str], running: Service, name: str
) -> None:
    text = of_two_rounds((ROOT / "examples" / name / "campaign.yaml").read_text())
    text = half(text) if name == "rpe" else text
    page = opened(chromium, elsewhere)
    page.goto(running.ready_url)
    page.goto(f"{running.url}/campaigns/new")
    page.get_by_label("Begin with").select_option(label=name)
    expect(page.get_by_role("button", name="Launch")).to_be_enabled()
    page.get_by_role("tab", name="Text").click()
    write(page, text)
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    with_people = name in BY_HAND
    if with_people:
        page.get_by_label("People are simulated, for training").check()
        name = f"{name}-simulated"
    page.get_by_role("button", name="Launch").click()
    page.wait_for_url(f"**/campaigns/{name}")
    expect(page.locator(".head .status")).to_have_text("finished")
    if with_people:
        expect(page.get_by_role("heading", level=1)).to_contain_text("(simulated people)")

    # What it exports is read back as past results: every value, in its unit.
    table = page.request.get(f"{running.url}/api/v1/campaigns/{name}/exports/wells.csv").text()
    campaign = read_campaign(text)
    read = read_history(table, "wells.csv", campaign, {})
    state = Journal(f"sqlite:///{running.home / 'journal.sqlite'}").state(name)
    wells = [well for batch in state.rounds for well in batch.wells if not well.lost]
    assert len(read) == len(wells) > 0
    assert len(state.rounds) == 2
    assert elsewhere == []
