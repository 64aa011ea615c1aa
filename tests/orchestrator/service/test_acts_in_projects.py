"""What people with roles in projects do and are sent, through the service, and who learns of it."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.cli.mcp_tools import tools
from orchestrator.client import Client, RefusedByService
from orchestrator.control.filing import FileUnder
from orchestrator.core.events import EventKind
from orchestrator.core.state import JobStatus
from orchestrator.journal.access_tokens import Role
from orchestrator.service.routes import steering
from protocols.campaign import Campaign
from tests import acting
from tests.conftest import ASSAY_FILE, START
from tests.postgres import temporary_database
from tests.service import House, house, listening

V1 = "/api/v1"
TEXT = ASSAY_FILE.read_text()


class Lab:
    """A campaign in the project Cells, one in Retina, one in none; Ada and Bo work on Cells."""

    def __init__(self, house: House, assay: Campaign) -> None:
        self.house, self.journal = house, house.backend.journal
        self.cells, self.retina, self.loose = (
            house.campaign(assay.model_copy(update={"name": name}), text=TEXT)
            for name in ("of-cells", "of-retina", "of-none")
        )
        self.move(self.cells, "Cells")
        self.move(self.retina, "Retina")
        self.person("ada", Role.NONE, Cells=Role.OPERATOR)
        self.person("bo", Role.NONE, Cells=Role.VIEWER)

    def person(self, name: str, role: Role, **projects: Role) -> None:
        create = self.house.backend.access.create
        self.house.secrets[name] = create(name, role, timedelta(days=1), "root", projects)[0]

    def move(self, campaign_id: str, project: str) -> None:
        lab = self.house.backend.acting(campaign_id)
        acting.do(lab, campaign_id, "root", FileUnder(project=project, why="tidy"))

    def post(self, person: str, path: str, **body: Any) -> httpx.Response:
        return self.house.client(person).post(f"{V1}/{path}", json={"why": "so"} | body)

    def launch(self, person: str, **body: Any) -> httpx.Response:
        return self.house.client(person).post(f"{V1}/campaigns", json={"file": TEXT} | body)


@pytest.fixture
def lab(tmp_path: Path, assay: Campaign) -> Iterator[Lab]:
    with house(tmp_path) as found:
        yield Lab(found, assay)


@pytest.fixture(params=["sqlite", "postgresql"])
def on_either(request: pytest.FixtureRequest, tmp_path: Path, assay: Campaign) -> Iterator[Lab]:
    if request.param == "sqlite":
        with house(tmp_path) as found:
            yield Lab(found, assay)
    else:
        with temporary_database() as url, house(tmp_path, url) as found:
            yield Lab(found, assay)


def test_acts_follow_the_role_in_the_project_on_either_engine(on_either: Lab) -> None:
    lab = on_either
    assert lab.post("ada", f"campaigns/{lab.cells}/pause").json()["status"] == "paused"
    assert lab.post("bo", f"campaigns/{lab.cells}/resume").status_code == 403
    for campaign in (lab.retina, lab.loose):
        assert lab.post("ada", f"campaigns/{campaign}/pause").status_code == 404
        assert lab.journal.state(campaign).status == "running"
    pages = {name: lab.house.client(name).get(f"{V1}/campaigns").json() for name in ("ada", "bo")}
    assert {it["id"] for page in pages.values() for it in page["items"]} == {lab.cells}
    # As soon as it is moved it is there no more, and to others it is.
    lab.move(lab.cells, "Retina")
    assert lab.house.client("ada").get(f"{V1}/campaigns/{lab.cells}").status_code == 404
    assert lab.house.client("ada").get(f"{V1}/campaigns").json()["items"] == []


def test_a_campaign_is_moved_only_with_the_right_in_both_projects(lab: Lab) -> None:
    lab.person("both", Role.NONE, Cells=Role.OPERATOR, Retina=Role.OPERATOR)
    lab.person("looks", Role.VIEWER, Cells=Role.OPERATOR)
    filing = f"campaigns/{lab.cells}/filing"
    for person, project, where in (
        ("ada", "Retina", "in project Retina"),
        ("ada", "", "in the whole service"),
        ("looks", "Retina", "in project Retina"),
        ("both", "", "in the whole service"),
    ):
        refused = lab.post(person, filing, project=project)
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            f"this needs the role operator {where}",
        )
    assert lab.post("ada", filing, project="Cells", tags=["pilot"]).status_code == 200
    assert lab.post("both", filing, project="Retina").json()["project"] == "Retina"
    assert lab.post("ada", filing, project="Cells").status_code == 404
    assert lab.post("operator", filing, project="Cells").json()["project"] == "Cells"


def test_an_act_is_refused_if_its_campaign_was_moved_while_it_was_prepared(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the address and the transaction, an admin moves it out of the project."""
    perform = steering.perform

    def moved_meanwhile(*arguments: Any) -> Any:
        lab.move(lab.cells, "Retina")
        return perform(*arguments)

    monkeypatch.setattr(steering, "perform", moved_meanwhile)
    assert lab.post("ada", f"campaigns/{lab.cells}/pause").status_code == 404
    assert lab.journal.state(lab.cells).status == "running"


