"""Every dialog of the dashboard with bad input: what is refused is said at its field, in words."""

import re

from playwright.sync_api import Browser, expect

from tests.browser.test_checklists import launched, running
from tests.browser.test_dashboard import Service, confirm, opened
from tests.conftest import ROOT

__all__ = ["running"]

MACHINE = re.compile(
    r"pattern|should |unable|parse|valid (number|integer|string)|body:|Field required|null|"
    r"undefined|\[object|TypeError|NaN"
)
"""Words of which no bench scientist can make anything."""


def test_every_dialog_says_in_words_at_its_field_what_it_refuses(
    chromium: Browser, elsewhere: list[str], running: Service
) -> None:
    page = opened(chromium, elsewhere)
    text = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()
    text = text.replace("name: resistance\ntitle", "name: dialogs\ntitle")
    text = text.replace("lab: electrolytes", "lab: dialogs")
    launched(page, running, "fay", text.replace("\nrounds:\n", "\nrounds:\n  approval: true\n"))
    seen: dict[str, list[str]] = {}

    def walk(scope: str) -> None:
        buttons = page.locator(f"{scope} button[data-act]")
        for number in range(buttons.count()):
            button = buttons.nth(number)
            name = button.get_attribute("data-act") or ""
            if name in seen or not button.is_visible():
                continue
            button.click()
            for field in page.locator("#act-fields input, #act-fields textarea").all():
                if field.get_attribute("type") in ("checkbox", "file"):
                    continue
                wrong = {"numeric": "-1", "decimal": "heavy"}
                field.fill(wrong.get(field.get_attribute("inputmode") or "", "Z99"))
            page.locator("#act-confirm").click()
            expect(page.locator("#act-why-problem")).to_have_text("this may not be empty")
            seen[name] = page.locator("#act .problem:visible").all_inner_texts()
            assert not [said for said in seen[name] if MACHINE.search(said)], seen[name]
            # With a reason, the act itself refuses what is left of the nonsense.
            # A project may have any name: that is refused nowhere.
            fields = page.locator("#act-fields input, #act-fields textarea")
            if fields.count() and name != "file_under":
                page.locator("#act-why").fill("to see what it says")
                page.locator("#act-confirm").click()
                expect(page.locator("#act-why-problem")).not_to_be_visible()
                expect(page.locator("#act .problem:visible")).not_to_have_count(0)
                said = page.locator("#act .problem:visible").all_inner_texts()
                assert not [text for text in said if MACHINE.search(text)], said
                seen[name] += said
            page.locator("#act-cancel").click()

    page.goto(f"{running.url}/campaigns/dialogs")
    expect(page.get_by_role("heading", name="A person is needed")).to_be_visible()
    page.get_by_text("More", exact=True).click()
    walk("main")
    page.locator("#plates a.well").first.click()
    expect(page.locator("#detail")).to_contain_text("Leave empty")
    walk("#detail")
    page.locator("#detail-close").click()
    confirm(page, "Approve", "looks well")
    expect(page.locator(".needs")).to_contain_text("waits for the values")
    page.locator("#plates a.well").first.click()
    expect(page.locator("#detail")).to_contain_text("Enter a value")
    walk("#detail")
    assert seen.keys() >= {
        "pause",
        "set_rounds",
        "approve",
        "edit_proposal",
        "enter_reading",
        "read_table",
        "upload_readings",
        "requeue",
        "fix_next",
        "set_range",
        "add_level",
    }
    assert "'heavy' is no number (expected a number such as 0.5)" in seen["enter_reading"]
    assert "-1 is too small (expected 1 or more)" in seen["set_rounds"]
    assert elsewhere == []
