"""Other people's clients: the one of the Model Context Protocol, and one that OpenAPI makes."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.journal.access_tokens import Role
from orchestrator.journal.suggestions import open_suggestions
from protocols.campaign import Campaign
from tests.service import House, house, listening

HERE = Path(__file__).parent
PYTHON = os.environ.get("CLIENTS", "")
GENERATOR = str(Path(os.environ.get("GENERATOR", "")).absolute())

pytestmark = pytest.mark.skipif(not PYTHON, reason="make third-party runs these")

READING = {
    "whoami",
    "campaigns",
    "campaign",
    "round",
    "jobs",
    "events",
    "insight",
    "robots",
    "needs",
    "checklists",
    "checklist",
    "validate",
    "table",
}


@pytest.fixture(scope="module")
def lab(
    tmp_path_factory: pytest.TempPathFactory, assay: Campaign
) -> Iterator[tuple[House, str, str]]:
    """A service that listens, where it is, and a campaign with results."""
    with house(tmp_path_factory.mktemp("lab")) as found:
        campaign = found.campaign(assay, read=True)
        with listening(found) as url:
            yield found, url, campaign


def asked(
    lab: tuple[House, str, str], person: str, calls: list[tuple[str, dict[str, Any]]], *more: str
) -> dict[str, Any]:
    """What the public client hears from `wellwise mcp`, begun by it as a process of its own."""
    found, url, _ = lab
    ran = subprocess.run(
        [PYTHON, str(HERE / "ask_by_mcp.py"), url, found.secrets[person], *more],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    heard: dict[str, Any] = json.loads(ran.stdout)
    return heard


def test_an_assistant_reads_everything_and_finds_nothing_that_changes(
    lab: tuple[House, str, str],
) -> None:
    campaign = lab[2]
    heard = asked(
        lab,
        "operator",
        [
            ("campaign", {"campaign": campaign}),
            ("table", {"campaign": campaign, "name": "wells.csv"}),
            ("campaign", {"campaign": "no-such"}),
            ("pause", {"campaign": campaign, "why": "to see"}),
        ],
    )
    assert set(heard["tools"]) == READING
    assert all(heard["tools"].values())
    (seen, table, unknown, refused) = heard["answers"]
    assert not seen[0]
    assert json.loads(seen[1])["id"] == campaign
    assert "substrate_concentration" in table[1].splitlines()[0]
    assert unknown[0]
    assert "there is no campaign 'no-such'" in unknown[1]
    assert refused[0]
    assert "there is no tool pause" in refused[1]
    assert lab[0].backend.journal.state(campaign).status == "running"


def test_what_an_assistant_suggests_an_operator_does(lab: tuple[House, str, str]) -> None:
    found, _, campaign = lab
    heard = asked(
        lab,
        "viewer",
        [
            ("set_rounds", {"campaign": campaign, "rounds": 7, "why": "the best is still rising"}),
            ("set_rounds", {"campaign": campaign, "rounds": 0, "why": "none"}),
            ("abort", {"campaign": campaign, "why": "it costs too much"}),
        ],
        "--changes",
        "suggest",
    )
    assert heard["tools"]["set_rounds"] is False
    (suggested, wrong, _) = heard["answers"]
    assert not suggested[0]
    assert "Nothing changes until" in suggested[1]
    assert wrong[0]
    assert "rounds: 0 is less than the minimum of 1" in wrong[1]
    journal = found.backend.journal
    assert journal.state(campaign).status == "running"

    operator = found.client("operator")
    (more, less) = operator.get(f"/api/v1/campaigns/{campaign}").json()["suggestions"]
    assert (more["act"], more["who"], more["values"]) == ("set_rounds", "viewer", {"rounds": 7})
    address = f"/api/v1/campaigns/{campaign}/rounds?suggestion={more['id']}"
    body = {"rounds": 7, "why": "agreed"}
    assert found.client("viewer").post(address, json=body).status_code == 403
    assert operator.post(address, json=body).json()["rounds"] == 7
    again = operator.post(address, json=body)
    assert again.status_code == 409
    assert "was done by operator: agreed" in again.json()["detail"]
    declined = operator.post(
        f"/api/v1/campaigns/{campaign}/suggestions/declined",
        json={"suggestion": less["id"], "why": "no"},
    )
    assert declined.status_code == 200
    with journal.reading_session() as session:
        assert open_suggestions(session, campaign) == []


def test_with_an_operators_token_an_assistant_may_act_if_it_is_let(
    lab: tuple[House, str, str],
) -> None:
    found, _, campaign = lab
    calls: list[tuple[str, dict[str, Any]]] = [
        ("pause", {"campaign": campaign, "why": "the incubator is open"})
    ]
    (refused,) = asked(lab, "viewer", calls, "--changes", "do")["answers"]
    assert refused[0]
    assert "operator" in refused[1]
    (done,) = asked(lab, "operator", calls, "--changes", "do")["answers"]
    assert not done[0]
    assert json.loads(done[1])["status"] == "paused"
    event = found.backend.journal.events(campaign)[-1]
    assert (event.kind, event.who, event.message) == (
        "campaign_paused",
        "operator",
        "the incubator is open",
    )


def test_with_a_role_in_a_project_an_assistant_finds_the_campaigns_of_that_alone(
    lab: tuple[House, str, str], assay: Campaign
) -> None:
    found, _, hidden = lab
    own = found.campaign(assay.model_copy(update={"name": "of-retina"}))
    body = {"project": "Retina", "why": "ours"}
    found.client("admin").post(f"/api/v1/campaigns/{own}/filing", json=body)
    roles, day = {"Retina": Role.OPERATOR}, timedelta(days=1)
    found.secrets["ada"], _ = found.backend.access.create("ada", Role.NONE, day, "root", roles)
    lists = ("campaigns", "needs", "robots", "checklists", "whoami")
    calls: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in lists]
    calls += [("campaign", {"campaign": hidden}), ("events", {"campaign": hidden})]
    calls += [("pause", {"campaign": name, "why": "so"}) for name in (hidden, own)]
    *told, look, events, refused, done = asked(lab, "ada", calls, "--changes", "do")["answers"]
    assert own in told[0][1]
    assert not [text for failed, text in told if failed or f'"{hidden}' in text]
    for failed, text in (look, events, refused):
        assert failed
        assert f"there is no campaign '{hidden}' in this journal (expected one of {own})" in text
    assert not done[0], done[1]


def test_a_client_that_the_openapi_description_makes_reads_the_service(
    lab: tuple[House, str, str], tmp_path: Path
) -> None:
    found, url, campaign = lab
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(found.app.openapi()))
    # To this generator an image is a file only where it is told so; it formats nothing here.
    pictures = ("image/svg+xml", "image/png", "image/jpeg", "image/jpeg, image/png")
    overrides = dict.fromkeys(pictures, "application/octet-stream")
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"content_type_overrides": overrides, "post_hooks": []}))
    made = subprocess.run(
        [
            str(Path(GENERATOR).with_name("openapi-python-client")),
            *("generate", "--path", str(description), "--output-path", str(tmp_path / "made")),
            *("--meta", "none", "--fail-on-warning", "--config", str(settings)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    program = (
        "import sys\n"
        "from made import AuthenticatedClient\n"
        "from made.api.campaigns import one_campaign\n"
        "client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])\n"
        "print(one_campaign.sync(sys.argv[3], client=client).id)\n"
    )
    ran = subprocess.run(
        [GENERATOR, "-c", program, url, found.secrets["viewer"], campaign],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == campaign, ran.stderr