def test_a_launch_goes_into_a_project_of_who_launches(lab: Lab) -> None:
    first = lab.launch("ada")
    assert (first.status_code, first.json()["project"]) == (201, "Cells")
    [created] = lab.journal.events(first.json()["id"], kinds=[EventKind.CAMPAIGN_CREATED])
    assert created.data == {"project": "Cells"}
    assert lab.launch("ada", project="Retina", again=True).status_code == 403
    assert lab.launch("bo", again=True).status_code == 403
    lab.person("both", Role.NONE, Cells=Role.OPERATOR, Retina=Role.OPERATOR)
    unclear = lab.launch("both", again=True)
    assert unclear.status_code == 403
    assert unclear.json()["detail"] == (
        "say into which project it is launched (one of Cells, Retina)"
    )
    assert lab.launch("both", again=True, project="Retina").json()["project"] == "Retina"
    assert lab.launch("operator", again=True).json()["project"] == ""


def test_a_launch_knows_nothing_of_campaigns_of_other_projects(lab: Lab) -> None:
    """Neither that the same was launched there, nor their results."""
    lab.launch("operator", project="Retina")
    seen = lab.house.client("ada").post(f"{V1}/campaigns/validate", json={"file": TEXT})
    assert seen.json()["launched"] == []
    assert lab.launch("ada").status_code == 201
    follows = TEXT.replace("seed: 7", f"seed: 7\npast_results: {{campaign: {lab.retina}}}")
    for path in ("campaigns/validate", "campaigns"):
        refused = lab.house.client("ada").post(f"{V1}/{path}", json={"file": follows})
        assert refused.status_code == 404
        assert f"there is no campaign '{lab.retina}'" in refused.json()["detail"]
        assert refused.json()["detail"].endswith(f"(expected one of colour-assay-2, {lab.cells})")
    own = lab.launch("ada", file=follows.replace(lab.retina, lab.cells))
    assert own.json()["detail"] == f"campaign {lab.cells}: nothing was observed in it"


def test_a_repeated_request_says_nothing_of_what_was_moved_away(lab: Lab) -> None:
    key = {"Idempotency-Key": "once"}
    address = f"{V1}/campaigns/{lab.cells}/pause"
    client = lab.house.client("ada")
    assert client.post(address, json={"why": "so"}, headers=key).status_code == 200
    lab.move(lab.cells, "Retina")
    assert client.post(address, json={"why": "so"}, headers=key).status_code == 404


def test_who_waits_for_another_project_is_not_told_which_campaign_it_is(lab: Lab) -> None:
    job = f"{lab.retina}/r1/p1/react/1"
    for before, after in itertools.pairwise(
        (JobStatus.PLANNED, JobStatus.DISPATCHED, JobStatus.IN_DOUBT)
    ):
        lab.journal.move_job(job, before, after, START)
    lab.house.backend.changed(lab.retina)
    lab.house.backend.changed(lab.cells)
    for page in (f"{V1}/needs", "/needs", "/"):
        told = lab.house.client("bo").get(page).text
        assert "gets no more jobs, for one of another project is in doubt" in told
        assert "retina" not in told
        assert f"for {job} is in doubt" in lab.house.client("viewer").get(page).text


def test_a_robot_works_whoever_uses_it_and_whoever_uses_it_may_stop_it(lab: Lab) -> None:
    job = f"{lab.retina}/r1/p1/react/1"
    lab.journal.move_job(job, JobStatus.PLANNED, JobStatus.DISPATCHED, START)
    robots = lab.house.client("bo").get(f"{V1}/robots").json()
    dispenser = next(robot for robot in robots if robot["name"] == "dispenser")
    assert (dispenser["state"], dispenser["job"]) == ("working", None)
    assert dispenser["campaigns"] == [lab.cells]
    assert lab.post("bo", "robots/dispenser/stop").status_code == 403
    assert lab.post("ada", "robots/nothing/stop").status_code == 404
    stopped = lab.post("ada", "robots/dispenser/stop", why="smoke")
    assert stopped.json() == {"stopped": ["dispenser", "camera"], "not_stopped": {}}
    for campaign in (lab.cells, lab.retina, lab.loose):
        assert lab.journal.state(campaign).status == "paused"
    lab.move(lab.cells, "Retina")
    assert lab.post("ada", "robots/dispenser/stop").status_code == 404


