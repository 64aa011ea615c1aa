"""Charts on a slow machine: what a person does while they are drawn anew is done, and stays."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.held import Held
from tests.browser.test_dashboard import opened
from tests.browser.test_late_answers import Lab, lab

__all__ = ["lab"]

NEWS = "(charts) => { charts.figure.removeAttribute('aria-label'); charts.dataset.key = 'news'; }"
FOCUSED = "(charts) => charts.shadowRoot.activeElement?.getAttribute('aria-label')"


@pytest.fixture
def page(chromium: Browser, elsewhere: list[str], lab: Lab) -> Iterator[Page]:
    found = opened(chromium, elsewhere)
    found.route("**/events/stream*", lambda route: route.abort())
    found.goto(f"{lab.url}/login?token={lab.house.secrets['viewer']}")
    yield found
    found.context.close()
    assert elsewhere == []


def drawn(charts: Locator, tab: str) -> None:
    """Until a chart of this title is there."""
    expect(charts.locator(".figure")).to_have_attribute("aria-label", re.compile(f"^{tab}"))
    expect(charts.locator(".figure")).to_have_attribute("aria-busy", "false")


def shown(page: Page, lab: Lab, name: str, tab: str) -> Locator:
    page.goto(f"{lab.url}/campaigns/{lab.campaign(name)}")
    charts = page.locator("campaign-charts")
    charts.scroll_into_view_if_needed()
    charts.get_by_role("tab", name=tab).click()
    drawn(charts, tab)
    return charts


def test_a_chart_that_is_saved_while_it_is_drawn_is_saved_once_it_is(page: Page, lab: Lab) -> None:
    held = Held(page, "**/vendor/vega.min.js")
    page.goto(f"{lab.url}/campaigns/{lab.campaign('save')}")
    charts = page.locator("campaign-charts")
    charts.scroll_into_view_if_needed()
    route = held.first()
    with page.expect_download() as download:
        charts.get_by_role("button", name="Save the chart as SVG").click()
        route.fallback()
    assert "<svg" in download.value.path().read_text(encoding="utf-8")


def test_the_chart_that_was_turned_to_stays_when_its_place_moves(page: Page, lab: Lab) -> None:
    charts = shown(page, lab, "moved", "Scatter")
    charts.evaluate(
        "(it) => { it.figure.removeAttribute('aria-label'); it.parentElement.append(it); }"
    )
    drawn(charts, "Scatter")
    expect(charts.get_by_role("tab", name="Scatter")).to_have_attribute("aria-selected", "true")


def test_the_value_that_has_the_focus_keeps_it_when_new_results_come(page: Page, lab: Lab) -> None:
    charts = shown(page, lab, "keys", "Best so far")
    charts.get_by_role("tab", name="Best so far").focus()
    for key in ("Tab", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    value = charts.evaluate(FOCUSED)
    charts.evaluate(NEWS)
    drawn(charts, "Best so far")
    assert charts.evaluate(FOCUSED) == value
    page.keyboard.press("ArrowRight")
    assert charts.evaluate(FOCUSED) != value


def test_new_results_wait_until_a_drag_is_over(page: Page, lab: Lab) -> None:
    charts = shown(page, lab, "drag", "Outcomes by round")
    held = Held(page, "**/charts/**")
    frame = charts.locator("svg.marks .root > g > path.background").first.bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + 5, frame["y"] + 5)
    page.mouse.down()
    page.mouse.move(frame["x"] + 40, frame["y"] + 40, steps=3)
    charts.evaluate(NEWS)
    # A timer that ends after the one with which charts wait for further news.
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 400))")
    assert held.number == 0
    page.mouse.up()
    held.wait()
    held.end()
    drawn(charts, "Outcomes by round")
