"""The campaign builder on a slow network and in two tabs: nothing that was begun is lost."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.builder_page import example, part, text_of, thing
from tests.browser.held import Held
from tests.browser.test_dashboard import opened
from tests.browser.test_late_answers import Lab, arrived, lab
from tests.conftest import RPE_FILE

__all__ = ["lab"]


@pytest.fixture
def page(chromium: Browser, elsewhere: list[str], lab: Lab) -> Iterator[Page]:
    """The builder, of somebody who has no draft yet."""
    found = opened(chromium, elsewhere)
    found.goto(f"{lab.url}/login?token={lab.house.secrets['operator']}&next=/campaigns/new")
    yield found
    found.context.close()
    assert elsewhere == []


def test_what_was_begun_while_an_earlier_campaign_was_asked_for_stays(page: Page, lab: Lab) -> None:
    campaign = lab.campaign("earlier")
    page.reload()
    held = Held(page, "**/exports/campaign.yaml")
    page.get_by_label("or as").select_option(campaign)
    route = held.first()
    page.get_by_role("button", name="or empty").click()
    part(page, "Campaign").get_by_label("title").fill("My own")
    arrived(page, route)
    expect(part(page, "Campaign").get_by_label("title")).to_have_value("My own")
    # The same where the page itself was opened with an earlier one.
    page.goto(f"{lab.url}/campaigns/new?from={campaign}", wait_until="commit")
    route = held.first()
    page.get_by_role("button", name="or empty").click()
    part(page, "Campaign").get_by_label("title").fill("My other")
    arrived(page, route)
    expect(part(page, "Campaign").get_by_label("title")).to_have_value("My other")


def test_what_was_begun_while_another_was_launched_stays_a_draft(page: Page, lab: Lab) -> None:
    page.get_by_role("button", name="or empty").click()
    part(page, "Campaign").get_by_label("name", exact=True).fill("first")
    expect(page.locator("#findings")).to_contain_text("The file is valid.")
    held = Held(page, "**/api/v1/campaigns")
    page.get_by_role("button", name="Launch", exact=True).click()
    route = held.first()
    example(page, "coupling")
    part(page, "Campaign").get_by_label("title").fill("My next study")
    held.end()
    route.fallback()
    page.wait_for_url("**/campaigns/first")
    page.goto(f"{lab.url}/campaigns/new")
    expect(page.get_by_text("My next study")).to_be_visible()


def test_what_is_written_while_outcomes_are_rewritten_stays(page: Page) -> None:
    page.get_by_role("button", name="or empty").click()
    page.get_by_role("tab", name="Text").click()
    page.get_by_role("textbox", name="Campaign file").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(RPE_FILE.read_text())
    page.get_by_role("tab", name="Form").click()
    held = Held(page, "**/campaigns/migrate")
    page.get_by_role("button", name="Rewrite outcomes").click()
    route = held.first()
    part(page, "Campaign").get_by_label("title").fill("Another title")
    held.end()
    arrived(page, route)
    expect(page.get_by_role("button", name="Rewrite outcomes")).to_have_count(0)
    assert "title: Another title" in text_of(page)


def test_the_form_comes_though_the_service_did_not_answer_at_first(page: Page, lab: Lab) -> None:
    held = Held(page, "**/api/v1/vocabulary")
    page.goto(f"{lab.url}/campaigns/new")
    page.get_by_role("button", name="or empty").click()
    route = held.first()
    held.end()
    route.abort()
    expect(part(page, "Plates").get_by_label("labware")).to_be_visible()


def test_a_preview_that_comes_before_the_vocabulary_is_shown(page: Page, lab: Lab) -> None:
    held = Held(page, "**/api/v1/vocabulary")
    page.goto(f"{lab.url}/campaigns/new")
    page.get_by_role("button", name="or empty").click()
    expect(page.locator("#preview")).to_contain_text("Layout of round 1")
    held.first().fallback()
    expect(part(page, "Plates").get_by_label("labware")).to_be_visible()
    expect(page.locator("#preview")).to_have_count(1)


def test_the_focus_goes_on_from_a_name_that_was_changed(page: Page) -> None:
    page.get_by_role("button", name="or empty").click()
    name = thing(part(page, "Robots"), "robot bench").get_by_label("name", exact=True)
    name.fill("reactor")
    name.press("Tab")
    robot = thing(part(page, "Robots"), "robot reactor")
    expect(robot.get_by_label("driver")).to_be_focused()


def test_a_name_that_is_being_written_outlives_a_reload(page: Page) -> None:
    page.get_by_role("button", name="or empty").click()
    name = thing(part(page, "Parameters"), "parameter amount").get_by_label("name", exact=True)
    name.fill("catalyst")
    page.reload()
    expect(thing(part(page, "Parameters"), "parameter catalyst")).to_be_visible()


def test_two_tabs_of_one_draft_show_the_same_and_lose_nothing(page: Page) -> None:
    example(page, "formulation")
    part(page, "Campaign").get_by_label("title").fill("My own cream")
    page.reload()
    other = page.context.new_page()
    other.goto(page.url)
    expect(part(other, "Campaign").get_by_label("title")).to_have_value("My own cream")
    part(page, "Campaign").get_by_label("title").fill("Our cream")
    expect(part(other, "Campaign").get_by_label("title")).to_have_value("Our cream")
    part(other, "Campaign").get_by_label("name", exact=True).fill("our-cream")
    expect(part(page, "Campaign").get_by_label("name", exact=True)).to_have_value("our-cream")
    assert "title: Our cream" in text_of(page)
    other.close()
