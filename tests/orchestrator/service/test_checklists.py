"""The checklists of people over HTTP: who sees them, what is given, and who was faster."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from PIL import Image as Picture

from orchestrator.client import Client, RefusedByService
from protocols.campaign_file import read_campaign
from tests.by_hand import FILL, LOOK, TEXT, WEIGH, on_the_table
from tests.service import House, house

V1 = "/api/v1"
ACTS = f"{V1}/campaigns/salts/checklists"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


def entries(served: House, job: str = FILL) -> list[dict[str, Any]]:
    answer = served.client("viewer").get(f"{V1}/checklists/ada/{job}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


def test_every_open_job_of_a_person_is_listed_with_what_is_left_of_it(served: House) -> None:
    assert served.client("nobody").get(f"{V1}/checklists").status_code == 401
    assert served.client("viewer").get(f"{V1}/checklists").json() == []
    on_the_table(served)
    [found] = served.client("viewer").get(f"{V1}/checklists").json()
    assert found == served.client("viewer").get(f"{V1}/checklists/ada").json()[0]
    assert served.client("viewer").get(f"{V1}/checklists/bo").json() == []
    assert {key: found[key] for key in ("robot", "person", "job", "plate_id", "step_title")} == {
        "robot": "ada",
        "person": "Ada",
        "job": FILL,
        "plate_id": "salts/r1/p1",
        "step_title": "Filling",
    }
    assert (found["items"], found["done"], found["when"]) == (7, 0, "due")
    words = [entry["words"] for entry in entries(served)]
    assert words[:2] == ["carry the plate to the hood", "A1: add 500 uL water"]


def test_what_is_confirmed_has_who_and_when_and_twice_is_once(served: House) -> None:
    on_the_table(served)
    operator = served.client("operator")
    body = {"job": FILL, "items": [2, 3]}
    assert served.client("viewer").post(f"{ACTS}/confirmations", json=body).status_code == 403
    for _ in range(2):
        assert operator.post(f"{ACTS}/confirmations", json=body).status_code == 200
    done = [(e["number"], e["said"]["who"]) for e in entries(served) if e["done"]]
    assert done == [(2, "operator"), (3, "operator")]
    told = [e for e in served.backend.journal.events("salts") if e.kind == "items_confirmed"]
    assert [(e.who, e.subject, e.message, e.data) for e in told] == [
        ("operator", FILL, "items 2, 3", {"robot": "ada", "items": [2, 3]})
    ]


def test_the_second_of_two_people_is_told_what_the_first_did(served: House) -> None:
    on_the_table(served)
    served.client("operator").post(f"{ACTS}/confirmations", json={"job": FILL, "items": [2]})
    late = served.client("admin").post(f"{ACTS}/confirmations", json={"job": FILL, "items": [2, 3]})
    assert late.status_code == 409
    [problem] = late.json()["problems"]
    assert problem["key"] == "items.2"
    assert problem["message"].startswith("operator confirmed item 2 at ")
    assert [e["number"] for e in entries(served) if e["done"]] == [2]


def test_a_step_is_worked_off_and_then_it_is_over(served: House) -> None:
    on_the_table(served)
    operator = served.client("operator")
    lost = {"job": FILL, "well": "A3", "why": "dropped"}
    assert operator.post(f"{ACTS}/wells", json=lost).status_code == 200
    gone = [e["number"] for e in entries(served) if e["not_needed"] == "dropped"]
    assert gone == [4, 7]
    operator.post(f"{ACTS}/confirmations", json={"job": FILL, "items": [2]})
    back = {"job": FILL, "items": [2], "why": "that was another plate"}
    assert operator.post(f"{ACTS}/taken-back", json=back).status_code == 200
    assert not any(e["done"] for e in entries(served))
    assert operator.post(f"{ACTS}/confirmations", json={"job": FILL}).status_code == 200
    over = operator.get(f"{V1}/checklists/ada/{FILL}").json()
    assert over["over"].startswith("done since ")
    assert over["entries"] == []
    again = operator.post(f"{ACTS}/confirmations", json={"job": FILL, "items": [2]})
    assert again.status_code == 409
    assert "is over, done since" in again.json()["detail"]
    assert operator.get(f"{V1}/checklists").json() == []


def test_numbers_are_given_as_people_write_them_or_refused_at_their_item(served: House) -> None:
    on_the_table(served, WEIGH)
    operator = served.client("operator")
    numbers = {"1": "12,5", "2": "heavy", "3": "1,234"}
    refused = operator.post(f"{ACTS}/numbers", json={"job": WEIGH, "numbers": numbers})
    assert refused.status_code == 422
    assert [(p["key"], p["message"]) for p in refused.json()["problems"]] == [
        ("numbers.2", "'heavy' is no number"),
        ("numbers.3", "1,234 may be either of two numbers"),
    ]
    wrong = operator.post(
        f"{ACTS}/numbers", json={"job": WEIGH, "numbers": {"1": 1}, "unit": "kelvin"}
    )
    assert wrong.json()["problems"][0]["message"] == "kelvin cannot be expressed in mg"
    assert not any(e["done"] for e in entries(served, WEIGH))
    given = {"job": WEIGH, "numbers": {"1": "12,5", "2": 3}, "unit": "mg"}
    assert operator.post(f"{ACTS}/numbers", json=given).status_code == 200
    said = [e["said"]["what"] for e in entries(served, WEIGH) if e["done"]]
    assert said == ["12.5 mg", "3 mg"]


@pytest.mark.parametrize(
    "table",
    ["well,value\na01,1.5\nA2,2.5\n", "A1\t1,5\nA2\t2,5\n", "<>,1,2\nA,1.5,2.5\nB,9,9\n"],
)
def test_a_pasted_table_says_which_item_gets_which_number(served: House, table: str) -> None:
    on_the_table(served, WEIGH)
    preview = served.client("operator").post(
        f"{V1}/checklists/ada/{WEIGH}/table", json={"table": table}
    )
    assert preview.json()["numbers"] == {"1": 1.5, "2": 2.5}
    assert preview.json()["wells"] == {"1": "A1", "2": "A2"}
    assert preview.json()["left_out"] == (["B1", "B2"] if "B" in table else [])
    of_others = served.client("operator").post(
        f"{V1}/checklists/ada/{WEIGH}/table", json={"table": "C1,5\n"}
    )
    assert "no item that is left reads C1" in of_others.json()["detail"]


def _data_url(content: bytes) -> str:
    return f"data:;base64,{base64.b64encode(content).decode()}"


def _photo(size: int = 40) -> bytes:
    out = io.BytesIO()
    Picture.effect_noise((size, size), 60).convert("RGB").save(out, "BMP")
    return out.getvalue()


def test_images_and_a_readers_workbook_are_given_for_a_plate(served: House) -> None:
    on_the_table(served, LOOK)
    operator = served.client("operator")

    def give(item: int, content: bytes, name: str) -> Any:
        body = {"job": LOOK, "item": item, "file": _data_url(content), "file_name": name}
        return operator.post(f"{ACTS}/files", json=body)

    half, whole = io.BytesIO(), io.BytesIO()
    for stream, wells in ((half, ("A1", "A2")), (whole, ("A1", "A2", "A3"))):
        book = Workbook()
        book.active.append(["well", "value"])
        for well in wells:
            book.active.append([well, 0.5])
        book.save(stream)
    assert "says nothing of A3" in give(1, half.getvalue(), "plate.xlsx").json()["detail"]
    assert give(1, whole.getvalue(), "plate.xlsx").status_code == 200
    refused = give(2, b"no picture", "a1.jpg")
    assert refused.json()["problems"][0]["key"] == "items.2"
    # A camera's image is larger than any other request may be.
    large = _photo(1000)
    assert len(large) > 2_900_000
    assert give(2, large, "a1.bmp").status_code == 200
    assert [e["number"] for e in entries(served, LOOK) if e["done"]] == [1, 2]
    for item in (3, 4):
        assert give(item, _photo(), f"{item}.bmp").status_code == 200
    assert operator.get(f"{V1}/checklists").json() == []


def test_a_program_works_a_checklist_off_with_the_client(served: House) -> None:
    on_the_table(served, WEIGH)
    client = Client("http://testserver", served.secrets["operator"], served.client("x")._transport)
    [found] = client.checklists()
    assert found.job == WEIGH
    with pytest.raises(RefusedByService, match="has no item 9"):
        client.give_numbers("salts", WEIGH, {"9": 1.0})
    client.give_numbers("salts", WEIGH, {"1": 1.0, "2": 2.0, "3": 3.0}, unit="mg")
    assert client.checklist("ada", WEIGH).over.startswith("done")
    client.close()


def test_a_checklist_says_to_which_block_its_plate_belongs(served: House) -> None:
    blocks = """covariates:
  - {name: incubator, kind: category, plates: {upper: [1], lower: [2]}}
  - {name: head, title: Head, kind: category, wells: {left: A1:B1, right: A2:B3}}
plates: {count: 2, labware: 6-well}"""
    text = TEXT.replace("plates: {count: 1, labware: 6-well, wells: A1:A3}", blocks)
    text = text.replace("initial: 3", "initial: 12").replace("proposed: 3", "proposed: 12")
    served.campaign(read_campaign(text, drivers=["manual"]))
    on_the_table(served)
    client = served.client("operator")
    assert client.get(f"{V1}/checklists/ada/{FILL}").json()["blocks"] == {
        "incubator": "upper",
        "Head": "left: A1:B1, right: A2:B3",
    }
    page = client.get(f"/checklists/ada/{FILL}").text
    assert "<dt>incubator</dt><dd>upper</dd>" in page
