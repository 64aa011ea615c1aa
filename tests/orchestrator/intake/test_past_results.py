from pathlib import Path

import pytest

from orchestrator.intake.past_results import as_earlier, from_campaign, read_history
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation
from protocols.errors import InvalidInput

HEADER = "substrate_concentration,enzyme_volume,coloured_cell_ratio"


def problems(text: str, campaign: Campaign) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read_history(text, "past.csv", campaign, {})
    return [str(problem) for problem in caught.value.problems]


def test_the_published_table_is_read_under_its_own_headers(rpe: Campaign, published: Path) -> None:
    observations = read_history(
        published.read_text(), str(published), rpe, rpe.past_results.columns
    )
    assert len(observations) == 47
    assert max(observation.value or 0 for observation in observations) == 0.859


def test_a_row_without_a_ratio_is_a_lost_well(assay: Campaign) -> None:
    assert len(read_history(f"{HEADER}\n10,20,0.4\n10,20,\n", "past.csv", assay, {})) == 1


def test_all_problems_of_a_table_come_at_once(assay: Campaign) -> None:
    rows = ["10,20,1.7", "ten,20,0.5", "10,nan,0.5", "2000,20,0.5", "10,20", "10,20,0.5"]
    assert problems("\n".join([HEADER, *rows]), assay) == [
        "past.csv:2: coloured_cell_ratio: 1.7 is not a ratio (expected a number from 0 to 1)",
        "past.csv:3: substrate_concentration: 'ten' is not a number (expected a number)",
        "past.csv:4: enzyme_volume: nan is not a finite number (expected a finite number)",
        "past.csv:5: substrate_concentration: 2000 is not allowed (expected 1 to 1000 uM)",
        "past.csv:6: 2 cells (expected 3 cells)",
    ]


def test_a_missing_column_is_reported_with_what_there_is(assay: Campaign) -> None:
    (problem,) = problems("substrate_concentration,volume,coloured_cell_ratio\n1,2,0.1\n", assay)
    assert "past.csv:1: enzyme_volume: there is no such column" in problem
    assert "--column enzyme_volume=HEADER" in problem


def test_an_empty_table_is_a_problem(assay: Campaign) -> None:
    assert "there are no results in it" in problems(HEADER + "\n", assay)[0]
    assert len(problems("", assay)) == 3


def test_results_of_an_earlier_campaign_keep_what_this_one_allows_in_rounds_of_their_own(
    assay: Campaign,
) -> None:
    conditions = [
        {"substrate_concentration": dose, "enzyme_volume": 20.0, "gone": 1.0}
        for dose in (10.0, 5000.0)
    ]
    observations = [
        Observation(condition=Condition(values), value=0.5, round=round_number)
        for round_number in (1, 2)
        for values in conditions
    ]
    found = as_earlier(from_campaign("first", observations, assay))
    assert [o.round for o in found] == [-1, 0]
    assert {o.condition for o in found} == {
        Condition({"substrate_concentration": 10.0, "enzyme_volume": 20.0})
    }
    assert [o.round for o in as_earlier(found, observations[:1], observations)] == [
        -1,
        0,
        -2,
        -4,
        -4,
        -3,
        -3,
    ]
    assert as_earlier([], found) == found
    with pytest.raises(
        InvalidInput,
        match=r"campaign first: substrate_concentration=5000.0 \(expected 1 to 1000 uM\)",
    ):
        from_campaign("first", observations[1:2], assay)
    with pytest.raises(InvalidInput, match="campaign first: nothing was observed"):
        from_campaign("first", [], assay)
