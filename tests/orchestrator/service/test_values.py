"""Tables of values over HTTP: which well would get what, and every line that cannot be used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from tests.conftest import ROOT
from tests.service import House, house

TEXT = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()
COVARIATE = "covariates: [{name: passage}]\nprotocol:"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


@pytest.fixture
def measured(served: House) -> str:
    text = TEXT.replace("\nprotocol:", f"\n{COVARIATE}", 1)
    return served.campaign(read_campaign(text, drivers=["simulated"]))


def preview(served: House, campaign_id: str, table: str) -> Any:
    body = {"table": table, "round_number": 1}
    address = f"/api/v1/campaigns/{campaign_id}/readings/preview"
    assert served.client("viewer").post(address, json=body).status_code == 403
    return served.client("operator").post(address, json=body)


@pytest.mark.parametrize(
    "table",
    [
        "round,plate,well,resistance [kohm]\n1,1,A1,0.476\n1,1,a02,0.287\n",
        "well\tvalue\nA1\t476\nA2\t287\n",
        "A1;476,0\nA2;287,0\n",
        ",1,2\nA,476,287\n",
    ],
)
def test_a_table_as_people_have_it_says_which_well_gets_what(
    served: House, measured: str, table: str
) -> None:
    seen = preview(served, measured, table).json()
    assert seen["problems"] == []
    assert [(one["well"], one["name"], one["value"]) for one in seen["values"]] == [
        ("A1", "resistance", 476.0),
        ("A2", "resistance", 287.0),
    ]
    assert all((one["round"], one["plate"]) == (1, 1) for one in seen["values"])


def test_every_line_that_cannot_be_used_is_named_and_the_others_are_seen(
    served: House, measured: str
) -> None:
    table = "well,resistance,ph,passage\nA1,300,6,4\nA2,much,6,old\nZ9,1,,\nA3,2,20,\nA1,3,,\n"
    seen = preview(served, measured, table).json()
    lines = [(one["line"], one["message"]) for one in seen["problems"]]
    assert lines == [
        (3, "A2: 'much' is no number"),
        (5, "A3: 20 is outside the natural range"),
        (6, "A1 comes a second time"),
        (3, "'old' cannot be used as passage"),
        (None, "Z9 of plate 1 is no well of round 1"),
    ]
    assert ("A1", "passage", 4.0) in [
        (one["well"], one["name"], one["value"]) for one in seen["values"]
    ]
    assert preview(served, measured, "hello").status_code == 422


def test_a_campaign_that_nobody_measures_by_hand_has_no_such_page(
    served: House, assay: Campaign
) -> None:
    campaign_id = served.campaign(assay)
    answer = served.client("operator").get(f"/campaigns/{campaign_id}/values")
    assert answer.status_code == 404
    assert "no outcome of" in answer.json()["detail"]
