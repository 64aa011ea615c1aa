"""The HTTP API: who may do what, what comes back, and that an act is done once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from orchestrator.client import Client, RefusedByService, Unreachable
from orchestrator.journal.access_tokens import Role
from orchestrator.service import bounded
from protocols.campaign import Campaign
from tests.conftest import ASSAY_FILE
from tests.postgres import temporary_database
from tests.service import PEOPLE, House, house

V1 = "/api/v1"
WELL = f"{V1}/campaigns/colour-assay/rounds/1/wells/1/A1"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory, assay: Campaign) -> Iterator[House]:
    """A house with a campaign for tests that change nothing that others look at."""
    with house(tmp_path_factory.mktemp("described")) as found:
        found.campaign(assay)
        yield found


def routes(found: House) -> list[tuple[str, str]]:
    schema = found.app.openapi()
    return [
        (method.upper(), path) for path, methods in schema["paths"].items() for method in methods
    ]


FREE = {"/api/v1/health", "/api/v1/ready"}
ADMIN = {
    "/api/v1/tokens",
    "/api/v1/audit",
    "/api/v1/tokens/{token}",
    "/api/v1/campaigns/{campaign_id}/robot-address",
}
LOOKING = {f"/api/v1/campaigns/{n}" for n in ("validate", "migrate", "{campaign_id}/suggestions")}


def needed(method: str, path: str) -> Role | None:
    if path in FREE:
        return None
    if path in ADMIN:
        return Role.ADMIN
    return Role.VIEWER if method == "GET" or path in LOOKING else Role.OPERATOR


@pytest.mark.reproduction("F1")
@pytest.mark.parametrize("person", PEOPLE)
def test_every_route_lets_in_only_whom_it_should(described: House, person: str) -> None:
    client = described.client(person)
    assert len(routes(described)) > 30
    for method, path in routes(described):
        role = needed(method, path)
        if path.endswith("/events/stream") and person in ("viewer", "operator", "admin"):
            continue
        # A body that nobody's request could mean: whoever is let in gets that answer, and nothing
        # is done.
        address = (
            path.replace("{campaign_id}", "no-such")
            .replace("{robot}", "nobody")
            .replace("{token}", "00000000")
        )
        for name, value in {
            "number": "1",
            "plate": "1",
            "well": "A1",
            "reading": "1",
            "name": "wells.csv",
        }.items():
            address = address.replace(f"{{{name}}}", value)
        response = client.request(
            method, address, json=None if method == "GET" else {"nonsense": True}
        )
        shown = f"{person}: {method} {address} -> {response.status_code} {response.text[:200]}"
        if role is None:
            assert response.status_code in (200, 503), shown
        elif person in ("nobody", "expired", "revoked"):
            assert response.status_code == 401, shown
        elif Role[person.upper()] < role:
            assert response.status_code == 403, shown
        else:
            assert response.status_code in (200, 404, 422), shown
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json", shown
            assert response.json()["detail"], shown


def test_whatever_is_asked_the_answer_is_described(described: House) -> None:
    schema = schemathesis.openapi.from_asgi(f"{V1}/openapi.json", described.app)
    admin = {"Authorization": f"Bearer {described.secrets['admin']}"}
    bounded.start()
    # Live events have no end, and nobody runs campaigns here, which `ready` says with 503.
    for found in schema.exclude(path=[f"{V1}/events/stream", f"{V1}/ready"]).get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def asked(case: Any) -> None:
            case.call_and_validate(headers=admin, excluded_checks=[positive_data_acceptance])

        asked()


def test_a_method_that_an_address_has_not_is_reported_with_those_that_it_has(
    described: House,
) -> None:
    answer = described.client("admin").delete(f"{V1}/campaigns")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert "expected GET, POST" in answer.json()["detail"]


def test_a_campaign_is_launched_once_however_often_the_request_comes(served: House) -> None:
    client, body = served.client("operator"), {"file": ASSAY_FILE.read_text()}
    first = client.post(f"{V1}/campaigns", json=body, headers={"Idempotency-Key": "a"})
    again = client.post(f"{V1}/campaigns", json=body, headers={"Idempotency-Key": "a"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replay"] == "true"
    assert served.backend.journal.campaign_ids() == ["colour-assay"]
    other = client.post(
        f"{V1}/campaigns", json=body | {"seed": 3}, headers={"Idempotency-Key": "a"}
    )
    assert other.status_code == 409
    [created] = served.backend.journal.events("colour-assay")
    assert (created.kind, created.who) == ("campaign_created", "operator")


def test_a_refused_request_may_be_mended_and_sent_again(served: House) -> None:
    client, key = served.client("operator"), {"Idempotency-Key": "a"}
    text = ASSAY_FILE.read_text()
    refused = client.post(
        f"{V1}/campaigns", json={"file": text.replace("seed:", "sead:", 1)}, headers=key
    )
    assert refused.status_code == 422
    [problem] = refused.json()["problems"]
    assert problem["line"] > 1
    assert "did you mean 'seed'" in problem["message"]
    assert client.post(f"{V1}/campaigns", json={"file": text}, headers=key).status_code == 201


def test_a_file_is_checked_and_shown_before_the_launch(served: House) -> None:
    shown = (
        served.client("viewer")
        .post(f"{V1}/campaigns/validate", json={"file": ASSAY_FILE.read_text()})
        .json()
    )
    assert shown["wells"] == len(shown["layout"]) > 0
    assert shown["steps"][0]["jobs"] > 0
    assert all(liquid["volume_ul"] > 0 for liquid in shown["liquids"])
    assert served.backend.journal.campaign_ids() == []


def test_a_campaign_is_not_sent_again_when_nothing_happened(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay)
    client = served.client("operator")
    first = client.get(f"{V1}/campaigns/{campaign_id}")
    tag = {"If-None-Match": first.headers["etag"]}
    assert client.get(f"{V1}/campaigns/{campaign_id}", headers=tag).status_code == 304
    client.post(f"{V1}/campaigns/{campaign_id}/pause", json={"why": "lunch"})
    assert client.get(f"{V1}/campaigns/{campaign_id}", headers=tag).json()["status"] == "paused"


def test_acts_have_their_person_and_reason(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay)
    client = served.client("operator")
    for act, status in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        answer = client.post(f"{V1}/campaigns/{campaign_id}/{act}", json={"why": f"to {act}"})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        event = served.backend.journal.events(campaign_id)[-1]
        assert (event.who, event.message) == ("operator", f"to {act}")
    refused = client.post(f"{V1}/campaigns/{campaign_id}/resume", json={"why": "no"})
    assert refused.status_code == 409
    assert "is aborted" in refused.json()["detail"]
    assert client.post(f"{V1}/campaigns/{campaign_id}/pause", json={"why": "  "}).status_code == 422


def test_a_batch_is_looked_at_edited_and_approved(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay, proposed=True)
    client, base = served.client("operator"), f"{V1}/campaigns/{campaign_id}"
    [need] = client.get(base).json()["needs"]
    assert need["kind"] == "approval"
    well = next(
        w for w in client.get(f"{base}/rounds/1").json()["placements"] if w["role"] == "initial"
    )
    assert well["reason"].startswith("initial design")
    place = f"{base}/rounds/1/wells/{well['plate']}/{well['well']}"
    free = next(p for p in assay.parameters if p not in assay.space.decided)
    values = {free.name: free.standard}
    edited = client.post(f"{place}/proposal", json={"values": values, "why": "a hunch"}).json()
    assert edited["role"] == "edited"
    assert edited["condition"][free.name] == pytest.approx(free.standard)
    assert [event["kind"] for event in edited["events"]] == ["proposal_edited"]
    wrong = client.post(f"{place}/proposal", json={"values": {"nothing": 1}, "why": "a hunch"})
    assert (wrong.status_code, "expected one of" in wrong.json()["detail"]) == (409, True)
    approved = client.post(f"{base}/approve", json={"why": "looks well"}).json()
    assert approved["needs"] == []
    assert approved["jobs"] > 0
    jobs, after = [], 0
    while after is not None:
        page = client.get(f"{base}/jobs", params={"limit": 7, "after": after}).json()
        jobs += page["items"]
        after = page["next"]
    assert len({job["key"] for job in jobs}) == len(jobs) == approved["jobs"]


def test_readings_come_by_hand_or_as_a_table_all_or_none(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay)
    client, base = served.client("operator"), f"{V1}/campaigns/{campaign_id}"
    entered = client.post(f"{WELL}/reading", json={"value": 0.25, "why": "by eye"}).json()
    assert (entered["value"], entered["observations"][0]["scorer"]) == (0.25, "by hand")
    number = entered["readings"][0]
    assert (number["image"], number["marked"]) == (None, None)
    missing = client.get(f"{base}/readings/{number['id']}/marked")
    assert (missing.status_code, "is no image" in missing.json()["detail"]) == (404, True)
    table = "round,plate,well,value\n1,1,A2,0.5\n1,1,A3,0.75\n"
    assert client.post(f"{base}/readings", json={"csv": table, "why": "reader"}).json() == {
        "wells": 2
    }
    wrong = client.post(
        f"{base}/readings", json={"csv": table + "1,1,A4,7\n1,1,A2,0.5\n", "why": "reader"}
    )
    assert [problem["line"] for problem in wrong.json()["problems"]] == [4, 5]
    assert client.get(f"{base}/rounds/1").json()["max"] == 0.75
    absent = client.post(
        f"{base}/readings", json={"csv": table.replace("A2", "H12"), "why": "reader"}
    )
    assert absent.status_code == 404
    for text in ("", "a,b\n1,2\n", "round,plate,well,value\n", '"\x00'):
        assert (
            client.post(f"{base}/readings", json={"csv": text, "why": "reader"}).status_code == 422
        )


def test_lists_go_on_where_they_ended(served: House, assay: Campaign) -> None:
    names = [served.campaign(assay) for _ in range(5)]
    client = served.client("viewer")
    first = client.get(f"{V1}/campaigns", params={"limit": 3}).json()
    rest = client.get(f"{V1}/campaigns", params={"limit": 3, "before": first["next"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == names[::-1]
    assert rest["next"] is None
    events = client.get(f"{V1}/campaigns/{names[0]}/events", params={"limit": 2}).json()
    more = client.get(f"{V1}/campaigns/{names[0]}/events", params={"after": events["next"]}).json()
    kinds = [event["kind"] for event in events["items"] + more["items"]]
    assert kinds == ["campaign_created", "round_planned", "notice"]


def test_the_model_is_shown_once_there_are_results(served: House, assay: Campaign) -> None:
    empty, full = served.campaign(assay), served.campaign(assay, read=True)
    client = served.client("viewer")
    assert client.get(f"{V1}/campaigns/{empty}/insight").json()["recommended"] is None
    assert client.get(f"{V1}/campaigns/{empty}/figures/effects.svg").status_code == 404
    insight = client.get(f"{V1}/campaigns/{full}/insight").json()
    best = insight["recommended"]
    assert 0 <= best["low"] <= best["mean"] <= best["high"] <= 1
    assert {curve["parameter"] for curve in insight["curves"]} <= set(best["condition"])
    for entry in insight["importance"]:
        assert entry["low"] <= entry["in_all"] <= entry["high"]
        assert entry["alone_low"] <= entry["alone"] <= entry["alone_high"]
    assert insight["trust"]["results"] == insight["observations"]
    figure = client.get(f"{V1}/campaigns/{full}/figures/effects.svg")
    assert figure.headers["content-type"] == "image/svg+xml"
    assert figure.text.startswith("<?xml")


def test_a_decision_on_a_job_that_nobody_asks_about_is_refused(
    served: House, assay: Campaign
) -> None:
    campaign_id = served.campaign(assay)
    client, base = served.client("operator"), f"{V1}/campaigns/{campaign_id}"
    key = client.get(f"{base}/jobs").json()["items"][0]["key"]
    body = {"job": key, "decision": "done", "why": "I saw it"}
    assert client.post(f"{base}/decisions", json=body).status_code == 409
    assert (
        client.post(f"{base}/decisions", json=body | {"job": "other/r1/p1/A/1"}).status_code == 404
    )
    assert client.post(f"{base}/decisions", json=body | {"decision": "maybe"}).status_code == 422


def test_robots_are_shown_and_stopped(served: House, assay: Campaign) -> None:
    campaign_id = served.campaign(assay)
    client = served.client("operator")
    robot, *others = client.get(f"{V1}/robots").json()
    assert (robot["state"], robot["simulated"], robot["campaigns"]) == ("idle", True, [campaign_id])
    assert robot["queue"] > 0
    stopped = client.post(f"{V1}/robots/{robot['name']}/stop", json={"why": "smoke"}).json()
    assert stopped == {"stopped": list(assay.robots), "not_stopped": {}}
    assert {robot["name"], *(other["name"] for other in others)} == set(assay.robots)
    assert client.get(f"{V1}/campaigns/{campaign_id}").json()["status"] == "paused"


def test_tokens_are_made_and_revoked_by_admins(served: House) -> None:
    client = served.client("admin")
    made = client.post(f"{V1}/tokens", json={"person": "Ada", "role": "operator", "days": 2})
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret not in client.get(f"{V1}/tokens").text
    bearer = {"Authorization": f"Bearer {secret}"}
    nobody = served.client("nobody")
    me = {"person": "Ada", "role": "operator", "projects": {}}
    assert nobody.get(f"{V1}/whoami", headers=bearer).json() == me
    assert client.delete(f"{V1}/tokens/{made.json()['id']}").status_code == 204
    assert nobody.get(f"{V1}/whoami", headers=bearer).status_code == 401
    assert client.get(f"{V1}/audit").json()[0]["act"] == "token_revoked"


def test_the_client_says_the_same_as_the_api(
    served: House, assay: Campaign, tmp_path: Path
) -> None:
    client = Client(
        "http://testserver",
        served.secrets["operator"],
        transport=served.client("nobody")._transport,
    )
    preview = client.validate(ASSAY_FILE.read_text())
    assert client.launch(ASSAY_FILE.read_text()).id == preview.name == "colour-assay"
    campaign_id = served.campaign(assay, proposed=True)
    assert {found.id for found in client.campaigns()} == {campaign_id, "colour-assay"}
    assert client.whoami().role == "operator"
    assert client.approve(campaign_id, "well").jobs == len(
        served.backend.journal.jobs(campaign_id, 1)
    )
    assert client.enter_reading(campaign_id, 1, 1, "A1", 0.5, "eye").value == 0.5
    assert (
        client.upload_readings(campaign_id, "round,plate,well,value\n1,1,A2,0.25\n", "eye").wells
        == 1
    )
    assert client.round(campaign_id, 1).max == 0.5
    assert client.campaign(campaign_id).best == 0.5
    assert client.set_rounds(campaign_id, 9, "more").rounds == 9
    assert client.pause(campaign_id, "lunch").status == "paused"
    assert client.stop_now(campaign_id, "smoke").not_stopped == {}
    assert client.resume(campaign_id, "back").status == "running"
    assert client.jobs(campaign_id, state="planned").items[0].key.startswith(f"{campaign_id}/r1/")
    assert client.events(campaign_id).items[0].kind == "campaign_created"
    assert {robot.name for robot in client.robots()} == set(assay.robots)
    assert client.export(campaign_id, "campaign.yaml") == b"name: text\n"
    assert client.insight(campaign_id).observations == 2
    assert client.abort(campaign_id, "end").status == "aborted"
    with pytest.raises(RefusedByService, match="is aborted") as refusal:
        client.resume(campaign_id, "no")
    assert refusal.value.details.status == 409
    with pytest.raises(RefusedByService, match="not in_doubt"):
        client.decide(campaign_id, client.jobs(campaign_id).items[0].key, "done", "I saw it")
    away = Client("http://127.0.0.1:9", "x")
    with pytest.raises(Unreachable, match="is it started"):
        away.campaigns()


def test_metrics_and_health(served: House, assay: Campaign) -> None:
    served.campaign(assay, proposed=True)
    text = served.client("viewer").get(f"{V1}/metrics").text
    assert 'wellwise_campaigns{status="running"} 1.0' in text
    assert 'wellwise_needs{kind="approval"} 1.0' in text
    nobody = served.client("nobody")
    assert nobody.get(f"{V1}/health").json()["status"] == "ok"
    # Nobody runs campaigns here, and that is reported.
    assert nobody.get(f"{V1}/ready").status_code == 503


def test_on_postgresql_as_well(tmp_path: Path, assay: Campaign) -> None:
    with temporary_database() as url, house(tmp_path, url) as served:
        campaign_id = served.campaign(assay, read=True)
        client = served.client("operator")
        assert client.get(f"{V1}/campaigns/{campaign_id}").json()["summaries"][0]["max"] == 0.95
        assert client.get(f"{V1}/campaigns/{campaign_id}/jobs", params={"state": "planned"}).json()[
            "items"
        ]
        assert client.get(f"{V1}/robots").json()[0]["queue"] > 0
        body, key = {"why": "twice"}, {"Idempotency-Key": json.dumps("k")}
        answers = [
            client.post(f"{V1}/campaigns/{campaign_id}/pause", json=body, headers=key)
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        kinds = [event.kind for event in served.backend.journal.events(campaign_id)]
        assert kinds.count("campaign_paused") == 1
