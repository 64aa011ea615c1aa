"""A request that carries a key has its effect once, whatever became of its answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UnknownOutcome
from tests.conftest import ASSAY_FILE
from tests.service import House, house


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


@pytest.mark.reproduction("A7")
def test_a_launch_whose_commit_was_not_answered_is_found_by_its_key(
    served: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, journal = served.client("operator"), served.backend.journal
    original = journal.create_campaign

    def lost(*arguments: Any) -> str:
        original(*arguments)
        raise UnknownOutcome("at postgres://", "the journal went away while this was written")

    monkeypatch.setattr(journal, "create_campaign", lost)
    sent = {"file": ASSAY_FILE.read_text()}
    headers = {"Idempotency-Key": "only-once"}
    first = client.post("/api/v1/campaigns", json=sent, headers=headers)
    assert (first.status_code, "went away" in first.json()["detail"]) == (503, True)
    monkeypatch.setattr(journal, "create_campaign", original)
    second = client.post("/api/v1/campaigns", json=sent, headers=headers)
    assert (second.status_code, second.headers["Idempotent-Replay"]) == (201, "true")
    assert journal.campaign_ids() == [second.json()["id"]]
