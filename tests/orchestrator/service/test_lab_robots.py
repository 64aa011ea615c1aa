"""The robots of the lab over HTTP and on their page: decks, and what is left on them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from drivers.job_book import JobBook
from drivers.opentrons.supplies import Used, note_used
from orchestrator.client import Client
from protocols.campaign import Campaign
from tests.drivers.test_opentrons_supplies import DECK
from tests.program import wellwise
from tests.service import House, house

V1 = "/api/v1"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    file = tmp_path / "lab.yaml"
    ot2 = {"driver": "opentrons", "address": "http://127.0.0.1:9", "options": DECK}
    robots = {"ot2": ot2, "dispenser": {"driver": "simulated"}, "camera": {"driver": "simulated"}}
    YAML(typ="safe").dump({"robots": robots}, file)
    return file


@pytest.fixture
def served(tmp_path: Path, lab: Path) -> Iterator[House]:
    with house(tmp_path, lab=lab) as found:
        yield found


def take(served: House, tips: int, water_ul: float) -> None:
    """What a job took from the deck, in the robot's job book."""
    book = JobBook(served.backend.settings.home / "robots" / "ot2.sqlite")
    note_used(book, "c/r1/p1/s/1", Used({"left": tips}, {"trough A1": water_ul}))
    book.close()


def robots(served: House) -> dict[str, dict[str, Any]]:
    found = served.client("viewer").get(f"{V1}/robots").json()
    return {robot["name"]: robot for robot in found}


def test_robots_that_no_campaign_needs_are_shown_with_their_deck(served: House) -> None:
    found = robots(served)
    assert set(found) == {"ot2", "dispenser", "camera"}
    assert (found["ot2"]["campaigns"], found["ot2"]["state"]) == ([], "idle")
    places = {place["place"]: place["labware"] for place in found["ot2"]["deck"]}
    assert places["1"] == "nest_12_reservoir_15ml"
    assert places["4"] == places["5"] == "opentrons_96_tiprack_300ul"
    assert found["dispenser"]["deck"] == found["dispenser"]["supplies"] == []


def test_what_is_left_is_what_the_command_says_and_is_full_again_when_somebody_says_so(
    served: House, lab: Path, assay: Campaign
) -> None:
    take(served, tips=30, water_ul=400)
    left = {one["name"]: (one["left"], one["full"]) for one in robots(served)["ot2"]["supplies"]}
    assert left == {"left": (162, 192), "trough A1": (500, 900), "trough A2": (900, 900)}
    said = wellwise("robot", "supplies", "ot2", "--lab", lab, home=served.backend.settings.home)
    assert "left (opentrons_96_tiprack_300ul): 162 of 192 tips" in said.stdout
    page = served.client("viewer").get("/robots").text
    assert "162 / 192 tips" in page
    body = {"why": "a new rack", "supplies": ["left"]}
    assert served.client("viewer").post(f"{V1}/robots/ot2/refill", json=body).status_code == 403
    answer = served.client("operator").post(f"{V1}/robots/ot2/refill", json=body)
    assert [(one["name"], one["left"]) for one in answer.json()] == [("left", 192)]
    page = served.client("viewer").get("/robots").text
    assert "192 / 192 tips" in page
    assert "500 / 900 uL" in page


def test_a_refill_stands_in_the_event_log_of_campaigns_that_use_the_robot(
    served: House, assay: Campaign
) -> None:
    on_it = assay.model_copy(
        update={"robots": assay.robots | {"ot2": served.backend.lab.robots["ot2"]}}  # type: ignore[union-attr]
    )
    campaign = served.campaign(on_it)
    take(served, tips=30, water_ul=400)
    transport = served.client("operator")._transport
    client = Client("http://testserver", served.secrets["operator"], transport)
    assert [supply.left for supply in client.refill("ot2", "before the night")] == [192, 900, 900]
    event = served.client("viewer").get(f"{V1}/campaigns/{campaign}/events").json()["items"][-1]
    assert (event["kind"], event["subject"], event["who"]) == ("robot_refilled", "ot2", "operator")
    assert event["message"] == "full again: left, trough A1, trough A2 (before the night)"


@pytest.mark.parametrize(
    ("robot", "supplies", "status", "said"),
    [
        ("ot2", ["right"], 422, "expected one of left, trough A1, trough A2"),
        ("dispenser", [], 404, "it does not count what it uses up"),
        ("nobody", [], 404, "there is no such robot"),
    ],
)
def test_what_is_not_there_cannot_be_filled_up(
    served: House, robot: str, supplies: list[str], status: int, said: str
) -> None:
    take(served, tips=30, water_ul=400)
    body = {"why": "a new rack", "supplies": supplies}
    answer = served.client("operator").post(f"{V1}/robots/{robot}/refill", json=body)
    assert answer.status_code == status
    assert said in answer.text
    assert robots(served)["ot2"]["supplies"][0]["left"] == 162


def test_a_robot_whose_deck_cannot_be_read_leaves_the_others_on_the_page(
    served: House, lab: Path
) -> None:
    book = served.backend.settings.home / "robots" / "ot2.sqlite"
    book.parent.mkdir(exist_ok=True)
    book.write_bytes(b"no database at all" * 100)
    found = robots(served)
    assert str(book) in found["ot2"]["deck_problem"]
    assert found["dispenser"]["deck_problem"] == ""
    page = served.client("viewer").get("/robots")
    assert page.status_code == 200
    assert "What lies on its deck is not known" in page.text


def test_a_driver_that_is_only_in_an_interpreter_of_its_own_is_shown(tmp_path: Path) -> None:
    lab = tmp_path / "vendors.yaml"
    lab.write_text(
        "robots:\n"
        "  vendor: {driver: 'acme_pump:Pump', environment: acme, address: /dev/null}\n"
        "  camera: {driver: simulated}\n"
    )
    with house(tmp_path / "home", lab=lab) as served:
        assert {name: robot["deck"] for name, robot in robots(served).items()} == {
            "vendor": [],
            "camera": [],
        }
