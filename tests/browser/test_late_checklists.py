"""A checklist on a slow network: what a person does while an answer is on its way is not lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.held import Held
from tests.browser.test_checklists import image
from tests.browser.test_dashboard import opened
from tests.browser.test_late_answers import arrived, settled
from tests.by_hand import FILL, LOOK, WEIGH, on_the_table
from tests.service import House, house, listening


class Bench(NamedTuple):
    """A campaign by hand, behind a service that runs nothing by itself."""

    house: House
    url: str

    def job(self, key: str) -> str:
        """A job on Ada's table; the address of its checklist."""
        with ThreadPoolExecutor(1) as thread:  # which has no event loop yet
            thread.submit(on_the_table, self.house, key).result()
        return f"{self.url}/checklists/ada/{key}"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with house(tmp_path) as found, listening(found) as url:
        yield Bench(found, url)


@pytest.fixture
def page(chromium: Browser, elsewhere: list[str], bench: Bench) -> Iterator[Page]:
    """An operator's page that hears of nothing by itself."""
    found = opened(chromium, elsewhere)
    found.route("**/events/stream*", lambda route: route.abort())
    found.goto(f"{bench.url}/login?token={bench.house.secrets['operator']}")
    yield found
    found.context.close()
    assert elsewhere == []


def test_a_second_well_goes_wrong_while_the_first_is_on_its_way(page: Page, bench: Bench) -> None:
    page.goto(bench.job(FILL))
    held = Held(page, "**/checklists/wells")
    for well, why in (("A1", "spilt"), ("A2", "dropped")):
        page.get_by_role("combobox", name="Well").select_option(well)
        page.get_by_label("What happened").fill(why)
        page.get_by_role("button", name="It went wrong").click()
        held.wait()
    route = held.first()
    held.end()
    route.fallback()
    for text in ("A1: spilt", "A2: dropped"):
        expect(page.get_by_role("region", name="Went wrong")).to_contain_text(text)


def test_what_is_written_while_an_answer_is_on_its_way_is_kept(page: Page, bench: Bench) -> None:
    page.goto(bench.job(FILL))
    held = Held(page, "**/checklists/wells")
    page.get_by_role("combobox", name="Well").select_option("A1")
    page.get_by_label("What happened").fill("spilt")
    page.get_by_role("button", name="It went wrong").click()
    route = held.first()
    page.get_by_role("combobox", name="Well").select_option("A2")
    page.get_by_label("What happened").fill("a scratch")
    page.get_by_role("heading", level=1).click()
    arrived(page, route)
    expect(page.get_by_role("region", name="Went wrong")).to_contain_text("A1: spilt")
    expect(page.get_by_role("combobox", name="Well")).to_have_value("A2")
    expect(page.get_by_label("What happened")).to_have_value("a scratch")
    page.evaluate("refresh()")
    expect(page.get_by_label("What happened")).to_have_value("a scratch")


def test_of_two_codes_the_one_read_last_counts(page: Page, bench: Bench) -> None:
    page.goto(bench.job(FILL))
    held = Held(page, "**/api/v1/checklists")
    code = page.get_by_label("Barcode of the plate")
    code.fill("another")
    code.press("Enter")
    route = held.first()
    code.fill("salts/r1/p1")
    code.press("Enter")
    expect(page.locator("#scan-said")).to_have_text("This is the plate.")
    arrived(page, route)
    expect(page.locator("#scan-said")).to_have_text("This is the plate.")


def test_a_photo_that_is_chosen_before_the_scripts_are_there_is_saved(
    page: Page, bench: Bench
) -> None:
    address = bench.job(LOOK)
    held = Held(page, "**/static/checklist.js")
    page.goto(address, wait_until="commit")
    photo = {"name": "a1.png", "mimeType": "image/png", "buffer": image()}
    page.get_by_label("Image of A1").set_input_files(photo)  # type: ignore[arg-type]
    held.first().fallback()
    expect(page.locator("#item-2")).to_contain_text("operator")
    held.end()


def test_a_file_is_saved_as_it_was_to_be_taken_when_it_was_chosen(page: Page, bench: Bench) -> None:
    page.add_init_script(
        """const read = FileReader.prototype.readAsDataURL;
        FileReader.prototype.readAsDataURL = function (file) {
            window.letRead = () => read.call(this, file);
        };"""
    )
    page.goto(bench.job(LOOK))
    photo = {"name": "a1.png", "mimeType": "image/png", "buffer": image()}
    page.get_by_label("Image of A1").set_input_files(photo)  # type: ignore[arg-type]
    # While it is read, news replace what is on the page.
    page.evaluate("document.querySelector('#value-2').closest('.entry').remove()")
    page.evaluate("letRead()")
    page.evaluate("refresh()")
    expect(page.locator("#item-2")).to_contain_text("operator")


def test_a_table_that_is_refused_after_news_came_is_still_there(page: Page, bench: Bench) -> None:
    page.goto(bench.job(WEIGH))
    page.get_by_text("Paste from a spreadsheet").click()
    held = Held(page, "**/table")
    file = {"name": "mg.csv", "mimeType": "text/csv", "buffer": b"A1,much\n"}
    page.locator("#spread-file-1").set_input_files(file)  # type: ignore[arg-type]
    route = held.first()
    page.evaluate("refresh()")
    arrived(page, route)
    expect(page.locator("#spread-problem-1")).to_be_visible()
    expect(page.get_by_label("Wells and values")).to_have_value("A1,much\n")


def test_a_camera_that_comes_after_its_dialog_was_closed_is_turned_off(
    page: Page, bench: Bench
) -> None:
    page.add_init_script(
        """window.BarcodeDetector = class { async detect() { return []; } };
        window.stream = document.createElement("canvas").captureStream();
        Object.defineProperty(navigator, "mediaDevices", { value: {
            getUserMedia: () => new Promise((resolve) => { window.come = () => resolve(stream); }),
        } });"""
    )
    page.goto(bench.job(FILL))
    page.get_by_role("button", name="Scan with the camera").click()
    page.get_by_role("dialog", name="Camera").get_by_role("button", name="Close").click()
    page.evaluate("come()")
    settled(page)
    assert page.evaluate("stream.getTracks().map((track) => track.readyState)") == ["ended"]
