"""Many campaigns: found by words, filed, archived and brought back; who did it is recorded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.control.filing import Archive, FileUnder, Unarchive
from orchestrator.core.state import CampaignStatus, JobStatus
from orchestrator.errors import JournalError
from orchestrator.journal.attention import may_ask
from orchestrator.journal.campaign_list import Filing, Listed, Selection, listed
from orchestrator.service.views import needs
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from tests import acting
from tests.conftest import ROOT, START
from tests.postgres import temporary_database
from tests.service import House, house

V1 = "/api/v1"


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "sqlite":
        with house(tmp_path) as found:
            yield found
    else:
        with temporary_database() as url, house(tmp_path, url) as found:
            yield found


def found_by(served: House, **words: object) -> list[str]:
    chosen = Selection(**words)  # type: ignore[arg-type]
    return [campaign.id for campaign in listed(served.backend.journal) if chosen.takes(campaign)]


def test_campaigns_are_found_by_title_parameter_project_and_tag(
    served: House, assay: Campaign, rpe: Campaign
) -> None:
    cells, colour = served.campaign(rpe), served.campaign(assay)
    lab = served.backend.acting(cells)
    acting.do(lab, cells, "ada", FileUnder(project="Retina", tags=("iPSC", "pilot"), why="tidy"))
    parameter = assay.space.parameters[0]
    assert found_by(served, search=parameter.name.upper()) == [colour]
    assert found_by(served, search="ipsc RETINA") == [cells]
    assert found_by(served, search="ipsc nothing") == []
    assert found_by(served, tag="pilot") == found_by(served, project="Retina") == [cells]
    assert found_by(served, project="") == [colour]
    assert found_by(served, status=CampaignStatus.RUNNING) == [cells, colour]
    # The same over HTTP, on the page and after it is filed elsewhere.
    client = served.client("operator")
    items = client.get(f"{V1}/campaigns", params={"search": "retina"}).json()["items"]
    assert [(item["id"], item["project"], item["tags"]) for item in items] == [
        (cells, "Retina", ["iPSC", "pilot"])
    ]
    page = client.get("/", params={"project": "Retina"}).text
    assert f'id="card-{cells}"' in page
    assert f'id="card-{colour}"' not in page
    client.post(f"{V1}/campaigns/{cells}/filing", json={"why": "moved"})
    assert found_by(served, project="") == [cells, colour]


def test_an_archived_campaign_is_out_of_the_lists_until_it_goes_on_or_is_brought_back(
    served: House, assay: Campaign
) -> None:
    campaign = served.campaign(assay)
    lab, journal = served.backend.acting(campaign), served.backend.journal
    with pytest.raises(JournalError, match="only one that is finished or aborted"):
        acting.do(lab, campaign, "ada", Archive(why="early"))
    journal.finish_campaign(campaign, "3 rounds done", START)
    acting.do(lab, campaign, "ada", Archive(why="published"))
    acting.do(lab, campaign, "bob", Archive(why="twice is harmless"))
    served.backend.changed(campaign)
    client = served.client("operator")
    assert found_by(served, archived=False) == []
    assert f'id="card-{campaign}"' not in client.get("/").text
    assert f'id="card-{campaign}"' in client.get("/", params={"archived": "yes"}).text
    assert client.get(f"{V1}/campaigns/{campaign}").json()["archived"]
    acting.do(lab, campaign, "bob", Unarchive(why="a reviewer asks"))
    assert found_by(served, archived=False) == [campaign]
    acting.do(lab, campaign, "ada", Archive(why="answered"))
    acting.set_rounds(lab, campaign, 9, "ada", "one more question")
    assert found_by(served, archived=False) == [campaign]
    served.backend.changed(campaign)
    people = client.get(f"/campaigns/{campaign}").text.partition("What people did")[2]
    assert all(word in people for word in ("bob", "a reviewer asks", "ada", "one more question"))
    assert "round planned" not in people.split("</details>")[0]
    kinds = [(e.kind, e.who, e.message) for e in journal.events(campaign) if "arch" in e.kind]
    assert kinds == [
        ("campaign_archived", "ada", "published"),
        ("campaign_unarchived", "bob", "a reviewer asks"),
        ("campaign_archived", "ada", "answered"),
    ]


def test_who_may_ask_is_whoever_asks(served: House, assay: Campaign) -> None:
    by_hand = read_campaign((ROOT / "examples" / "resistance" / "campaign.yaml").read_text())
    quiet, proposed = served.campaign(assay), served.campaign(assay, proposed=True)
    doubtful, late, paused = (served.campaign(assay) for _ in range(3))
    values, over = served.campaign(by_hand), served.campaign(assay, proposed=True)
    journal = served.backend.journal
    for name, states in (
        (doubtful, (JobStatus.DISPATCHED, JobStatus.IN_DOUBT)),
        (late, (JobStatus.LATE,)),
        (paused, (JobStatus.DISPATCHED, JobStatus.IN_DOUBT)),
    ):
        job, before = journal.state(name).rounds[0].jobs[0], JobStatus.PLANNED
        for state in states:
            journal.move_job(job.key, before, state, START, "")
            before = state
    acting.pause(served.backend.acting(paused), paused, "ada", "lunch")
    for plate in {job.plate for job in journal.state(values).rounds[0].jobs}:
        while jobs := [j for j in journal.state(values).rounds[0].jobs if j.plate == plate]:
            for before, after in (
                (JobStatus.PLANNED, JobStatus.DISPATCHED),
                (JobStatus.DISPATCHED, JobStatus.DONE),
            ):
                journal.move_job(jobs[0].key, before, after, START, "")
    acting.abort(served.backend.acting(over), over, "ada", "no")
    asking = {name for name in journal.campaign_ids() if list(needs(journal.state(name)))}
    assert asking == {proposed, doubtful, late, paused, values}
    assert may_ask(journal) == asking
    assert quiet not in asking
    page = served.client("viewer").get("/").text
    assert all(f'<a href="/campaigns/{name}">{name}</a>:' in page for name in asking)


def test_a_page_of_many_has_some_and_leads_to_the_others(served: House, assay: Campaign) -> None:
    journal = served.backend.journal
    names = [journal.create_campaign(assay, "", [], START) for _ in range(45)]
    client, seen = served.client("viewer"), []
    address = "/?search=substrate"
    while address:
        page = client.get(address).text
        cards = [part.split('"')[0] for part in page.split('id="card-')[1:]]
        assert len(cards) <= 20
        seen += cards
        more = page.split('rel="next" href="')
        address = more[1].split('"')[0].replace("&amp;", "&") if len(more) > 1 else ""
    assert sorted(seen) == sorted(names)
    settings = served.backend.settings
    environment = {"WELLWISE_DATABASE_URL": settings.database_url, "COLUMNS": "200"}
    words = ["status", "--home", str(settings.home)]
    said = CliRunner().invoke(app, words, env=environment).output
    assert "30 of 45 campaigns; all: wellwise status --all" in said
    few = CliRunner().invoke(app, [*words, "--search", f"{names[7]} substrate"], env=environment)
    assert names[7] in few.output
    assert "1 of 45 campaigns" in few.output


def test_an_archived_campaign_that_goes_on_is_no_more_archived() -> None:
    running = Listed("a", "A", CampaignStatus.RUNNING, START, 1, Filing(archived=True), "a")
    assert not running.archived
    assert running._replace(status=CampaignStatus.ABORTED).archived