def test_tokens_with_roles_in_projects_are_made_by_admins_of_the_service(lab: Lab) -> None:
    body = {"person": "cy", "projects": {"Cells": "operator"}}
    lab.person("ad", Role.OPERATOR, Cells=Role.OPERATOR)
    assert lab.house.client("ad").post(f"{V1}/tokens", json=body).status_code == 403
    admin = lab.house.client("admin")
    made = admin.post(f"{V1}/tokens", json=body).json()
    assert (made["role"], made["projects"]) == ("none", {"Cells": "operator"})
    assert "<td>Cells: operator</td>" in admin.get("/access").text
    audit = admin.get(f"{V1}/audit").json()[0]
    assert audit["message"] == "operator in Cells for cy"
    for wrong, message in (
        ({"projects": {"Cells": "admin"}}, "viewer"),
        ({"projects": {" ": "viewer"}}, "projects"),
        ({}, "it has no role (expected one in the service, or in a project)"),
        ({"role": "none"}, "it has no role"),
    ):
        refused = admin.post(f"{V1}/tokens", json={"person": "cy", **wrong})
        assert refused.status_code == 422
        assert message in refused.json()["detail"]


def test_two_browsers_see_their_own_campaigns_on_the_same_pages(lab: Lab) -> None:
    lab.person("rita", Role.NONE, Retina=Role.OPERATOR)
    browsers = {name: lab.house.client("nobody") for name in ("ada", "rita")}
    for name, browser in browsers.items():
        browser.post("/login", data={"token": lab.house.secrets[name]}, follow_redirects=False)
    for _ in range(2):  # the second time from what is kept of pages
        for name, own, other in (("ada", lab.cells, lab.retina), ("rita", lab.retina, lab.cells)):
            for path in ("/", "/needs", "/robots", "/checklists", f"/campaigns/{own}"):
                page = browsers[name].get(path)
                assert page.status_code == 200
                assert other not in page.text
                assert f"{name} (operator)" in page.text
            assert f'id="card-{own}"' in browsers[name].get("/").text
            assert browsers[name].get(f"/campaigns/{other}").status_code == 404
    page = browsers["ada"].get("/campaigns/new").text
    assert 'data-anywhere="" data-projects="[&#34;Cells&#34;]"' in page
    csrf = {"X-CSRF-Token": page.split('data-csrf="')[1].split('"')[0]}
    for campaign, status in ((lab.retina, 404), (lab.cells, 200)):
        address = f"{V1}/campaigns/{campaign}/pause"
        assert browsers["ada"].post(address, json={"why": "so"}, headers=csrf).status_code == status


def test_events_come_to_those_who_see_their_campaign(lab: Lab) -> None:
    with listening(lab.house) as url:
        heard: dict[str, list[tuple[str, str]]] = {name: [] for name in ("ada", "viewer")}

        def listen(name: str) -> None:
            for event in Client(url, lab.house.secrets[name]).stream(after=0):
                heard[name].append((event.campaign, event.kind))
                if event.kind == EventKind.CAMPAIGN_ABORTED:
                    return

        threads = [threading.Thread(target=listen, args=[name], daemon=True) for name in heard]
        for thread in threads:
            thread.start()
        _until(lambda: all(heard.values()))
        acting.pause(lab.house.backend.acting(lab.retina), lab.retina, "root", "so")
        _until(lambda: (lab.retina, "campaign_paused") in heard["viewer"])
        lab.move(lab.retina, "Cells")  # from now on it is Ada's too
        _until(lambda: (lab.retina, "campaign_filed") in heard["ada"])
        acting.resume(lab.house.backend.acting(lab.retina), lab.retina, "root", "so")
        lab.move(lab.cells, "Retina")
        acting.abort(lab.house.backend.acting(lab.retina), lab.retina, "root", "so")
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        assert {campaign for campaign, _ in heard["viewer"]} == {lab.cells, lab.retina, lab.loose}
        assert (lab.retina, "campaign_paused") not in heard["ada"]
        assert [kind for campaign, kind in heard["ada"] if campaign == lab.retina] == [
            "campaign_filed",
            "campaign_running",
            "campaign_aborted",
        ]
        assert sum(kind == "campaign_filed" for c, kind in heard["ada"] if c == lab.cells) == 1
        for unseen in (lab.cells, "never-was"):
            with pytest.raises(RefusedByService, match=f"there is no campaign '{unseen}'"):
                next(Client(url, lab.house.secrets["ada"]).stream(unseen))


def test_an_assistant_sees_and_does_what_its_token_may(lab: Lab) -> None:
    with listening(lab.house) as url:
        client, found = Client(url, lab.house.secrets["ada"]), tools("do")

        def ask(name: str, /, **arguments: Any) -> str:
            return json.dumps(found[name].call(client, arguments))

        told = [ask(name) for name in ("campaigns", "needs", "robots", "checklists", "whoami")]
        assert lab.cells in told[0]
        assert not [text for text in told if lab.retina in text or lab.loose in text]
        for name, more in (("campaign", {}), ("table", {"name": "wells.csv"}), ("events", {})):
            with pytest.raises(RefusedByService, match="there is no campaign"):
                ask(name, campaign=lab.retina, **more)
        with pytest.raises(RefusedByService, match="there is no campaign"):
            ask("pause", campaign=lab.retina, why="so")
        assert json.loads(ask("pause", campaign=lab.cells, why="so"))["status"] == "paused"
        assert json.loads(ask("launch", file=TEXT, project="Cells"))["project"] == "Cells"


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
