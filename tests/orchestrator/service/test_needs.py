"""What people are needed for, over all campaigns: one list, each with what to do and where."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.state import JobStatus
from orchestrator.journal import queries
from orchestrator.journal.attention import may_need
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from tests import acting
from tests.by_hand import FILL, TEXT, on_the_table
from tests.conftest import ROOT, START
from tests.service import House, house


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


def needs(served: House) -> list[dict[str, Any]]:
    for campaign_id in served.backend.journal.campaign_ids():
        served.backend.changed(campaign_id)
    answer = served.client("viewer").get("/api/v1/needs")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def test_nobody_is_needed_where_nothing_waits(served: House, assay: Campaign) -> None:
    assert served.client("nobody").get("/api/v1/needs").status_code == 401
    served.campaign(assay)
    assert needs(served) == []
    assert may_need(served.backend.journal) == set(), "its state is not read"
    page = served.client("viewer").get("/needs").text
    assert "Nobody is needed just now." in page
    assert re.search(r'id="needed"\s+hidden', page)


def test_everything_that_waits_is_in_one_list_most_urgent_first(
    served: House, assay: Campaign
) -> None:
    journal = served.backend.journal
    asked = served.campaign(assay.model_copy(update={"name": "asked"}), proposed=True)
    doubtful = served.campaign(assay.model_copy(update={"name": "doubtful"}))
    waiting = served.campaign(assay.model_copy(update={"name": "waiting"}))
    on_the_table(served)
    [(_, job), *_] = queries.jobs(journal, doubtful)
    journal.move_job(job.key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    journal.mark_in_doubt(job.key, JobStatus.DISPATCHED, START, "the line was cut", {}, None)
    journal.robot_offline(waiting, job.robot, "no answer", START + timedelta(minutes=1))
    journal.pause_campaign(waiting, START, "the last 3 jobs of it failed")
    found = needs(served)
    assert [(need["kind"], need["campaign"]) for need in found] == [
        ("in_doubt", doubtful),
        ("stopped", waiting),
        ("offline", waiting),
        ("held", asked),
        ("held", waiting),
        ("approval", asked),
        ("checklist", "salts"),
    ]
    assert all(need["what_to_do"] for need in found)
    assert found[-1]["link"] == f"/checklists/ada/{FILL}"
    assert found[-1]["message"].startswith("Ada: Filling on plate 1 of round 1 is due since")

    # Each leads to a page that is there, and the pages say the same number and the same things.
    client = served.client("operator")
    for need in found:
        assert client.get(need["link"].partition("#")[0]).status_code == 200, need
    for page in ("/", "/needs"):
        text = client.get(page).text
        assert '<span class="count" id="needed" >7</span>' in text
        assert text.count('<li id="need-') == 7
    assert client.get("/", headers={"X-Part": "1"}).headers["x-needs"] == "7"

    acting.decide(served.backend.acting(doubtful), job.key, "done", "ada", "I was there")
    acting.resume(served.backend.acting(waiting), waiting, "ada", "mended")
    assert [need["kind"] for need in needs(served)] == ["offline", "approval", "checklist"]


def test_a_pause_by_a_person_needs_nobody(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay)
    acting.pause(served.backend.acting(campaign_id), campaign_id, "ada", "lunch")
    assert needs(served) == []


def test_a_persons_job_that_should_have_begun_is_late(served: House) -> None:
    campaign = read_campaign(TEXT.replace("4000 day", "30 min"), drivers=["manual"])
    served.campaign(campaign)
    on_the_table(served)
    [need] = [need for need in needs(served) if need["kind"] == "checklist"]
    assert need["overdue"]
    assert "is late since 2026-03-02 09:30" in need["message"]


def test_values_that_a_person_enters_are_asked_for(served: House) -> None:
    text = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()
    campaign_id = served.campaign(read_campaign(text, drivers=["simulated"]))
    journal = served.backend.journal
    for batch in journal.state(campaign_id).rounds:
        for job in batch.jobs:
            journal.move_job(job.key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
            journal.finish_job(job.key, JobStatus.DISPATCHED, JobStatus.DONE, START, "", {}, [])
    [need] = needs(served)
    assert need["kind"] == "values"
    assert "waits for the values of 12 wells: Resistance (ohm)" in need["message"]
    form = served.client("operator").get(need["link"]).text
    assert form.count('data-name="resistance"') == form.count('data-name="ph"') == 12
