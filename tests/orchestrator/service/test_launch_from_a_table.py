"""A launch over HTTP takes a table of past results, in any format."""

from base64 import b64encode
from pathlib import Path

import pandas as pd

from orchestrator.studies.training import has_simulated_people
from tests.conftest import ASSAY_FILE
from tests.program import wellwise
from tests.service import house, listening


def test_a_campaign_starts_from_a_table_that_comes_with_it(tmp_path: Path) -> None:
    with house(tmp_path) as served:
        rows = (
            "substrate_concentration;enzyme_volume;coloured_cell_ratio\n10;20;0,25\n2000;40;0,5\n"
        )
        for table in (rows, f"data:;base64,{b64encode(rows.encode('utf-16')).decode()}"):
            body = {"file": ASSAY_FILE.read_text(), "past_results": table}
            preview = served.client("viewer").post("/api/v1/campaigns/validate", json=body).json()
            assert preview["past_results"] == 2
            assert (
                "substrate_concentration = 2000, which is not allowed here" in preview["notices"][0]
            )
        campaign = served.client("operator").post("/api/v1/campaigns", json=body).json()["id"]
        past = served.backend.journal.state(campaign).past
        assert [observation.value for observation in past] == [0.25, 0.5]
        wrong = body | {"past_results": "a,b\n1,2\n"}
        refused = served.client("operator").post("/api/v1/campaigns", json=wrong)
        assert refused.status_code == 422
        assert "there is no such column" in refused.text


def test_a_command_sends_a_workbook_along_and_has_people_simulated(tmp_path: Path) -> None:
    table = tmp_path / "earlier.xlsx"
    pd.DataFrame(
        {
            "substrate_concentration": [10, 20],
            "enzyme_volume": [20, 40],
            "coloured_cell_ratio": [0.25, 0.5],
        }
    ).to_excel(table, index=False)
    with house(tmp_path) as served, listening(served) as url:
        given = ("--url", url, "--token", served.secrets["operator"])
        words = ("--past-results", table, "--simulated-people")
        ran = wellwise("remote", "launch", ASSAY_FILE, *words, *given, home=tmp_path / "own")
        assert ran.returncode == 0, ran.stderr
        name = ran.stdout.partition(":")[0]
        state = served.backend.journal.state(name)
    assert [observation.value for observation in state.past] == [0.25, 0.5]
    assert has_simulated_people(state.campaign)
