"""People at the bench: a campaign by hand on a touch screen, by the keyboard, and two at once.

The service, its engine and the browser are real; only the hands are played.
"""

import io
import re
from collections.abc import Iterator

import pytest
from PIL import Image as Picture
from playwright.sync_api import Browser, Page, expect

from orchestrator.journal.journal import Journal
from tests.browser.held import Held
from tests.browser.test_dashboard import (
    Service,
    accessible,
    opened,
    service,
)
from tests.by_hand import FILL, LOOK, TEXT, WEIGH
from tests.conftest import ROOT

TABLET = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("bench")) as found:
        yield found


def launched(page: Page, running: Service, person: str, text: str = TEXT) -> None:
    """Sign in with the first token, and launch a campaign by hand for a person."""
    page.goto(running.ready_url)
    text = text.replace("name: salts", f"name: {person}s-salts").replace("ada", person)
    status = page.evaluate(
        """async (file) => {
            const headers = {"Content-Type": "application/json",
                             "X-CSRF-Token": document.body.dataset.csrf};
            const answer = await fetch("/api/v1/campaigns",
                {method: "POST", headers, body: JSON.stringify({file})});
            return answer.status;
        }""",
        text,
    )
    assert status == 201


def work_on(page: Page, running: Service, person: str, job: str) -> None:
    """Wait until a job is on a person's table, and open it."""
    page.goto(f"{running.url}/checklists")
    page.locator(f"a[href='/checklists/{person}/{person}s-{job}']").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("plate 1 of round 1")
    page.wait_for_load_state()


