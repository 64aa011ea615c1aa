"""Roles in projects in a real browser: an admin gives them, and their holder works by them."""

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from protocols.campaign import Campaign
from tests.browser.builder_page import example
from tests.service import house, listening

PATIENCE_MS = 240_000
expect.set_options(timeout=PATIENCE_MS)


def test_who_was_given_a_project_launches_into_it_and_sees_nothing_else(
    chromium: Browser, tmp_path: Path, assay: Campaign
) -> None:
    with house(tmp_path) as found, listening(found) as url:
        found.campaign(assay.model_copy(update={"name": "veiled", "title": "Veiled"}))
        admin = chromium.new_page()
        admin.goto(f"{url}/login?token={found.secrets['admin']}")
        admin.goto(f"{url}/access")
        admin.get_by_label("For", exact=True).fill("ada")
        admin.locator("#token-role").select_option("none")
        for project, role in (("Retina", "operator"), ("Cells", "viewer")):
            admin.get_by_role("button", name="Add a project").click()
            row = admin.get_by_role("group", name="Role in a project").last
            row.get_by_label("Project", exact=True).fill(project)
            row.get_by_label("Role there").select_option(role)
        assert not Axe().run(admin).response["violations"]
        admin.get_by_role("button", name="Make", exact=True).click()
        secret = admin.locator("#token-made code").inner_text()
        expect(admin.get_by_role("row").filter(has_text="ada")).to_contain_text(
            "Cells: viewer; Retina: operator"
        )

        ada = chromium.new_page()
        ada.goto(f"{url}/login?token={secret}")
        expect(ada.locator("main")).to_contain_text("No campaign yet.")
        ada.get_by_role("link", name="New campaign").click()
        example(ada, "formulation")
        expect(ada.locator("#project")).to_have_value("Retina")
        ada.get_by_role("button", name="Launch", exact=True).click()
        expect(ada).to_have_url(f"{url}/campaigns/formulation")
        expect(ada.get_by_role("button", name="Pause", exact=True)).to_be_visible()
        expect(ada.locator(".person")).to_have_text("ada (operator)")
        assert found.client("admin").get("/api/v1/campaigns?project=Retina").json()["items"]

        # Once it is another project's she looks at it, and then it is gone.
        def moved(project: str) -> None:
            address = "/api/v1/campaigns/formulation/filing"
            body = {"project": project, "why": "tidy"}
            assert found.client("admin").post(address, json=body).status_code == 200

        moved("Cells")
        ada.reload()
        expect(ada.locator("h1")).to_be_visible()
        expect(ada.get_by_role("button", name="Pause", exact=True)).not_to_be_visible()
        moved("Other")
        ada.reload()
        expect(ada.locator("main")).to_contain_text("There is no such thing")
