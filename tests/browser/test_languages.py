"""Pages in every language: each text is translated, none runs out of its place, the choice is kept.

A language whose every translation stands in brackets shows, in a real browser, what was forgotten.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from orchestrator import languages
from orchestrator.languages import LANGUAGES
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from tests.catalogues import leaves, of_texts
from tests.conftest import ASSAY_FILE, ROOT
from tests.service import PEOPLE, House, house, listening

PATIENCE_MS = 240_000
expect.set_options(timeout=PATIENCE_MS)
NAMES = (
    "wellwise",
    "SVG",
    "PNG",
    "CSV",
    "report.html",
    "parquet",
    "events",
    "csv",
    "yaml",
    "root",
    "ada",
)
"""What is called so in every language."""
TEXTS = """() => {
    const found = [];
    const walk = (root) => {
        const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (nodes.nextNode()) {
            const text = nodes.currentNode, place = text.parentElement ?? root.host;
            if (place.closest("script, style, [lang=en], code, time, .cm-editor, option[lang]")) {
                continue;
            }
            if (text.textContent.trim()) found.push(text.textContent.trim());
        }
        for (const one of root.querySelectorAll("[aria-label], [alt], [placeholder], [title]")) {
            if (one.closest(".cm-editor, [role^=graphics-]")) continue;
            for (const name of ["aria-label", "alt", "placeholder", "title"]) {
                const text = one.getAttribute(name);
                if (text?.trim()) found.push(text.trim());
            }
        }
        for (const one of root.querySelectorAll("*")) if (one.shadowRoot) walk(one.shadowRoot);
    };
    walk(document.body);
    return [document.title, ...found];
}"""


@pytest.fixture
def bracketed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Japanese in which each translation is the English text in brackets."""
    monkeypatch.setattr(languages, "catalogue", of_texts(lambda text: f"⟦{text}⟧"))
    languages.words.cache_clear()
    yield
    languages.words.cache_clear()


def given_of(campaign: Campaign) -> set[str]:
    shown = {outcome.shown for outcome in campaign.outcomes}
    return shown | set(leaves(json.loads(campaign.model_dump_json())))


def forgotten(texts: list[str], given: set[str]) -> list[str]:
    """What has words in it that are neither translated nor given."""
    left = []
    for text in texts:
        rest = re.sub(r"⟦[^⟦⟧]*(?:⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧|⟦[^⟧]*$|^[^⟦]*⟧", " ", text)
        for name in sorted(given, key=len, reverse=True):
            rest = re.sub(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", " ", rest)
            rest = rest.replace(name.replace("_", " "), " ") if "_" in name else rest
        if re.search(r"[A-Za-z]{3,}", rest):
            left.append(text)
    return sorted(set(left))


@contextmanager
def signed_in(browser: Browser, found: House, language: str, **how: Any) -> Iterator[Page]:
    """An admin's page; it is closed before the service, which waits for its stream."""
    with listening(found) as url:
        context = browser.new_context(locale=language, base_url=url, **how)
        context.set_default_timeout(PATIENCE_MS)
        try:
            page = context.new_page()
            page.goto(f"/login?token={found.secrets['admin']}")
            yield page
        finally:
            context.close()


def addresses(campaign: str) -> list[str]:
    return [
        "/",
        "/needs",
        "/checklists",
        "/robots",
        "/access",
        f"/campaigns/{campaign}?round=1",
        f"/campaigns/{campaign}/wells/1/1/B2",
        f"/compare?campaign={campaign}",
        "/login",
        "/campaigns/none-of-this-name",
    ]


def test_every_text_of_every_page_has_a_translation(
    bracketed: None, tmp_path: Path, chromium: Browser
) -> None:
    assay = read_campaign(ASSAY_FILE.read_text())
    by_hand = read_campaign((ROOT / "examples" / "resistance" / "campaign.yaml").read_text())
    with house(tmp_path) as found:
        first = found.campaign(assay, read=True)
        waiting = found.campaign(assay.model_copy(update={"name": "waits"}), proposed=True)
        bench = found.campaign(by_hand)
        given = given_of(assay) | given_of(by_hand) | {first, waiting, bench, *PEOPLE, *NAMES}
        places = [*addresses(first), f"/campaigns/{bench}/values", f"/campaigns/{waiting}"]
        left = {}
        with signed_in(chromium, found, "ja") as page:
            for address in places:
                page.goto(address)
                if left_here := forgotten(page.evaluate(TEXTS), given):
                    left[address] = left_here
        texts = sorted({text for texts in left.values() for text in texts})
        assert not texts, "\n".join(texts)


def test_every_text_of_the_builder_has_a_translation(
    bracketed: None, tmp_path: Path, chromium: Browser
) -> None:
    with house(tmp_path) as found, signed_in(chromium, found, "ja") as page:
        page.goto("/campaigns/new")
        for name in ("coupling", "enzyme"):
            page.locator("#example").select_option(value=name)
            expect(page.locator("#findings")).to_contain_text("⟦The file is valid.⟧")
            for more in page.locator("main details").all():
                more.evaluate("(one) => { one.open = true; }")
            text = (ROOT / "examples" / name / "campaign.yaml").read_text()
            examples = (folder.name for folder in (ROOT / "examples").iterdir())
            given = given_of(read_campaign(text)) | {
                *NAMES,
                *PEOPLE,
                *re.findall(r"[\w/.-]+", text),
                *examples,
                "nmol",
                "umol",
            }
            left = forgotten(page.evaluate(TEXTS), given)
            assert not left, "\n".join(left)


@pytest.mark.parametrize(("language", "pause"), [("ja", "一時停止"), ("ko", "일시 정지")])
def test_a_phone_in_that_language_shows_a_campaign_without_sideways_scrolling(
    language: str, pause: str, tmp_path: Path, chromium: Browser
) -> None:
    phone = {"width": 390, "height": 844}
    with house(tmp_path) as found:
        campaign = found.campaign(read_campaign(ASSAY_FILE.read_text()), read=True)
        with signed_in(chromium, found, language, viewport=phone) as page:
            for address in addresses(campaign):
                page.goto(address)
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= phone["width"], address
            page.goto(f"/campaigns/{campaign}")
            page.get_by_role("button", name=pause, exact=True).click()
            page.get_by_role("dialog").get_by_role("textbox").fill("昼休み")
            page.locator("#act-confirm").click()
            expect(page.locator(".status.paused").first).to_be_visible()


def test_a_person_chooses_a_language_which_the_browser_keeps(
    tmp_path: Path, chromium: Browser
) -> None:
    with house(tmp_path) as found, signed_in(chromium, found, "en-GB") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Campaigns")
        page.get_by_label("Language").select_option(LANGUAGES["ko"])
        expect(page.get_by_role("heading", level=1)).to_have_text("캠페인")
        expect(page.locator("html")).to_have_attribute("lang", "ko")
        page.wait_for_load_state()
        assert page.evaluate("gettext('constructor')") == "constructor"  # a name like any other
        page.goto("/robots")
        expect(page.get_by_role("heading", level=1)).to_have_text("로봇")
        page.get_by_label("언어").select_option(LANGUAGES["en"])
        expect(page.get_by_role("heading", level=1)).to_have_text("Robots")