def image(kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Picture.effect_noise((60, 60), 60).convert("RGB").save(out, kind)
    return out.getvalue()


def least_target(page: Page) -> float:
    """The smallest height of what a finger may be meant to hit, in px."""
    found: float = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll(
            "main button, main .button, main .tick, main select, main summary, main textarea, " +
            "main input:not([type=checkbox], .hidden)")]
            .filter((one) => one.checkVisibility())
            .map((one) => one.getBoundingClientRect().height))"""
    )
    return found


def test_a_campaign_by_hand_is_done_to_its_end_on_a_tablet(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    page = opened(chromium, elsewhere, **TABLET)
    launched(page, running, "ada")
    work_on(page, running, "ada", FILL)
    accessible(page, "a checklist")
    assert least_target(page) >= 44

    # The scanner types; what is ticked survives a reload.
    page.get_by_label("Barcode of the plate").fill("salts/r9/p1\n")
    page.get_by_role("button", name="Check").tap()
    expect(page.locator("#scan-said")).to_have_text(
        "This is NOT the plate: the code says salts/r9/p1."
    )
    page.get_by_label("Barcode of the plate").fill("ADAS-SALTS/r1/p1")
    page.get_by_role("button", name="Check").tap()
    expect(page.locator("#scan-said")).to_have_text("This is the plate.")
    page.evaluate("refresh()")
    expect(page.locator("#scan-said")).to_have_text("This is the plate.")
    page.get_by_label("carry the plate to the hood").tap()
    page.get_by_label("A1 add 500 uL water").tap()
    page.reload()
    expect(page.get_by_label("A1 add 500 uL water")).to_be_checked()
    page.get_by_role("button", name="Confirm 2 items").tap()
    expect(page.locator("#checklist .meter")).to_contain_text("2 of 7 items")
    page.get_by_role("button", name="Confirm all 2 that are left").tap()
    expect(page.locator("#checklist .meter")).to_contain_text("4 of 7 items")

    # A well that goes wrong needs nothing more, now and later.
    page.get_by_role("button", name="It went wrong").tap()
    expect(page.locator("#wrong-problem")).to_have_text("Which well?")
    page.get_by_role("combobox", name="Well").select_option("A3")
    page.get_by_label("What happened").fill("spilt")
    page.get_by_role("button", name="It went wrong").tap()
    expect(page.locator("#item-7")).to_contain_text("not needed: spilt")
    page.get_by_role("link", name="By well").tap()
    page.get_by_role("group", name="A1").get_by_role("checkbox").tap()
    page.get_by_role("group", name="A2").get_by_role("checkbox").tap()
    page.get_by_role("button", name="Confirm 2 items").tap()
    expect(page.locator("#over")).to_contain_text("It is done since")
    page.get_by_role("link", name="What comes next").tap()

    # Numbers out of a spreadsheet, seen before they are saved; a refused one is not lost.
    work_on(page, running, "ada", WEIGH)
    expect(page.locator(".item")).to_have_count(2)
    page.get_by_text("Paste from a spreadsheet").tap()
    page.get_by_label("Wells and values").fill("A1\t11,5\nA2\t13\nB1\t9")
    page.get_by_role("button", name="Fill in").tap()
    expect(page.locator("#form-said")).to_contain_text("Filled in: A1, A2. Left out: B1.")
    expect(page.get_by_label("A1 weigh")).to_have_value("11.5")
    page.get_by_label("A2 weigh").fill("about 13")
    page.get_by_role("button", name="Save the numbers").tap()
    expect(page.locator("#problem-2")).to_have_text(
        "'about 13' is no number (expected a number such as 12.5)"
    )
    expect(page.get_by_label("A2 weigh")).to_have_value("about 13")
    accessible(page, "a refused number")
    page.reload()
    expect(page.get_by_label("A1 weigh")).to_have_value("11.5")
    page.get_by_label("A2 weigh").fill("13,5")
    page.get_by_role("button", name="Save the numbers").tap()
    expect(page.locator("#over")).to_be_visible()

    # A reader's table of the plate, and a photo of each well.
    work_on(page, running, "ada", LOOK)
    page.get_by_label("or paste its table").fill("well,value\nA1,0.5\n")
    page.get_by_role("button", name="Save the table").tap()
    expect(page.locator("#problem-1")).to_contain_text("the table says nothing of A2")
    page.get_by_label("or paste its table").fill("well,value\nA1,0.5\nA2,0.7\n")
    page.get_by_role("button", name="Save the table").tap()
    expect(page.locator("#item-1")).to_contain_text("a table of 2 wells")
    photo = {"name": "a1.txt", "mimeType": "image/png", "buffer": b"no picture"}
    page.get_by_label("Image of A1").set_input_files(photo)  # type: ignore[arg-type]
    expect(page.locator("#problem-2")).to_contain_text("the image of A1 cannot be read")
    # The second is chosen while the first is still on its way.
    for well in ("A1", "A2"):
        photo = {"name": f"{well}.png", "mimeType": "image/png", "buffer": image()}
        page.get_by_label(f"Image of {well}").set_input_files(photo)  # type: ignore[arg-type]
    expect(page.locator("#over")).to_be_visible()
    page.goto(f"{running.url}/campaigns/adas-salts")
    expect(page.locator(".head .status")).to_have_text("finished")

    state = Journal(f"sqlite:///{running.home / 'journal.sqlite'}").state("adas-salts")
    values = {well.well.name: (well.value, well.lost) for well in state.rounds[0].wells}
    assert values == {"A1": (11.5, ""), "A2": (13.5, ""), "A3": (None, "step fill: spilt")}
    assert elsewhere == []


def test_what_is_ticked_before_the_scripts_of_a_slow_network_are_there_stays_ticked(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    page = opened(chromium, elsewhere, **TABLET)
    launched(page, running, "fay")
    work_on(page, running, "fay", FILL)
    held = Held(page, "**/static/checklist.js")
    page.goto(page.url + "?by=well", wait_until="commit")
    page.get_by_role("group", name="A1").get_by_role("checkbox").first.tap()
    page.get_by_label("What happened").fill("a scratch")
    expect(page.locator("#confirm-ticked")).to_be_disabled()
    held.first().fallback()
    page.wait_for_load_state()
    page.get_by_role("group", name="A2").get_by_role("checkbox").first.tap()
    expect(page.get_by_role("button", name="Confirm 2 items")).to_be_enabled()
    held.end()
    page.reload()
    expect(page.get_by_role("button", name="Confirm 2 items")).to_be_enabled()
    expect(page.get_by_label("What happened")).to_have_value("a scratch")


def test_what_is_pressed_before_the_scripts_of_a_slow_network_are_there_is_done(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    page = opened(chromium, elsewhere, **TABLET)
    launched(page, running, "gil")
    held = Held(page, "**/static/dashboard.js")
    page.goto(f"{running.url}/campaigns/gils-salts", wait_until="commit")
    page.get_by_role("button", name="Pause", exact=True).tap()
    expect(page.locator("#act")).not_to_be_visible()
    held.first().fallback()
    expect(page.locator("#act")).to_be_visible()
    expect(page.locator("#act-why")).to_be_focused()
    assert elsewhere == []


def test_a_job_is_done_by_the_keyboard_alone(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    page = opened(chromium, elsewhere)
    launched(page, running, "cy")
    work_on(page, running, "cy", FILL)

    def to(*name: str) -> None:
        """Go on with Tab until something of this name has the focus."""
        for _ in range(60):
            page.keyboard.press("Tab")
            found = page.evaluate(
                "(document.activeElement.labels?.[0] ?? document.activeElement).innerText"
            )
            if found and all(word in found for word in name):
                return
        raise AssertionError(f"Tab never reaches {name!r}")

    to("A1 add 500 uL water")
    page.keyboard.press("Space")
    to("A2 add 500 uL water")
    page.keyboard.press("Enter")
    to("Confirm 2 items")
    page.keyboard.press("Enter")
    expect(page.locator("#checklist .meter")).to_contain_text("2 of 7 items")
    # The focus goes on to what is left, not back to the top of the page.
    expect(page.get_by_label("carry the plate to the hood")).to_be_focused()
    page.keyboard.press("Space")
    for well, what in (("A3", "water"), ("A1", "salt"), ("A2", "salt"), ("A3", "salt")):
        to(f"{well} add", what)
        page.keyboard.press("Space")
    to("Confirm 5 items")
    page.keyboard.press("Enter")
    expect(page.locator("#over")).to_be_focused()

    # Enter goes from number to number, and behind the last one saves them.
    work_on(page, running, "cy", WEIGH)
    page.get_by_label("A1 weigh").focus()
    for number in ("1", "2", "3"):
        page.keyboard.type(number)
        page.keyboard.press("Enter")
    expect(page.locator("#over")).to_be_visible()
    assert elsewhere == []


def test_of_two_people_at_once_the_second_is_told_what_changed(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    ada = opened(chromium, elsewhere, **TABLET)
    launched(ada, running, "dee")
    secret = ada.evaluate(
        """async () => {
            const headers = {"Content-Type": "application/json",
                             "X-CSRF-Token": document.body.dataset.csrf};
            const wish = {person: "bo", role: "operator", days: 1};
            const answer = await fetch("/api/v1/tokens",
                {method: "POST", headers, body: JSON.stringify(wish)});
            return (await answer.json()).secret;
        }"""
    )
    bo = opened(chromium, elsewhere, viewport={"width": 390, "height": 844}, has_touch=True)
    bo.goto(f"{running.url}/login?token={secret}")
    for page in (ada, bo):
        work_on(page, running, "dee", FILL)

    # Bo's page hears nothing for a while, as behind a bad network.
    bo.route("**/checklists/dee/**", lambda route: route.abort())
    bo.get_by_label("A1 add 500 uL water").tap()
    bo.get_by_label("A2 add 500 uL water").tap()
    ada.get_by_label("A1 add 500 uL water").tap()
    ada.get_by_role("button", name="Confirm", exact=True).dblclick()
    expect(ada.locator("#checklist .meter")).to_contain_text("1 of 7 items")
    bo.unroute("**/checklists/dee/**")
    bo.get_by_role("button", name="Confirm 2 items").tap()
    expect(bo.locator("#problem-2")).to_contain_text("confirmed item 2 at")
    expect(bo.locator("#checklist .meter")).to_contain_text("1 of 7 items")
    # What Bo ticked and nobody did is still ticked.
    expect(bo.get_by_label("A2 add 500 uL water")).to_be_checked()
    bo.get_by_role("button", name="Confirm", exact=True).tap()
    expect(ada.locator("#checklist .meter")).to_contain_text("2 of 7 items")
    expect(ada.locator("#item-3")).to_contain_text("bo")
    accessible(bo, "a checklist on a phone")

    # While Ada writes, what Bo does comes in and takes nothing away.
    ada.get_by_label("What happened").fill("a scratch on the bott")
    bo.get_by_role("button", name="Confirm all 3 that are left").tap()
    expect(ada.locator("#checklist .meter")).to_contain_text("5 of 7 items")
    expect(ada.get_by_label("What happened")).to_have_value("a scratch on the bott")
    for left in ("carry the plate", "A3 add 500 uL water"):
        bo.get_by_label(left).tap()
    bo.get_by_role("button", name="Confirm 2 items").tap()
    expect(ada.locator("#over")).to_contain_text("It is done since")
    assert elsewhere == []


def test_values_are_pasted_seen_and_saved_and_each_problem_stands_at_its_row(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    page = opened(chromium, elsewhere, **TABLET)
    page.goto(running.ready_url)

    # A second page, of somebody who wants to be told.
    same = page.context.storage_state()
    other = opened(chromium, elsewhere, storage_state=same, permissions=["notifications"])
    other.add_init_script(
        """window.told = [];
        window.Notification = new Proxy(window.Notification, {construct: (kind, [title, more]) => {
            told.push(`${title}: ${more.body}`);
            document.title = told.join();
            return new kind(title, more);
        }});"""
    )
    other.goto(f"{running.url}/needs")
    other.get_by_role("button", name="Tell me in this browser").click()
    expect(other.get_by_role("button", name="This browser tells me")).to_be_visible()

    text = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()
    launched(page, running, "eve", text.replace("rounds: 4", "rounds: 1"))
    expect(other).to_have_title(re.compile("A person is needed: resistance: .* of 12 wells"))
    expect(other.locator("#needed")).to_be_visible()
    other.context.close()
    page.goto(f"{running.url}/needs")
    asked = page.locator("#need-values-resistance-1")
    asked.get_by_role("link", name="Enter the values").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Values of round 1")
    page.wait_for_load_state()
    accessible(page, "values of a round")
    assert least_target(page) >= 44

    # Eleven of the twelve wells come out of a spreadsheet; two lines of it are wrong.
    wells = [f"{row}{column}" for row in "AB" for column in range(1, 7)]
    rows = [f"{well}\t{200 + number},5\t6" for number, well in enumerate(wells[:11])]
    rows[1], rows[2] = "A2\tmuch\t6", "A3\t12\t77"
    page.get_by_label("Paste it").fill("\n".join(["well\tresistance\tph", *rows]))
    page.get_by_role("button", name="Fill in").tap()
    expect(page.locator("#spread-problem")).to_contain_text("Line 3: A2: 'much' is no number")
    expect(page.locator("#spread-problem")).to_contain_text(
        "Line 4: A3: 77 is outside the natural range (expected a number from 0 to 14)"
    )
    expect(page.get_by_label("Resistance (ohm) of plate 1 A1")).to_have_value("200.5")
    expect(page.locator("#changed")).to_have_text("20 values are not saved yet.")
    page.reload()
    expect(page.get_by_label("Resistance (ohm) of plate 1 A1")).to_have_value("200.5")
    page.get_by_label("Resistance (ohm) of plate 1 A2").fill("about 90")
    page.get_by_role("button", name="Save the values").tap()
    expect(page.locator("#values-why-problem")).to_contain_text("Say how it was measured")
    page.get_by_label("How it was measured").fill("probe 3")
    page.get_by_role("button", name="Save the values").tap()
    expect(page.locator("#problem-1-A2")).to_have_text(
        "A2: 'about 90' is no number (expected a number in ohm)"
    )
    page.get_by_label("Resistance (ohm) of plate 1 A2").fill("190,5")
    page.get_by_label("Resistance (ohm) of plate 1 B6").fill("180")
    page.get_by_role("button", name="Save the values").dblclick()
    expect(page.locator("#form-said")).to_contain_text("values are saved")
    expect(page.locator("#changed")).to_have_text("")
    page.goto(f"{running.url}/campaigns/resistance")
    expect(page.locator(".head .status")).to_have_text("finished")
    state = Journal(f"sqlite:///{running.home / 'journal.sqlite'}").state("resistance")
    values = {well.well.name: well.value for well in state.rounds[0].wells}
    assert (values["A1"], values["A2"], values["B6"]) == (200.5, 190.5, 180.0)
    assert elsewhere == []
