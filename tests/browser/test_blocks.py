"""Blocks in the builder: who says the label of a covariate, and where each block is drawn."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.builder_page import example, part, text_of, thing
from tests.browser.test_dashboard import accessible, opened
from tests.service import house, listening


def test_a_block_is_chosen_and_drawn_without_yaml(tmp_path: Path, chromium: Browser) -> None:
    elsewhere: list[str] = []
    with house(tmp_path) as found, listening(found) as url:
        page = opened(chromium, elsewhere)
        try:
            page.goto(f"{url}/login?token={found.secrets['operator']}")
            page.goto(f"{url}/campaigns/new")
            example(page, "formulation")
            further, plates = part(page, "Further"), part(page, "Plates")
            further.get_by_role("button", name="Add covariate").click()
            covariate = thing(further, "covariate covariate_1")
            covariate.get_by_label("title").fill("Pipetting head")
            covariate.get_by_label("who says it").select_option("wells")
            expect(plates).to_contain_text("Pipetting head: ")
            first = plates.get_by_role("gridcell", name="A1", exact=False).first
            expect(first).to_have_accessible_name("A1, in use, Pipetting head left")
            expect(page.locator("#findings")).to_contain_text("The file is valid.")
            text = text_of(page)
            assert "kind: category" in text
            assert "left: A1:" in text
            accessible(page, "a block in the builder")
            covariate.get_by_label("who says it").select_option("")
            expect(first).to_have_accessible_name("A1, in use")
            assert "wells: {left" not in text_of(page)
        finally:
            page.context.close()
    assert elsewhere == []
