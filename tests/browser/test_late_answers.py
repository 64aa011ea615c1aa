"""Answers that come late, twice or in another order, after a person did the next thing.

The service is real; only when its answers arrive is decided here.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from protocols.campaign_file import read_campaign
from tests.browser.held import Held
from tests.browser.test_dashboard import opened
from tests.conftest import ASSAY_FILE, ROOT
from tests.service import House, house, listening

RESISTANCE = ROOT / "examples" / "resistance" / "campaign.yaml"


class Lab(NamedTuple):
    """Campaigns that are not run, behind a service."""

    house: House
    url: str

    def campaign(self, name: str, by_hand: bool = False) -> str:
        """One of this name with the first round planned; of one not by hand it is read."""
        file = RESISTANCE if by_hand else ASSAY_FILE
        found = read_campaign(file.read_text()).model_copy(update={"name": name})
        return self.house.campaign(found, read=not by_hand)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with house(tmp_path_factory.mktemp("late")) as found, listening(found) as url:
        yield Lab(found, url)


@pytest.fixture
def page(chromium: Browser, elsewhere: list[str], lab: Lab) -> Iterator[Page]:
    """An admin's page that hears of nothing by itself."""
    found = opened(chromium, elsewhere, permissions=["notifications"])
    found.route("**/events/stream*", lambda route: route.abort())
    found.goto(f"{lab.url}/login?token={lab.house.secrets['admin']}")
    yield found
    found.context.close()
    assert elsewhere == []


def is_part(request: Request) -> bool:
    return "x-part" in request.headers


def settled(page: Page) -> None:
    """Until what just arrived has been seen to by the page's scripts."""
    page.evaluate(
        """async () => {
            for (let frame = 0; frame < 3; frame++) {
                await new Promise((resolve) => requestAnimationFrame(resolve));
                await new Promise((resolve) => setTimeout(resolve));
            }
        }"""
    )


def arrived(page: Page, route: Route) -> None:
    """Let one request go, and its answer be seen to."""
    url = route.request.url
    with page.expect_event("requestfinished", lambda request: request.url == url):
        route.fallback()
    settled(page)


def asked(page: Page, button: str, why: str) -> None:
    """Open the dialog of a button, and confirm it."""
    page.get_by_role("button", name=button, exact=True).first.click()
    page.locator("#act-why").fill(why)
    page.locator("#act-confirm").click()


