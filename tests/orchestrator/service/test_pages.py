"""Pages without a browser.

Who sees which, what a session is, and what a stranger's page could make a browser do.
"""

import asyncio
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from drivers.registry import driver_names
from optimizer.strategy_registry import strategy_names
from orchestrator.control.filing import FileUnder
from orchestrator.journal.access_tokens import Identity, Role
from orchestrator.lab.scoring import scorer_names
from orchestrator.service.authentication import COOKIE
from orchestrator.service.routes.events import stream
from protocols.campaign import Campaign
from protocols.operations import OPERATIONS
from protocols.parameters import PARAMETER_KINDS
from tests import acting
from tests.by_hand import FILL, on_the_table
from tests.service import PEOPLE, House, house


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


def signed_in(served: House, person: str) -> TestClient:
    client = served.client("nobody")
    answer = client.post("/login", data={"token": served.secrets[person]}, follow_redirects=False)
    assert answer.status_code == 303
    return client


def csrf(client: TestClient) -> dict[str, str]:
    page = client.get("/").text
    return {"X-CSRF-Token": page.split('data-csrf="')[1].split('"')[0]}


@pytest.mark.parametrize("person", PEOPLE)
def test_every_page_lets_in_only_whom_it_should(
    served: House, assay: Campaign, person: str
) -> None:
    campaign_id = served.campaign(assay)
    pages = [
        "/",
        "/campaigns/new",
        f"/campaigns/{campaign_id}",
        f"/campaigns/{campaign_id}/insight",
        f"/campaigns/{campaign_id}/wells/1/1/A1",
        "/compare",
        "/robots",
        "/checklists",
        "/access",
    ]
    client = served.client(person)
    for page in pages:
        answer = client.get(page, headers={"Accept": "text/html"}, follow_redirects=False)
        if person in ("nobody", "expired", "revoked"):
            assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={page}")
        else:
            assert answer.status_code == (
                403 if page == "/access" and person != "admin" else 200
            ), page
    assert (
        client.get("/login").status_code == client.get("/static/dashboard.css").status_code == 200
    )
    assert client.get("/campaigns/no-such").status_code == (
        404 if person in ("viewer", "operator", "admin") else 401
    )


def test_a_browser_that_goes_astray_sees_a_page_and_a_program_a_problem(served: House) -> None:
    client, astray = signed_in(served, "viewer"), "/campaigns/<b>rpe</b>/nothing"
    page = client.get(astray, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such thing" in page.text
    assert "&lt;b&gt;rpe" in page.text
    assert "<b>" not in page.text
    assert client.get(astray).headers["content-type"] == "application/problem+json"
    assert client.get("/api/v1/nothing", headers={"Accept": "text/html"}).json()["status"] == 404


def test_a_change_from_a_browser_needs_the_token_of_its_own_session(
    served: House, assay: Campaign
) -> None:
    address = f"/api/v1/campaigns/{served.campaign(assay)}/pause"
    client, other = signed_in(served, "operator"), signed_in(served, "operator")
    body = {"why": "lunch"}
    assert client.post(address, json=body).status_code == 403
    assert client.post(address, json=body, headers={"X-CSRF-Token": "guess"}).status_code == 403
    assert client.post(address, json=body, headers=csrf(other)).status_code == 403
    assert client.post("/logout").status_code == 403
    assert client.post(address, json=body, headers=csrf(client)).json()["status"] == "paused"


def test_a_session_ends_with_its_token_and_with_the_sign_out(served: House) -> None:
    client = signed_in(served, "viewer")
    assert client.post("/logout", headers=csrf(client)).status_code == 204
    assert client.get("/").status_code == 401
    client = signed_in(served, "operator")
    token = next(row.id for row in served.backend.access.tokens() if row.person == "operator")
    served.backend.access.revoke(token, "root")
    assert client.get("/").status_code == 401


def test_the_cookie_is_not_for_scripts_nor_for_other_sites(served: House) -> None:
    token = {"token": served.secrets["viewer"]}
    plain = (
        served.client("nobody")
        .post("/login", data=token, follow_redirects=False)
        .headers["set-cookie"]
    )
    assert plain.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict"} <= set(plain.split("; "))
    secure = TestClient(served.app, base_url="https://testserver")
    assert (
        "Secure" in secure.post("/login", data=token, follow_redirects=False).headers["set-cookie"]
    )


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\r\nb"],
)
def test_a_sign_in_leads_nowhere_else(served: House, target: str) -> None:
    data = {"token": served.secrets["viewer"], "next": target}
    answer = served.client("nobody").post("/login", data=data, follow_redirects=False)
    assert answer.headers["location"] == "/"


def test_what_people_write_is_shown_as_text(served: House, assay: Campaign) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    campaign_id = served.campaign(assay.model_copy(update={"title": evil}), proposed=True)
    client = served.client("operator")
    well = served.backend.state(campaign_id)[1].rounds[0].wells[0].well
    place = f"/api/v1/campaigns/{campaign_id}/rounds/1/wells/{well.plate}/{well.name}/proposal"
    assert client.post(place, json={"leave_empty": True, "why": evil}).status_code == 200
    for page in (
        "/",
        f"/campaigns/{campaign_id}",
        f"/campaigns/{campaign_id}/wells/1/{well.plate}/{well.name}",
    ):
        text = client.get(page).text
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    policy = client.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


