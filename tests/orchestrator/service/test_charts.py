"""The numbers behind charts, compared with what numpy and the definition of each say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from orchestrator.service.charts import wells_chart
from orchestrator.service.model_charts import surface_chart
from protocols.campaign import Campaign
from tests import acting
from tests.service import House, house

V1 = "/api/v1"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


def test_spreads_and_the_best_so_far_are_what_their_names_say(
    served: House, assay: Campaign
) -> None:
    campaign = served.campaign(assay, read=True)
    found = served.client("viewer").get(f"{V1}/campaigns/{campaign}/charts/wells").json()
    own = [axis["name"] for axis in found["axes"]].index(found["objective"])
    values = [well["at"][own] for well in found["wells"]]
    [spread] = found["spreads"]
    quartiles = [spread["first_quartile"], spread["median"], spread["third_quartile"]]
    assert quartiles == pytest.approx(np.percentile(values, [25, 50, 75]))
    assert (spread["n"], spread["low"], spread["high"]) == (len(values), min(values), max(values))
    [batch] = found["rounds"]
    assert batch["best"] == batch["best_so_far"] == max(values)
    assert batch["trusted"] == batch["wells"] == len(values)


def test_wells_that_are_lost_are_counted_and_not_drawn(served: House, assay: Campaign) -> None:
    campaign = served.campaign(assay, proposed=True)
    first = served.backend.state(campaign)[1].rounds[0].wells[0].well
    place = acting.place(1, first.plate, first.name)
    acting.leave_empty(served.backend.acting(campaign), campaign, place, "ada", "a scratch")
    served.backend.changed(campaign)
    chart = wells_chart(served.backend.state(campaign)[1], {})
    assert (chart.wells, chart.left_out) == ([], 1)


def test_a_well_says_its_condition_in_words_and_lies_where_its_values_do(
    served: House, rpe: Campaign
) -> None:
    campaign = served.campaign(rpe, read=True)
    state = served.backend.state(campaign)[1]
    chart = wells_chart(state, {})
    well, known = chart.wells[0], state.rounds[0].wells[0].proposal.condition
    for axis, parameter, at, share, shown in zip(
        chart.axes, rpe.space.parameters, well.at, well.shares, well.shown, strict=False
    ):
        assert f"{axis.title} {shown}" in well.text
        assert share == pytest.approx(parameter.to_unit_interval(known[parameter.name]))
        if axis.labels:
            assert at is not None
            assert axis.labels[int(at)] == shown
        else:
            assert at == known[parameter.name]


def test_cells_of_a_surface_meet_and_those_beyond_the_natural_range_say_so(
    served: House, rpe: Campaign
) -> None:
    state = served.backend.state(served.campaign(rpe, read=True))[1]
    names = [parameter.name for parameter in rpe.space.parameters]
    outcome = rpe.outcome.name
    chart = surface_chart(state, outcome, names[0], names[3])
    columns = sorted({cell.first_ends for cell in chart.cells})
    assert [column[0] for column in columns[1:]] == [column[1] for column in columns[:-1]]
    assert columns[0][0] == pytest.approx(chart.first.low)
    assert columns[-1][1] == pytest.approx(chart.first.high)
    for cell in chart.cells:
        assert cell.first_ends[0] <= cell.first <= cell.first_ends[1]
        assert cell.beyond == ("below" if cell.mean < 0 else "above" if cell.mean > 1 else "")


def test_held_out_results_are_those_of_their_wells(served: House, assay: Campaign) -> None:
    campaign = served.campaign(assay, read=True)
    client = served.client("viewer")
    found = client.get(f"{V1}/campaigns/{campaign}/charts/calibration").json()
    wells = client.get(f"{V1}/campaigns/{campaign}/charts/wells").json()
    own = [axis["name"] for axis in wells["axes"]].index(wells["objective"])
    values = {well["id"]: well["at"][own] for well in wells["wells"]}
    assert {point["id"]: point["value"] for point in found["points"]} == values
    assert found["within"] == pytest.approx(np.mean([p["within"] for p in found["points"]]))
    slices = client.get(f"{V1}/campaigns/{campaign}/charts/slices").json()
    for one in slices["slices"]:
        middle = (np.array(one["low"]) + np.array(one["high"])) / 2
        assert middle == pytest.approx(np.array(one["mean"]))


def test_what_cannot_be_drawn_is_said(served: House, assay: Campaign) -> None:
    empty = served.campaign(assay)
    client, name = served.client("viewer"), assay.space.parameters[0].name
    base = f"{V1}/campaigns/{empty}/charts"
    assert client.get(f"{base}/slices").json()["slices"] == []
    assert client.get(f"{base}/calibration").json()["points"] == []
    assert client.get(f"{base}/front").json()["points"] == []
    same = client.get(f"{base}/surface", params={"first": name, "second": name})
    assert same.status_code == 404
    assert "expected two of" in same.json()["detail"]
    assert client.get(f"{base}/wells").json()["modelled"] == [assay.outcome.name]
    other = client.get(f"{base}/calibration", params={"outcome": "colour"})
    assert other.status_code == 404
    assert assay.outcome.name in other.json()["detail"]


def test_campaigns_are_compared_by_the_best_after_each_round(
    served: House, assay: Campaign
) -> None:
    names = [served.campaign(assay, read=True), served.campaign(assay)]
    client = served.client("viewer")
    found = client.get(f"{V1}/charts/comparison", params={"campaign": names}).json()
    assert [one["campaign"] for one in found["campaigns"]] == names
    assert found["campaigns"][0]["rounds"][0]["best_so_far"] == 0.95
    assert found["campaigns"][1]["rounds"][0]["best_so_far"] is None
    missing = client.get(f"{V1}/charts/comparison", params={"campaign": [*names, "gone"]})
    assert missing.status_code == 404
    many = client.get(f"{V1}/charts/comparison", params={"campaign": [f"c{n}" for n in range(21)]})
    assert many.status_code == 422
