"""A process of its own for what strangers send: the operating system ends what takes too much."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.service import backend, bounded
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput, Problem
from tests.conftest import ASSAY_FILE, ROOT
from tests.service import house


def take_memory(megabytes: int) -> int:
    return len(bytearray(megabytes * 2**20))


def large_campaign() -> str:
    """One of 7,680 wells."""
    text = (ROOT / "tests" / "system" / "crash_campaign.yaml").read_text()
    for small, many in (
        ("count: 2, labware: 6-well, wells: A1:A2", "count: 20, labware: 384-well"),
        ("initial: 3, standard: 1", "initial: 7679, standard: 1"),
        ("proposed: 3, controls: 1", "proposed: 7679, controls: 1"),
        ("100 uL", "20 uL"),
    ):
        assert small in text
        text = text.replace(small, many)
    return text


def refuse_everything() -> None:
    raise InvalidInput([Problem(where="file", line=3, message="one"), Problem(message="two")])


@pytest.mark.reproduction("F1")
def test_what_takes_too_long_or_too_much_is_refused_and_the_next_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = os.getpid()
    assert bounded.bounded(os.getpid) != here
    monkeypatch.setattr(bounded, "LONGEST_S", 0.5)
    with pytest.raises(InvalidInput, match=r"more than 0.5 s to check \(expected a smaller"):
        bounded.bounded(time.sleep, 60)
    monkeypatch.undo()
    assert bounded.bounded(take_memory, 100) == 100 * 2**20
    with pytest.raises(InvalidInput, match="more than 1024 MB to check"):
        bounded.bounded(take_memory, 3000)
    assert bounded.bounded(os.getpid) != here


def test_every_problem_comes_back_from_the_other_process() -> None:
    with pytest.raises(InvalidInput) as refused:
        bounded.bounded(refuse_everything)
    assert [problem.message for problem in refused.value.problems] == ["one", "two"]
    assert refused.value.problems[0].line == 3


def test_a_process_that_was_killed_while_it_waited_is_started_anew() -> None:
    pool = bounded._pool()
    os.kill(bounded.bounded(os.getpid), signal.SIGKILL)

    def until_it_is_known() -> None:
        while True:
            pool._check_pool_status()

    with pytest.raises(RuntimeError, match="within the Pool"):
        until_it_is_known()
    assert bounded.bounded(int) == 0


@pytest.mark.reproduction("F1")
def test_a_large_campaign_is_refused_over_http_and_the_service_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, large = ASSAY_FILE.read_text(), large_campaign()
    with house(tmp_path) as served:
        client = served.client("viewer")
        assert client.post("/api/v1/campaigns/validate", json={"file": text}).is_success
        monkeypatch.setattr(bounded, "LONGEST_S", 1.0)
        answer = client.post("/api/v1/campaigns/validate", json={"file": large})
        assert answer.status_code == 422
        assert "to check" in answer.json()["problems"][0]["message"]
        monkeypatch.undo()
        assert client.post("/api/v1/campaigns/validate", json={"file": text}).is_success


@pytest.mark.reproduction("F1")
def test_a_file_that_changes_a_campaign_is_checked_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ASSAY_FILE.read_text()
    with house(tmp_path) as served:
        campaign_id = served.campaign(read_campaign(text))
        client, url = served.client("operator"), f"/api/v1/campaigns/{campaign_id}/change"
        assert "high: 1000" in text
        processes = []

        def watched(work: Callable[..., Any], *given: Any) -> Any:
            processes.append(bounded.bounded(os.getpid))
            return bounded.bounded(work, *given)

        monkeypatch.setattr(backend, "bounded", watched)
        sent = {"file": text.replace("high: 1000", "high: 2000"), "why": "more"}
        wrong = client.post(url, json={"file": text + "colour: red\n", "why": "prettier"})
        assert (wrong.status_code, wrong.json()["problems"][0]["key"]) == (422, "colour")
        other = client.post(url, json={"file": text.replace("\nseed:", "\nstart: now\nseed:")})
        assert other.status_code == 422
        assert client.post(url, json=sent).is_success
        assert len(processes) >= 2
        assert os.getpid() not in processes
        space = served.backend.state(campaign_id)[1].campaign.space
        assert space.by_name["substrate_concentration"].high == 2000  # type: ignore[union-attr]