BELOW = {"X-Forwarded-Prefix": "/lab/wellwise/", "Accept": "text/html"}


def addresses(html: str) -> list[str]:
    """Every address of this host that a browser would follow."""
    return re.findall(r'(?:href|src|action|data-url|data-lazy)="(/[^"]*)"', html)


def test_every_address_of_a_page_begins_with_the_path_that_the_proxy_took_away(
    served: House, assay: Campaign
) -> None:
    campaign_id = served.campaign(assay)
    on_the_table(served)
    client = signed_in(served, "admin")
    acts = served.backend.acting(campaign_id)
    acting.do(acts, campaign_id, "ada", FileUnder(project="A/B", tags=("c&d",), why="tidy"))
    pages = [
        "/",
        "/?tag=c%26d&project=A%2FB",
        f"/compare?campaign={campaign_id}",
        "/campaigns/new",
        f"/campaigns/{campaign_id}",
        f"/campaigns/{campaign_id}/insight",
        f"/campaigns/{campaign_id}/wells/1/1/A1",
        f"/campaigns/{campaign_id}/nothing",
        "/robots",
        "/checklists",
        f"/checklists/ada/{FILL}",
        "/access",
        "/login",
    ]
    for page in pages:
        plain = client.get(page, headers={"Accept": "text/html"})
        below = client.get(page, headers=BELOW)
        assert addresses(below.text) == ["/lab/wellwise" + a for a in addresses(plain.text)], page
        part = client.get(page, headers={**BELOW, "X-Part": "1"})
        assert all(a.startswith("/lab/wellwise/") for a in addresses(part.text)), page
    assert 'data-prefix="/lab/wellwise"' in client.get("/", headers=BELOW).text
    assert 'data-prefix=""' in client.get("/").text


def test_sign_in_below_a_path_leads_back_below_it(served: House) -> None:
    nobody = served.client("nobody")
    asked = nobody.get("/robots", headers=BELOW, follow_redirects=False)
    assert asked.headers["location"] == "/lab/wellwise/login?next=/robots"
    form = nobody.get("/login?next=/robots", headers=BELOW).text
    assert 'action="/lab/wellwise/login"' in form
    data = {"token": served.secrets["viewer"], "next": "/robots"}
    answer = nobody.post("/login", data=data, headers=BELOW, follow_redirects=False)
    assert answer.headers["location"] == "/lab/wellwise/robots"
    slash = nobody.get("/robots/", headers=BELOW, follow_redirects=False)
    assert slash.headers["location"] == "http://testserver/lab/wellwise/robots"
    plain = nobody.get("/robots/", follow_redirects=False)
    assert plain.headers["location"] == "http://testserver/robots"


def test_no_proxy_holds_events_back(served: House) -> None:
    request, viewer = Request({"type": "http"}), Identity("ada", Role.VIEWER, "1")
    answer = asyncio.run(stream(request, served.backend, viewer, None, None, None))
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "https://evil.example", "/a//b", "/..", '/"><script>', "/" * 300]
)
def test_a_prefix_that_is_no_path_is_not_taken(served: House, prefix: str) -> None:
    client = signed_in(served, "viewer")
    assert client.get("/", headers={"X-Forwarded-Prefix": prefix}).text == client.get("/").text


def test_the_scripts_send_everything_below_the_prefix() -> None:
    static = files("orchestrator.service.dashboard") / "static"
    folders = (static, static / "builder", static / "charts")
    ours = [file for folder in folders for file in folder.iterdir()]
    script = "".join(file.read_text() for file in ours if file.name.endswith(".js"))
    own = "api/v1|campaigns|checklists|login|logout"
    sent = re.findall(rf"""["'`]([^"'`\s]*/(?:{own})\b)""", script)
    assert len(sent) >= 11
    assert all(address.startswith("${prefix}/") for address in sent), sent


def test_the_builder_knows_no_kind_of_anything_by_name() -> None:
    builder = files("orchestrator.service.dashboard") / "static" / "builder"
    script = "".join(file.read_text() for file in builder.iterdir() if file.name.endswith(".js"))
    known = {*OPERATIONS, *PARAMETER_KINDS, *scorer_names(), *driver_names(), *strategy_names()}
    quoted = set(re.findall(r"""[=(\[,:?] ?["'`](\w+)["'`]""", script))
    types_of_json_schema = {"boolean", "integer", "number"}
    assert known & quoted <= types_of_json_schema


def test_what_the_model_found_follows_a_corrected_value(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay, read=True)
    client = served.client("viewer")
    before = client.get(f"/api/v1/campaigns/{campaign_id}/insight").json()
    lab = served.backend.acting(campaign_id)
    acting.correct_wells(lab, campaign_id, {acting.place(1, 1, "A1"): 1.0}, "ada", "by eye")
    served.backend.changed(campaign_id)
    after = client.get(f"/api/v1/campaigns/{campaign_id}/insight").json()
    assert after["observations"] == before["observations"]
    assert after["recommended"] != before["recommended"]
