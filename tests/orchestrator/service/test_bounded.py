"""A process of its own for what strangers send: the operating system ends what takes too much."""

import os
import time
from pathlib import Path

import pytest

from orchestrator.service import bounded
from protocols.errors import InvalidInput, Problem
from tests.conftest import ASSAY_FILE, ROOT
from tests.service import house


def take_memory(megabytes: int) -> int:
    return len(bytearray(megabytes * 2**20))


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


@pytest.mark.reproduction("F1")
def test_a_large_campaign_is_refused_over_http_and_the_service_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ASSAY_FILE.read_text()
    large = (ROOT / "tests" / "system" / "crash_campaign.yaml").read_text()
    for small, many in (
        ("count: 2, labware: 6-well, wells: A1:A2", "count: 20, labware: 384-well"),
        ("initial: 3, standard: 1", "initial: 7679, standard: 1"),
        ("proposed: 3, controls: 1", "proposed: 7679, controls: 1"),
        ("100 uL", "20 uL"),
    ):
        assert small in large
        large = large.replace(small, many)
    with house(tmp_path) as served:
        client = served.client("viewer")
        assert client.post("/api/v1/campaigns/validate", json={"file": text}).is_success
        monkeypatch.setattr(bounded, "LONGEST_S", 1.0)
        answer = client.post("/api/v1/campaigns/validate", json={"file": large})
        assert answer.status_code == 422
        assert "to check" in answer.json()["problems"][0]["message"]
        monkeypatch.undo()
        assert client.post("/api/v1/campaigns/validate", json={"file": text}).is_success
