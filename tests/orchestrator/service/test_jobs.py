"""Jobs over HTTP and on their pages: when robots worked, and what each job asks of its robot."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from orchestrator.core.events import EventKind
from orchestrator.core.state import JobStatus
from orchestrator.journal import queries
from protocols.campaign import Campaign
from tests.conftest import START
from tests.service import House, house

V1 = "/api/v1"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


def keys_of(served: House, campaign: str) -> list[str]:
    jobs = served.client("viewer").get(f"{V1}/campaigns/{campaign}/jobs").json()["items"]
    return [job["key"] for job in jobs]


def test_a_job_begins_when_its_robot_has_ended_the_one_before(served: House, rpe: Campaign) -> None:
    campaign = served.campaign(rpe)
    journal, minute = served.backend.journal, timedelta(minutes=1)
    first, second, third = keys_of(served, campaign)[:3]
    for key in (first, second, third):
        journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    sent = JobStatus.DISPATCHED
    journal.finish_job(first, sent, JobStatus.DONE, START + 3 * minute, "", {}, [])
    journal.finish_job(second, sent, JobStatus.DONE, START + 7 * minute, "", {}, [])
    found = served.client("viewer").get(f"{V1}/campaigns/{campaign}/charts/timeline?round=1").json()
    jobs = {job["key"]: job for job in found["jobs"]}
    assert jobs[first]["began"] == jobs[first]["sent"] == jobs[second]["sent"]
    assert jobs[second]["began"] == jobs[first]["ended"]
    assert jobs[third]["began"] == jobs[second]["ended"]
    assert jobs[third]["ended"] is None
    assert jobs[second]["text"].endswith("took 4 min")
    assert {job["began"] for job in found["jobs"]} - {jobs[key]["began"] for key in jobs} == set()
    assert sum(job["sent"] is None for job in found["jobs"]) == len(found["jobs"]) - 3


def test_a_job_says_what_it_asks_and_what_was_certainly_not_begun(
    served: House, rpe: Campaign
) -> None:
    campaign = served.campaign(rpe)
    journal = served.backend.journal
    key = keys_of(served, campaign)[0]
    journal.move_job(key, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    job, _ = journal.job(key)
    left = job.operations[-2:]
    well = next(operation.well_name for operation in job.operations if operation.well_name)
    journal.mark_in_doubt(key, JobStatus.DISPATCHED, START, "the line broke", {well: "dry"}, left)
    served.backend.changed(campaign)
    history = served.client("viewer").get(f"{V1}/campaigns/{campaign}/jobs/{key}").json()
    operations = history["operations"]
    assert [one["words"] for one in operations] == [one.in_words() for one in job.operations]
    assert [one["number"] for one in operations if one["not_begun"]] == [
        len(operations) - 1,
        len(operations),
    ]
    assert {one["well"] for one in operations if "dry" in one["lost"]} == {well}
    assert [event["kind"] for event in history["events"]][:1] == ["job_in_doubt"]


def test_a_job_of_another_campaign_is_not_found(served: House, assay: Campaign) -> None:
    first, second = served.campaign(assay), served.campaign(assay)
    key = keys_of(served, second)[0]
    answer = served.client("viewer").get(f"{V1}/campaigns/{first}/jobs/{key}")
    assert answer.status_code == 404
    assert f"campaign {first} has no job '{key}'" in answer.json()["detail"]


def test_every_job_of_a_round_is_on_its_page_and_leads_to_its_own(
    served: House, assay: Campaign
) -> None:
    campaign = served.campaign(assay)
    viewer = served.client("viewer")
    page = viewer.get(f"/campaigns/{campaign}/jobs").text
    links = re.findall(rf'href="(/campaigns/{campaign}/jobs/[^"?]+)"', page)
    assert [link.partition("/jobs/")[2] for link in links] == keys_of(served, campaign)
    text = viewer.get(links[0]).text
    for word in ("What it asks of its robot", "sent to the robot", "Table of operations"):
        assert word in text


def test_a_campaign_without_a_round_has_no_jobs_yet(served: House, assay: Campaign) -> None:
    campaign = served.backend.journal.create_campaign(assay, "name: text\n", [], START, "ada")
    assert "no jobs yet" in served.client("viewer").get(f"/campaigns/{campaign}/jobs").text
    missing = served.client("viewer").get(f"/campaigns/{campaign}/jobs?round=3")
    assert missing.status_code == 404


def test_the_page_of_a_job_draws_what_its_robot_measured(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay)
    [(_, job), *_] = queries.jobs(served.backend.journal, campaign_id)
    units = {"block": "degC", "lid": "degC", "pump": "kPa"}
    samples = [
        [(START + timedelta(minutes=n)).isoformat(), {"block": 37.0 + n, "lid": 80.0, "pump": 1.0}]
        for n in range(3)
    ]
    client, kind = served.client("viewer"), EventKind.TELEMETRY
    assert (
        client.get(f"/api/v1/campaigns/{campaign_id}/jobs/{job.key}").json()["measured_units"] == []
    )
    data = {"units": units, "samples": samples}
    served.backend.journal.note(campaign_id, START, kind, job.key, "block 37 to 39", data=data)
    page = client.get(f"/campaigns/{campaign_id}/jobs/{job.key}").text
    addresses = [unescape(one) for one in re.findall(r'data-trace="([^"]+)"', page)]
    assert len(addresses) == 2
    degrees, pressure = (client.get(address).json()["trace"] for address in addresses)
    assert [channel["name"] for channel in degrees["channels"]] == ["block", "lid"]
    assert degrees["channels"][0]["values"] == [37.0, 38.0, 39.0]
    assert pressure["x"] == {"name": "time", "unit": "min", "values": [0.0, 1.0, 2.0]}
    other = client.get(addresses[0].replace("degC", "mbar"))
    assert other.status_code == 404
