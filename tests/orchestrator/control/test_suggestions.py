"""Suggestions: whoever may look suggests an act, and an operator does it or declines it."""

from pathlib import Path

import pytest

from protocols.campaign import Campaign
from tests.service import House, house

WHY = {"why": "the best is still rising"}


@pytest.fixture
def lab(tmp_path: Path, assay: Campaign):  # type: ignore[no-untyped-def]
    with house(tmp_path) as found:
        yield found, found.campaign(assay)


def suggest(found: House, campaign: str, **content: object) -> tuple[int, str]:
    address = f"/api/v1/campaigns/{campaign}/suggestions"
    answer = found.client("viewer").post(address, json={**WHY, **content})
    return answer.status_code, answer.text


def test_what_is_no_act_or_no_value_of_it_is_refused_when_it_is_suggested(
    lab: tuple[House, str],
) -> None:
    found, campaign = lab
    status, text = suggest(found, campaign, act="set_round", values={"rounds": 5})
    assert status == 422
    assert "there is no act 'set_round'" in text
    assert "set_rounds" in text
    status, text = suggest(found, campaign, act="set_rounds", values={"rounds": "many"})
    assert status == 422
    assert "rounds" in text
    assert suggest(found, campaign, act="suggest", values={})[0] == 422


def test_a_suggestion_is_done_once_and_only_as_the_act_that_it_names(
    lab: tuple[House, str],
) -> None:
    found, campaign = lab
    assert suggest(found, campaign, act="pause", values={})[0] == 200
    operator, below = found.client("operator"), f"/api/v1/campaigns/{campaign}"
    (suggestion,) = operator.get(below).json()["suggestions"]
    number = suggestion["id"]
    other = operator.post(f"{below}/abort?suggestion={number}", json=WHY)
    assert other.status_code == 409
    assert f"suggestion {number} is to pause, not to abort" in other.json()["detail"]
    assert operator.get(below).json()["status"] == "running"
    assert operator.post(f"{below}/pause?suggestion={number}", json=WHY).status_code == 200
    assert operator.get(below).json()["suggestions"] == []
    again = operator.post(f"{below}/suggestions/declined", json={**WHY, "suggestion": number})
    assert "was done by operator" in again.json()["detail"]
    log = [(e.kind, e.who) for e in found.backend.journal.events(campaign)][-3:]
    assert log == [
        ("suggested", "viewer"),
        ("campaign_paused", "operator"),
        ("suggestion_taken", "operator"),
    ]
    nowhere = operator.post(f"{below}/resume?suggestion=99999", json=WHY)
    assert nowhere.status_code == 404
    assert operator.get(below).json()["status"] == "paused"


def test_the_page_of_the_campaign_shows_it_with_what_it_would_do(lab: tuple[House, str]) -> None:
    found, campaign = lab
    place = {"round": 1, "plate": 1, "well": "A1"}
    status, text = suggest(found, campaign, act="requeue", values={"wells": [place]})
    assert status == 200, text
    suggest(found, campaign, act="enter_reading", values={"place": place, "value": 0.5})
    found.backend.changed(campaign)
    (need,) = found.client("viewer").get("/api/v1/needs").json()
    assert (need["kind"], need["message"]) == ("suggestion", "2 acts are suggested")
    page = found.client("operator").get(f"/campaigns/{campaign}").text
    assert "viewer suggests: <strong>requeue</strong>" in page
    assert f"/api/v1/campaigns/{campaign}/rounds/1/wells/1/A1/reading?suggestion=" in page
    assert "the best is still rising" in page