def test_of_two_wells_the_one_asked_for_last_is_shown(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/campaigns/{lab.campaign('wells')}")
    held = Held(page, "**/wells/1/1/*", is_part)
    for number in (0, 1):
        page.locator("#plates a.well.read").nth(number).click()
        held.wait(number + 1)
    last = page.locator("#plates a.well.read").nth(1).get_attribute("href") or ""
    name = last.rpartition("/")[2]
    first = held.first()
    arrived(page, held.first())
    expect(page.locator("#detail h1")).to_contain_text(name)
    arrived(page, first)
    expect(page.locator("#detail h1")).to_contain_text(name)


def test_a_well_that_was_closed_meanwhile_stays_closed(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/campaigns/{lab.campaign('closed')}")
    page.locator("#plates a.well.read").first.click()
    expect(page.locator("#detail h1")).to_be_visible()
    held = Held(page, "**/wells/1/1/*", is_part)
    page.locator("#detail").get_by_role("button", name="Exclude").click()
    page.locator("#act-why").fill("a bubble")
    page.locator("#act-confirm").click()
    held.wait()
    page.locator("#detail-close").click()
    arrived(page, held.first())
    expect(page.locator("#detail")).not_to_be_visible()


def test_what_an_earlier_dialog_sent_leaves_the_one_that_is_open_alone(
    page: Page, lab: Lab
) -> None:
    page.goto(f"{lab.url}/campaigns/{lab.campaign('dialogs')}")
    held = Held(page, "**/pause")
    asked(page, "Pause", "lunch")
    held.wait()
    page.locator("#act-cancel").click()
    page.get_by_role("button", name="File…").click()
    expect(page.locator("#act-confirm")).to_be_enabled()
    page.locator("#act-why").fill("belongs there")
    arrived(page, held.first())
    expect(page.locator(".head .status")).to_have_text("paused")
    expect(page.locator("#act-title")).to_contain_text("Project and tags")
    expect(page.locator("#act-why")).to_have_value("belongs there")
    expect(page.locator("#act")).to_be_visible()


def test_a_refusal_after_its_dialog_was_left_is_said_on_the_page(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/campaigns/{lab.campaign('refused')}")
    held = Held(page, "**/pause")
    asked(page, "Pause", "lunch")
    route = held.first()
    page.locator("#act-cancel").click()
    page.get_by_role("button", name="File…").click()
    problem = {"title": "Conflict", "detail": "it is being written", "problems": []}
    route.fulfill(status=409, content_type="application/problem+json", body=json.dumps(problem))
    expect(page.locator("#form-said")).to_have_text("Pause refused: it is being written")
    expect(page.locator("#act .problem:visible")).to_have_count(0)


def test_an_act_whose_answer_was_lost_is_done_once(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/campaigns/{lab.campaign('lost')}")
    held = Held(page, "**/pause")
    asked(page, "Pause", "lunch")
    route = held.first()
    assert "idempotent-replay" not in route.fetch().headers
    route.abort()
    expect(page.locator("#act-problem")).to_contain_text("The service does not answer")
    held.end()
    with page.expect_response("**/pause") as again:
        page.locator("#act-confirm").click()
    assert again.value.headers.get("idempotent-replay") == "true"
    expect(page.locator("#act")).not_to_be_visible()


def test_a_file_that_is_still_being_read_is_sent_with_its_act(page: Page, lab: Lab) -> None:
    page.add_init_script(
        """const read = Blob.prototype.text;
        Blob.prototype.text = function () {
            return new Promise((resolve) => { window.letRead = () => resolve(read.call(this)); });
        };"""
    )
    page.goto(f"{lab.url}/campaigns/{lab.campaign('files', by_hand=True)}")
    page.get_by_text("More", exact=True).click()
    page.locator("button[data-act=upload_readings]").click()
    table = "round,plate,well,resistance\n1,1,A1,200\n"
    file = {"name": "ohms.csv", "mimeType": "text/csv", "buffer": table.encode()}
    page.locator("#act-csv-file").set_input_files(file)  # type: ignore[arg-type]
    page.locator("#act-why").fill("probe 3")
    page.locator("#act-confirm").click()
    settled(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.evaluate("letRead()")
    expect(page.locator("#act")).not_to_be_visible()
    assert [json.loads(body)["csv"] for body in sent if body] == [table]


def test_a_slow_page_is_shown_though_more_news_came_meanwhile(page: Page, lab: Lab) -> None:
    campaign = lab.campaign("slow")
    page.goto(f"{lab.url}/campaigns/{campaign}")
    lab.house.client("operator").post(
        f"/api/v1/campaigns/{campaign}/pause", json={"why": "lunch"}
    ).raise_for_status()
    held = Held(page, f"**/campaigns/{campaign}", is_part)
    page.evaluate("void refresh()")
    first = held.first()
    page.evaluate("void refresh()")
    first.fallback()
    expect(page.locator(".head .status")).to_have_text("paused")
    held.end()


def test_what_somebody_entered_meanwhile_is_told_though_more_news_came(
    page: Page, lab: Lab
) -> None:
    campaign = lab.campaign("overtaken", by_hand=True)
    page.goto(f"{lab.url}/campaigns/{campaign}/values")
    page.get_by_label("Resistance (ohm) of plate 1 A1").fill("5")
    page.get_by_label("How it was measured").fill("probe 3")
    body = {"csv": "round,plate,well,resistance\n1,1,A1,70\n", "why": "probe 1"}
    client = lab.house.client("operator")
    client.post(f"/api/v1/campaigns/{campaign}/readings", json=body).raise_for_status()
    held = Held(page, "**/values", is_part)
    page.get_by_role("button", name="Save the values").click()
    first = held.first()
    page.evaluate("void refresh()")
    first.fallback()
    expect(page.locator("#problem-1-A1")).to_contain_text("Meanwhile somebody entered 70 here")
    held.end()


def test_a_value_that_is_changed_while_it_is_saved_is_saved_after_it(page: Page, lab: Lab) -> None:
    campaign = lab.campaign("changed", by_hand=True)
    page.goto(f"{lab.url}/campaigns/{campaign}/values")
    field = page.get_by_label("Resistance (ohm) of plate 1 A1")
    field.fill("50")
    page.get_by_label("How it was measured").fill("probe 3")
    held = Held(page, "**/readings")
    page.get_by_role("button", name="Save the values").click()
    route = held.first()
    field.fill("51")
    page.get_by_label("How it was measured").fill("misread")
    page.get_by_role("button", name="Save the values").click()
    held.end()
    route.fallback()
    expect(page.locator("#changed")).to_have_text("")
    expect(field).to_have_value("51")
    state = lab.house.backend.journal.state(campaign)
    [well] = [well for well in state.rounds[0].wells if well.well.name == "A1"]
    assert well.value == 51


def test_the_focus_is_not_taken_from_a_field_in_which_a_person_writes(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/campaigns/{lab.campaign('focus', by_hand=True)}/values")
    page.get_by_label("Resistance (ohm) of plate 1 A1").fill("much")
    page.get_by_label("How it was measured").fill("probe 3")
    held = Held(page, "**/readings")
    page.get_by_role("button", name="Save the values").click()
    held.wait()
    other = page.get_by_label("Resistance (ohm) of plate 1 A2")
    other.click()
    arrived(page, held.first())
    expect(page.locator("#problem-1-A1")).to_contain_text("'much' is no number")
    expect(other).to_be_focused()


def test_what_the_model_found_is_asked_for_again_where_no_answer_came(page: Page, lab: Lab) -> None:
    held = Held(page, "**/insight")
    page.goto(f"{lab.url}/campaigns/{lab.campaign('model')}")
    held.first().fulfill(status=503, body="")
    settled(page)
    page.evaluate("refresh()")
    held.first().fulfill(body="<p>found</p>", content_type="text/html")
    expect(page.locator("#insight")).to_have_text("found")


def test_a_browser_says_that_it_tells_once_it_knows_what_is_new(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/needs")
    held = Held(page, "**/api/v1/needs")
    page.locator("#tell-me").click()
    route = held.first()
    expect(page.locator("#tell-me")).to_have_text("Tell me in this browser")
    route.fallback()
    expect(page.locator("#tell-me")).to_have_text("This browser tells me")
    page.evaluate("localStorage.clear()")


def test_a_service_that_does_not_answer_for_a_while_makes_no_news(page: Page, lab: Lab) -> None:
    assay = read_campaign(ASSAY_FILE.read_text())
    lab.house.campaign(assay.model_copy(update={"name": "waits"}), proposed=True)
    page.add_init_script(
        """window.told = [];
        window.Notification = class { static permission = "granted";
            constructor(title) { told.push(title); } };
        localStorage.setItem("wellwise tells me", "yes");"""
    )
    held = Held(page, "**/api/v1/needs")
    page.goto(f"{lab.url}/needs")
    arrived(page, held.first())
    page.evaluate("refresh()")
    held.first().fulfill(status=503, body="")
    settled(page)
    lab.house.campaign(assay.model_copy(update={"name": "new"}), proposed=True)
    page.evaluate("refresh()")
    arrived(page, held.first())
    assert page.evaluate("told") == ["A person is needed: new"]
    page.evaluate("localStorage.clear()")


def test_a_button_stays_where_it_is_while_it_is_held_down(page: Page, lab: Lab) -> None:
    campaign = lab.campaign("finger")
    page.goto(f"{lab.url}/campaigns/{campaign}")
    held = Held(page, f"**/campaigns/{campaign}", is_part)
    page.evaluate("void refresh()")
    route = held.first()
    page.get_by_role("button", name="Pause", exact=True).hover()
    page.mouse.down()
    answer = route.fetch()
    route.fulfill(response=answer, body="<h1>News</h1>" * 4 + answer.text())
    settled(page)
    page.mouse.up()
    expect(page.locator("#act-title")).to_have_text(f"Pause {campaign}")
    expect(page.locator("h1", has_text="News")).to_have_count(4)
    held.end()


def test_a_token_is_made_once_however_often_it_is_pressed(page: Page, lab: Lab) -> None:
    page.goto(f"{lab.url}/access")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_label("For", exact=True).fill("eve")
    page.get_by_role("button", name="Make", exact=True).dblclick()
    expect(page.locator("#token-made")).to_be_visible()
    settled(page)
    assert sent.count("POST") == 1


def test_a_language_that_is_chosen_before_the_scripts_are_there_is_taken(
    page: Page, lab: Lab
) -> None:
    held = Held(page, "**/static/language.js")
    page.goto(f"{lab.url}/robots", wait_until="commit")
    page.locator("#language").select_option("ko")
    held.first().fallback()
    held.end()
    expect(page.get_by_role("heading", level=1)).to_have_text("로봇")
