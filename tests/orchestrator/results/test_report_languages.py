"""The report in every language: nothing fixed of it is left in English, nothing recorded is not."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator import languages
from orchestrator.cli.main import app
from orchestrator.languages import speaking
from orchestrator.results import model_figures, typefaces
from orchestrator.results.report import report_of
from protocols.addresses import WellPlace
from protocols.campaign import Campaign
from tests import acting
from tests.catalogues import of_texts
from tests.service import House, house

OWN = {"wellwise", "botorch", "gpytorch", "torch", "numpy", "scipy", "cpu", "Python"}
"""Names of packages, which are the same in every language."""


class Texts(HTMLParser):
    """The texts of a page and of its figures, without what is marked as English, code or a file."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._inside: list[bool] = [True]
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "path", "use", "br") or tag == "rect":
            return
        told = tag not in ("style", "pre", "code", "metadata") and ("lang", "en") not in attrs
        self._inside.append(self._inside[-1] and told)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "path", "use", "br", "rect"):
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside[-1] and data.strip():
            self.found.append(data.strip())


@pytest.fixture
def wordless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Japanese in which each translation is only what is put into the text; no font has it."""

    def shown(text: str) -> str:
        return f"⟦{' '.join(re.findall(r'{[^}]*}', text))}⟧"

    monkeypatch.setattr(languages, "catalogue", of_texts(shown))
    for room in (typefaces, model_figures):
        monkeypatch.setattr(room, "found_here", lambda _: ())
    languages.words.cache_clear()
    yield
    languages.words.cache_clear()


def confirmed_and_mended(found: House, assay: Campaign) -> str:
    """A campaign with values, of which a person changed, excluded and entered some."""
    campaign_id = found.campaign(assay, read=True)
    lab = found.backend.acting(campaign_id)
    wells: dict[WellPlace, float | None] = {
        acting.place(1, 1, "A1"): 0.5,
        acting.place(1, 1, "A2"): None,
    }
    acting.correct_wells(lab, campaign_id, wells, "ada", "a bubble")
    acting.pause(lab, campaign_id, "ada", "lunch")
    acting.set_rounds(lab, campaign_id, 4, "ada", "one more")
    return campaign_id


def unsaid(page: str, state: Campaign) -> list[str]:
    """What a page says that is neither translated nor somebody's own name."""
    own = {state.title, state.name, state.outcome.shown, state.outcome.name, state.protocol.name}
    own |= {parameter.title for parameter in state.parameters} | OWN
    own |= {parameter.name for parameter in state.parameters}
    own |= {step.name for step in state.protocol.steps} | {s.title for s in state.protocol.steps}
    own |= {*state.robots, "simulated", "ada", "root", "coloured_area_share", "uL", "uM", "96-well"}
    left = []
    for text in Texts(page).found:
        bare = text
        for name in sorted(own, key=len, reverse=True):
            bare = bare.replace(name, "")
        if re.search(r"[A-Za-z]{3,}", bare):
            left.append(text)
    return left


def test_every_text_of_a_report_is_translated(
    wordless: None, tmp_path: Path, assay: Campaign
) -> None:
    with house(tmp_path) as found:
        campaign_id = confirmed_and_mended(found, assay)
        with speaking("ja"):
            page = report_of(found.backend.journal, campaign_id, found.backend.settings)
    assert '<html lang="ja">' in page
    assert page.count("<text") > 50
    assert unsaid(page, assay) == []
    # A word that somebody forgets to mark is found.
    assert unsaid(page.replace("<h2>⟦⟧</h2>", "<h2>Limits</h2>", 1), assay) == ["Limits"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "ja",
            ("結論", "逸脱", "信頼できる値のある1 ラウンド", "0.500 に変更", "図 1."),
        ),
        ("ko", ("결론", "이탈", "믿을 수 있는 값이 있는 1개 라운드", "직접 입력", "그림 1.")),
        ("en", ("Conclusions", "wells in 1 round with a trusted value", "Figure 1.", "2026-03-02")),
    ],
)
def test_who_asks_for_a_report_gets_it_in_their_language(
    tmp_path: Path, assay: Campaign, language: str, words: tuple[str, ...]
) -> None:
    with house(tmp_path) as found:
        campaign_id = confirmed_and_mended(found, assay)
        address = f"/api/v1/campaigns/{campaign_id}/exports/report.html"
        client = found.client("viewer")
        page = client.get(address, headers={"Accept-Language": language}).text
        assert f'<html lang="{language}">' in page
        assert [word for word in words if word not in page] == []
        # What was recorded stays in English, and is marked so.
        recorded = "a bubble" if language == "en" else '<span lang="en">a bubble</span>'
        assert recorded in page
        if language == "ko":
            asked = client.get(f"{address}?language=en", headers={"Accept-Language": "ko"}).text
            assert "Conclusions" in asked
            assert client.get(f"{address}?language=tlh").status_code == 422


def test_a_pdf_that_would_have_no_letters_is_not_written(
    tmp_path: Path, assay: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house(tmp_path) as found:
        found.campaign(assay)
    monkeypatch.setattr(typefaces, "found_here", lambda _: ())
    words = ["report", f"--home={tmp_path}", f"--out={tmp_path}", "--language", "ko"]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code != 0
    assert "no font of this computer has the letters of 한국어" in str(ran.exception)
    assert '<html lang="ko">' in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "report.pdf").exists()


def test_a_font_of_last_resort_has_no_letters() -> None:
    """Matplotlib brings one that has a box for every letter."""
    typefaces.found_here.cache_clear()
    assert "Last Resort" not in "".join(typefaces.found_here("ja") + typefaces.found_here("ko"))
    assert typefaces.found_here("en") == ()
