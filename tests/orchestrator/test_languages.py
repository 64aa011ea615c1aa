"""Catalogues are whole, fit what pages say, and a browser gets the language that it asks for."""

import json
import re
import string
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from orchestrator import languages
from orchestrator.core.lifecycle import AskValues
from orchestrator.languages import (
    ENGLISH,
    LANGUAGES,
    finding,
    gettext,
    instruction,
    moment,
    ngettext,
    recorded,
    speaking,
    wanted,
)
from orchestrator.service.dashboard.catalogues import current_texts
from orchestrator.service.dashboard.finding_texts import texts_of_findings
from orchestrator.service.dashboard.rendering import what_of
from protocols.campaign_file import read_campaign
from protocols.operations import OPERATIONS
from tests.catalogues import leaves
from tests.conftest import ASSAY_FILE
from tests.service import house

OTHERS = [language for language in LANGUAGES if language != ENGLISH]
NAMES = re.compile(r"\{\w*\}")


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalogue_of_a_language_is_whole(language: str) -> None:
    said = {message.id for message in current_texts() if message.id}
    found = {message.id: message.string for message in languages.catalogue(language) if message.id}
    assert set(found) == said, "run python -m orchestrator.service.dashboard.catalogues"
    for text, shown in found.items():
        texts = [text] if isinstance(text, str) else list(text)
        for translation in [shown] if isinstance(shown, str) else shown:
            assert translation.strip(), texts
            assert set(NAMES.findall(translation)) == set(NAMES.findall(texts[-1])), texts


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_is_in_its_own_script(language: str) -> None:
    own = {"ja": r"[぀-ヿ一-鿿]", "ko": r"[가-힣]"}[language]
    for message in languages.catalogue(language):
        words = re.findall(r"[a-z]{3,}", NAMES.sub("", str(message.id)))
        if len(words) > 3:
            assert re.search(own, str(message.string)), message.id


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "ja", "ja"),
        (None, "ja-JP,ja;q=0.9,en;q=0.8", "ja"),
        (None, "de-CH, ko;q=0.4, en;q=0.3", "ko"),
        (None, "en-GB,ja;q=0.9", "en"),
        (None, "fr", "en"),
        (None, "ja;q=0, en", "en"),
        (None, "JA", "ja"),
        (None, "KO-kr", "ko"),
        (None, "en;Q=0.5, JA;Q=0.7", "ja"),
        (None, "*", "en"),
        ("ko", "ja", "ko"),
        ("tlh", "ja", "ja"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_browsers(
    chosen: str | None, accepted: str, language: str
) -> None:
    assert wanted(chosen, accepted) == language


@given(st.text(string.printable, max_size=60))
def test_any_header_leads_to_a_language(accepted: str) -> None:
    assert wanted(None, accepted) in LANGUAGES


def test_texts_and_dates_follow_the_language_and_nothing_else_does() -> None:
    at = datetime(2026, 3, 2, 9, 5)
    assert (gettext("Pause"), moment(at)) == ("Pause", "2026-03-02 09:05")
    with speaking("ja"):
        assert gettext("Pause") == "一時停止"
        assert gettext("not in any catalogue") == "not in any catalogue"
        assert ngettext("{number} campaign", "{number} campaigns", 1) == "キャンペーン 1 件"
        assert moment(at) == "2026/03/02 9:05"  # as CLDR has it
    with speaking("ko"):
        assert moment(at) == "26. 3. 2. 오전 9:05"
    assert gettext("Pause") == "Pause"


def test_over_http_pages_and_what_people_are_needed_for_are_in_the_language_asked_for(
    tmp_path: Path,
) -> None:
    with house(tmp_path) as found:
        campaign = found.campaign(read_campaign(ASSAY_FILE.read_text()), proposed=True)
        client = found.client("admin")
        korean = {"Accept-Language": "ko-KR"}
        page = client.get(f"/campaigns/{campaign}", headers=korean | {"Accept": "text/html"})
        assert '<html lang="ko">' in page.text
        assert "일시 정지" in page.text
        # What is said in Korean is not marked as English.
        assert re.search(r"(?<!>)라운드 1의 배치가 승인을 기다립니다", page.text)
        need = client.get("/api/v1/needs", headers=korean).json()[0]
        assert need["message"] == "라운드 1의 배치가 승인을 기다립니다"
        plain = client.get("/api/v1/needs").json()[0]
        assert plain["message"] == "the batch of round 1 waits for approval"
        english = client.get(f"/campaigns/{campaign}", headers={"Accept": "text/html"})
        assert '<html lang="en">' in english.text
        assert "일시" not in english.text
        client.cookies.set("wellwise_language", "ja")
        assert '<html lang="ja">' in client.get("/", headers={"Accept": "text/html"}).text


def test_the_words_of_scripts_are_kept_by_browsers_until_they_change(tmp_path: Path) -> None:
    with house(tmp_path) as found:
        client = found.client("admin")
        page = client.get("/", headers={"Accept": "text/html", "Accept-Language": "ja"}).text
        [address] = re.findall(r'src="(/words/ja-\w+\.js)"', page)
        answer = client.get(address)
        assert "immutable" in answer.headers["cache-control"]
        said = json.loads(answer.text.removeprefix("globalThis.wellwiseWords = ").rstrip(";\n"))
        assert said["Choose none"] == "選択を解除"
        assert "no-store" in client.get("/words/ja-of-yesterday.js").headers["cache-control"]
        assert client.get("/words/tlh-1.js").status_code == 404


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_of_a_check_is_found_again_whatever_values_it_has(language: str) -> None:
    for text, _ in texts_of_findings():
        names = languages.PLACEHOLDER.findall(text)
        values = {name: f"<{place}>" for place, name in enumerate(names)} | {"digits": "12"}
        filled = languages.PLACEHOLDER.sub(lambda name: values[name[1]], text)  # noqa: B023
        with speaking(language):
            shown = finding(filled)
        translation = languages.words(language).texts[text]
        assert shown == languages.PLACEHOLDER.sub(
            lambda name: values[name[1]],  # noqa: B023
            translation,
        )


@pytest.mark.parametrize(
    ("written", "japanese", "korean"),
    [
        ("3 rounds done", "3 ラウンドが完了", "라운드 3개 완료"),
        ("12 wells, 1 job", "12 ウェル、ジョブ 1 件", "웰 12개, 작업 1건"),
        (
            "Control (a=1) has no free well in this round (a=1): the next best takes its place.",
            "対照 (a=1): このラウンドに空いたウェルがありません (a=1)。次に良い条件が代わります。",
            "대조 (a=1): 이번 라운드에 빈 웰이 없습니다 (a=1). 다음으로 좋은 조건이 대신합니다.",
        ),
        (
            "at random; replicate 2 of 3",
            "無作為。3 回の反復の 2 回目",
            "무작위. 반복 3회 중 2번째",
        ),
    ],
)
def test_what_the_journal_has_is_said_in_the_language_of_the_page(
    written: str, japanese: str, korean: str
) -> None:
    for language, translation in (("en", written), ("ja", japanese), ("ko", korean)):
        with speaking(language):
            assert recorded(written) == translation


def test_what_a_person_wrote_stays_as_it_is_and_is_marked_as_another_language() -> None:
    for written in ("the incubator is open", "look at the job", "<b>smoke</b>"):
        with speaking("ja"):
            assert recorded(written) == f'<span lang="en">{escape(written)}</span>'


@pytest.mark.parametrize(("wells", "said"), [(1, "1 ウェル"), (12, "12 ウェル")])
def test_a_person_is_asked_for_values_in_the_language_of_the_page(wells: int, said: str) -> None:
    with speaking("ja"):
        asked = recorded(AskValues("mixed", 2, wells, "Resistance (ohm)").message)
    assert asked == f"ラウンド 2 は{said}の値を待っています: Resistance (ohm)"


def test_problems_of_a_file_are_in_the_language_asked_for_and_in_english_otherwise(
    tmp_path: Path,
) -> None:
    text = ASSAY_FILE.read_text().replace("driver: simulated", "driver: dreamt", 1)
    text = text.replace("stop:", "stopp:", 1)
    with house(tmp_path) as found:
        client, body = found.client("operator"), {"file": text}
        [plain, english, japanese] = (
            client.post("/api/v1/campaigns", json=body, headers=headers).json()
            for headers in ({}, {"Accept-Language": "en"}, {"Accept-Language": "ja"})
        )
    assert plain == english
    said = [(problem["line"], problem["key"]) for problem in plain["problems"]]
    assert said == [(problem["line"], problem["key"]) for problem in japanese["problems"]]
    assert "unknown key: did you mean 'stop'?" in plain["detail"]
    assert "未知のキーです: 'stop' のことですか?" in japanese["detail"]
    assert "(期待される値: このキー)" in japanese["detail"]


_FURTHER: list[tuple[str, dict[str, Any]]] = [
    ("heat", {"ramp_c_min": 2}),
    ("cool", {"ramp_c_min": 2, "hold_s": 0}),
    ("read", {"wavelength_nm": 405}),
    ("read", {"wavelength_nm": 520, "excitation_nm": 485}),
    ("record", {"wavelength_nm": 254, "duration_s": 600}),
    ("shake", {"duration_s": 120, "speed_rpm": 500}),
    ("inject", {"program": "P1"}),
    ("seal", {"material": "none"}),
    ("add_solid", {"mass_mg": 2500}),
    ("dispense", {"supplements": [{"substance": "FGF", "concentration": 3, "unit": "nM"}]}),
]


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize(
    ("kind", "values"),
    [*((kind, {}) for kind in OPERATIONS if kind != "call"), *_FURTHER],
)
def test_what_is_to_be_done_is_said_in_the_language_of_whoever_does_it(
    kind: str, values: dict[str, Any], language: str
) -> None:
    model = OPERATIONS[kind]
    place = {} if model.concerns_plate or "well" not in model.model_fields else {"well": "A1"}
    operation = model.model_validate(place | dict(model.typical) | values)
    text = what_of(SimpleNamespace(words=operation.in_words(), well=operation.well_name))
    with speaking(language):
        said = instruction(text)
    of_values = set(re.findall(r"[A-Za-z]+", " ".join(leaves(operation.model_dump()))))
    units = {"uL", "mL", "mg", "g", "min", "s", "C", "nm", "nM", "x", "rpm", "mm"}
    assert set(re.findall(r"[A-Za-z]+", said)) <= of_values | units
    assert said != text
