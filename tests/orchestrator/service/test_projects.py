"""Roles in projects: every route of the app, asked by everybody, of campaigns of two projects."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from orchestrator.control.describe import path_of
from orchestrator.control.table import ACTS
from orchestrator.journal.access_tokens import Role
from protocols.campaign import Campaign
from tests.by_hand import FILL, on_the_table
from tests.service import House, house

NONE, VIEWER, OPERATOR, ADMIN = Role
V1 = "/api/v1"
OF = f"{V1}/campaigns/{{campaign_id}}"
PAGE = "/campaigns/{campaign_id}"
JOB = "{robot}/{job:path}"

FREE = {
    *(("GET", path) for path in (f"{V1}/openapi.json", f"{V1}/health", f"{V1}/ready")),
    *(("GET", path) for path in ("/login", "/words/{name}.js", "/static")),
    ("POST", "/login"),
}
"""Routes for everybody, signed in or not; they know no campaign."""

OF_THE_SERVICE = {
    ("GET", f"{V1}/audit"): ADMIN,
    ("GET", f"{V1}/tokens"): ADMIN,
    ("POST", f"{V1}/tokens"): ADMIN,
    ("DELETE", f"{V1}/tokens/{{token}}"): ADMIN,
    ("GET", "/access"): ADMIN,
}
"""Routes for which only the role in the whole service counts."""

OF_ALL = {
    **{
        ("GET", f"{V1}/{path}"): VIEWER
        for path in (
            "vocabulary",
            "campaigns",
            "charts/comparison",
            "checklists",
            "checklists/{robot}",
            "whoami",
            "needs",
            "robots",
            "events/stream",
            "metrics",
        )
    },
    **{
        ("GET", path): VIEWER
        for path in ("/", "/compare", "/needs", "/campaigns/new", "/robots", "/checklists")
    },
    ("POST", "/logout"): VIEWER,
    ("POST", f"{V1}/campaigns/validate"): VIEWER,
    ("POST", f"{V1}/campaigns/migrate"): VIEWER,
    ("POST", f"{V1}/campaigns"): OPERATOR,
    ("POST", f"{V1}/robots/{{robot}}/stop"): OPERATOR,
    ("POST", f"{V1}/robots/{{robot}}/refill"): OPERATOR,
}
"""Routes of the lab: everybody may ask them who has the role anywhere, and sees their own."""

OF_A_CAMPAIGN = {
    **{
        ("GET", f"{OF}{path}"): VIEWER
        for path in (
            "",
            "/rounds/{number}",
            "/rounds/{number}/wells/{plate}/{well}",
            "/jobs",
            "/jobs/{job:path}",
            "/events",
            "/insight",
            "/figures/{name}.svg",
            "/exports/{name}",
            *(f"/charts/{name}" for name in ("wells", "slices", "surface", "calibration")),
            *(f"/charts/{name}" for name in ("front", "timeline", "telemetry")),
            *(f"/readings/{{reading}}/{name}" for name in ("image", "preview", "marked", "file")),
        )
    },
    **{
        ("GET", f"{PAGE}{path}"): VIEWER
        for path in (
            "",
            "/insight",
            "/wells/{number}/{plate}/{well}",
            "/jobs",
            "/jobs/{job:path}",
            "/values",
        )
    },
    **{("POST", OF + path_of(act)): act.role for act in ACTS},
    ("POST", f"{OF}/stop-now"): OPERATOR,
    ("POST", f"{OF}/readings/preview"): OPERATOR,
    ("GET", f"{V1}/checklists/{JOB}"): VIEWER,
    ("POST", f"{V1}/checklists/{JOB}/table"): OPERATOR,
    ("GET", f"/checklists/{JOB}"): VIEWER,
}
"""Routes of one campaign, or of one of its jobs."""

LISTS = [path for method, path in OF_ALL if method == "GET" and not path.endswith("/stream")]
QUESTIONS = {
    "/charts/surface": "?first=a&second=b",
    "/charts/timeline": "?round=1",
    "/charts/telemetry": "?job=a",
    "/charts/comparison": "?campaign=never-was",
}
SHOWN = {
    f"{OF}/exports/{{name}}": "wells.csv",
    f"{OF}/figures/{{name}}.svg": "effects",
}

SALTS, ASSAY = "salts", "veiled-assay"
PROJECTS = {SALTS: "Cell bank", ASSAY: "Retina"}
SECRETS = {
    SALTS: ("salts/", "/salts", '"salts"', "Salts by hand", "Cell bank"),
    ASSAY: ("veiled", "Veiled", "Retina"),
}
"""What only those may hear of who see a campaign: its id, words of its title, its project."""

ROLES: dict[str, tuple[Role, dict[str, Role]]] = {
    "sees cells": (NONE, {"Cell bank": VIEWER}),
    "works on cells": (NONE, {"Cell bank": OPERATOR}),
    "sees retina": (NONE, {"Retina": VIEWER}),
    "works on both": (NONE, {"Cell bank": OPERATOR, "Retina": OPERATOR}),
    "sees all, works on cells": (VIEWER, {"Cell bank": OPERATOR}),
    "works on nothing there is": (NONE, {"Other": OPERATOR}),
    "viewer": (VIEWER, {}),
    "operator": (OPERATOR, {}),
    "admin": (ADMIN, {}),
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, assay: Campaign) -> Iterator[House]:
    """A campaign in each of two projects; one has a checklist, the other values."""
    with house(tmp_path_factory.mktemp("lab")) as found:
        file_under(found, on_the_table(found))
        veiled = assay.model_copy(update={"name": ASSAY, "title": "Veiled colours"})
        file_under(found, found.campaign(veiled, read=True))
        for person, (role, projects) in ROLES.items():
            if projects:
                found.secrets[person] = token(found, person, role, projects)
        yield found


def token(found: House, person: str, role: Role, projects: dict[str, Role]) -> str:
    return found.backend.access.create(person, role, timedelta(days=1), "root", projects)[0]


def file_under(found: House, campaign_id: str) -> None:
    body = {"project": PROJECTS[campaign_id], "why": "ours"}
    answer = found.client("admin").post(f"{V1}/campaigns/{campaign_id}/filing", json=body)
    assert answer.status_code == 200, answer.text


def routes(found: House) -> set[tuple[str, str]]:
    return {
        (method, route.path or "")
        for route in iter_route_contexts(found.app.routes)
        for method in (route.methods or {"GET"})
        if method != "HEAD"
    }


def asked(client: TestClient, method: str, path: str, campaign: str) -> Any:
    """What a route answers about a campaign, without anything that it could do."""
    values = {"campaign_id": campaign, "robot": "ada", "job:path": f"{campaign}/r1/p1/fill/1"}
    values |= {"number": "1", "plate": "1", "well": "A1", "reading": "1", "token": "00000000"}
    values["name"] = SHOWN.get(path, "")
    address = re.sub(r"{([\w:]+)}", lambda at: values[at[1]], path)
    question = next((it for end, it in QUESTIONS.items() if path.endswith(end)), "")
    return client.request(
        method, address + question, json=None if method == "GET" else {"nonsense": True}
    )


def test_of_every_route_it_is_said_here_whose_it_is(lab: House) -> None:
    assert routes(lab) == FREE | {*OF_THE_SERVICE, *OF_ALL, *OF_A_CAMPAIGN}


@pytest.mark.parametrize("campaign", PROJECTS)
@pytest.mark.parametrize("person", ROLES)
def test_every_route_of_a_campaign_is_for_whom_it_should_be(
    lab: House, person: str, campaign: str
) -> None:
    client, (role, projects) = lab.client(person), ROLES[person]
    theirs = max(role, projects.get(PROJECTS[campaign], NONE))
    for (method, path), needed in OF_A_CAMPAIGN.items():
        answer = asked(client, method, path, campaign)
        shown = f"{person}: {method} {path} -> {answer.status_code} {answer.text[:300]}"
        if theirs is NONE:
            assert answer.status_code == 404, shown
            never = asked(client, method, path, "never-was")
            assert answer.json() == _of_another(never.json(), campaign), shown
            secrets = [secret for secret in SECRETS[campaign] if secret in answer.text]
            assert not [secret for secret in secrets if secret not in campaign], shown
        elif theirs < needed:
            assert answer.status_code == 403, shown
        else:
            assert answer.status_code in (200, 404, 422), shown
            assert "there is no campaign" not in answer.text, shown


def _of_another(problem: dict[str, Any], campaign: str) -> dict[str, Any]:
    return {**problem, "detail": problem["detail"].replace("never-was", campaign)}


@pytest.mark.parametrize("person", ROLES)
def test_every_route_of_the_lab_is_for_whom_it_should_be(lab: House, person: str) -> None:
    client, (role, projects) = lab.client(person), ROLES[person]
    for (method, path), needed in {**OF_THE_SERVICE, **OF_ALL}.items():
        if path.endswith(("/stream", "/logout")):
            continue
        theirs = role if (method, path) in OF_THE_SERVICE else max(role, *projects.values(), NONE)
        answer = asked(client, method, path, "")
        shown = f"{person}: {method} {path} -> {answer.status_code} {answer.text[:300]}"
        allowed = answer.status_code in (200, 404, 422)
        assert allowed if theirs >= needed else answer.status_code == 403, shown


@pytest.mark.parametrize("person", ROLES)
def test_no_list_says_anything_of_a_campaign_that_somebody_may_not_see(
    lab: House, person: str
) -> None:
    client, (role, projects) = lab.client(person), ROLES[person]
    told = {path: asked(client, "GET", path, "").text for path in LISTS}
    for campaign, project in PROJECTS.items():
        if max(role, projects.get(project, NONE)) is NONE:
            heard = [path for path in told if any(word in told[path] for word in SECRETS[campaign])]
            assert heard == []
        else:
            for path in ("/", f"{V1}/campaigns", f"{V1}/robots", "/robots"):
                assert campaign in told[path], path
    sees_salts = max(role, projects.get("Cell bank", NONE)) > NONE
    assert (FILL in told[f"{V1}/checklists"]) == sees_salts
    assert (FILL in told[f"{V1}/needs"]) == (FILL in told["/needs"]) == sees_salts
    assert ('id="needed" hidden>' in told["/robots"]) == (not sees_salts)


def test_metrics_count_what_one_sees(lab: House) -> None:
    def counted(person: str) -> float:
        text = lab.client(person).get(f"{V1}/metrics").text
        return float(text.split('wellwise_campaigns{status="running"} ')[1].split("\n")[0])

    assert counted("admin") == counted("works on both") == 2
    assert counted("sees cells") == 1
    nothing = lab.client("works on nothing there is").get(f"{V1}/metrics").text
    assert 'wellwise_campaigns{status="running"}' not in nothing
    assert 'wellwise_needs{kind="checklist"} 0.0' in nothing


def test_campaigns_are_compared_only_by_who_sees_them(lab: House) -> None:
    both = f"campaign={SALTS}&campaign={ASSAY}"
    for address in (f"{V1}/charts/comparison?{both}", f"/compare?{both}"):
        assert lab.client("works on both").get(address).status_code == 200
        refused = lab.client("sees cells").get(address)
        assert refused.status_code == 404
        assert refused.json()["detail"] == (
            f"there is no campaign '{ASSAY}' in this journal (expected one of {SALTS})"
        )


def test_a_page_lets_do_what_its_person_may_do_there(lab: House) -> None:
    """Buttons follow the role in the project of the page's campaign."""
    client = lab.client("sees all, works on cells")
    assert 'data-role="operator"' in client.get(f"/campaigns/{SALTS}").text
    assert 'data-role="viewer"' in client.get(f"/campaigns/{ASSAY}").text
    assert 'data-role="operator"' in client.get(f"/checklists/ada/{FILL}").text
    assert 'data-role="viewer"' in lab.client("sees cells").get(f"/checklists/ada/{FILL}").text
    robots = client.get("/robots").text
    looked_at = set(re.findall(r'id="([\w-]+)" data-role="viewer"', robots))
    assert "ada" not in looked_at
    assert looked_at
    assert 'id="ada" data-role' not in lab.client("operator").get("/robots").text


def test_who_one_is_says_every_role(lab: House) -> None:
    assert lab.client("sees all, works on cells").get(f"{V1}/whoami").json() == {
        "person": "sees all, works on cells",
        "role": "viewer",
        "projects": {"Cell bank": "operator"},
    }
