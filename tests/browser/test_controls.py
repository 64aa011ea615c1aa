"""What a button says is what it does: every control pressed twice, in two browsers at once."""

import pytest
from playwright.sync_api import Browser, Page, expect

from orchestrator.control.table import ACTS
from orchestrator.journal.journal import Journal
from tests.browser.test_checklists import launched, running
from tests.browser.test_dashboard import Service, opened

__all__ = ["running"]

PATHS = {act.name: act.path for act in ACTS} | {"stop_now": "stop-now"}


def press(page: Page, name: str) -> None:
    """Have the focus on a button and press it by the keyboard, which leaves the focus there."""
    button = page.locator(f"main button[data-act={name}]").first
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#act")).to_be_visible()


def confirmed(page: Page, path: str, why: str) -> None:
    """Confirm the dialog, and close it where it was refused."""
    page.locator("#act-why").fill(why)
    with page.expect_response(f"**/campaigns/gils-salts/{path}") as answered:
        page.locator("#act-confirm").click()
    expect(page.locator("#act-confirm")).to_be_enabled()
    if not answered.value.ok:
        page.locator("#act-cancel").click()
    expect(page.locator("#act")).not_to_be_visible()


def each_does_what_it_says(page: Page) -> set[str]:
    """Open the dialog of every button twice; the names of the acts."""
    names = set()
    for button in page.locator("main button[data-act]:visible").all():
        name, url = button.get_attribute("data-act") or "", button.get_attribute("data-url") or ""
        assert url.endswith(f"/{PATHS[name].rpartition('/')[2]}"), (name, url)
        for _ in range(2):
            button.focus()
            page.keyboard.press("Enter")
            expect(page.locator("#act-title")).to_have_text(
                button.get_attribute("data-title") or ""
            )
            label = button.inner_text().replace("…", "")
            expect(page.locator("#act-confirm")).to_have_text(label)
            page.locator("#act-cancel").click()
        names.add(name)
    return names


@pytest.mark.reproduction("G")
def test_a_button_does_what_it_says_whatever_another_browser_does_meanwhile(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    one = opened(chromium, elsewhere)
    launched(one, running, "gil")
    two = opened(chromium, elsewhere, storage_state=one.context.storage_state())
    for page in (one, two):
        page.goto(f"{running.url}/campaigns/gils-salts")
        expect(page.locator(".head .status")).to_have_text("running")
        page.wait_for_load_state()
        assert {"pause", "abort", "stop_now"} <= each_does_what_it_says(page)

    # The second has the dialog of Pause open while the first pauses.
    press(two, "pause")
    press(one, "pause")
    confirmed(one, "pause", "the first time")
    for page in (one, two):
        expect(page.locator(".head .status")).to_have_text("paused")
        expect(page.locator("main button[data-act=pause]")).to_have_count(0)
    expect(two.locator("#act-title")).to_have_text("Pause gils-salts")
    confirmed(two, "pause", "the second time")
    for page in (one, two):
        expect(page.locator(".head .status")).to_have_text("paused")
        names = each_does_what_it_says(page)
        assert "resume" in names
        assert "pause" not in names

    # Whoever presses the same place again resumes, because it says so.
    press(one, "resume")
    press(two, "resume")
    confirmed(two, "resume", "looked at it")
    for page in (one, two):
        expect(page.locator(".head .status")).to_have_text("running")
    confirmed(one, "resume", "looked at it too")
    for page in (one, two):
        expect(page.locator(".head .status")).to_have_text("running")
        assert "pause" in each_does_what_it_says(page)
    done = [
        (event.kind, event.message)
        for event in Journal(f"sqlite:///{running.home / 'journal.sqlite'}").events("gils-salts")
        if event.kind in ("campaign_paused", "campaign_running")
    ]
    assert done == [
        ("campaign_paused", "the first time"),
        ("campaign_running", "looked at it"),
    ]
    assert elsewhere == []


def test_a_search_that_is_being_put_together_stays_when_news_comes(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    page = opened(chromium, elsewhere)
    launched(page, running, "gus")
    page.goto(running.url)
    page.get_by_role("searchbox").fill("salts")
    page.get_by_label("State").select_option("paused")
    page.get_by_role("heading", level=1).click()
    page.evaluate("refresh()")
    expect(page.get_by_role("searchbox")).to_have_value("salts")
    expect(page.get_by_label("State")).to_have_value("paused")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("0 campaigns")).to_be_visible()
