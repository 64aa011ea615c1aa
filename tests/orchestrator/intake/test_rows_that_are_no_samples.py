"""What people and programs put between the rows of a table: remarks, heads, means, totals."""

import pandas as pd
import pytest

from orchestrator.intake.past_results import read_history
from orchestrator.intake.readings_table import read_readings_table, see_readings
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from protocols.plate_table import read_plate_table
from protocols.traces import read_trace_table
from tests.orchestrator.intake.test_tables_of_other_programs import BOTH, observed

HEAD = "substrate_concentration,enzyme_volume,coloured_cell_ratio\n"
FIRST, SECOND = "10,20,0.4\n", "100,40,0.6\n"
BUFFERS = """\
name: dye
outcomes: [{name: colour, unit: OD, by_hand: true}]
objectives: [{outcome: colour, direction: maximise}]
parameters: [{name: buffer, step: stain, kind: category, levels: [tris, hepes]}]
protocol:
  name: dye
  steps:
    - name: stain
      robot: ada
      days: 0
      operations: [{do: set, setting: buffer, value: {parameter: buffer}, each: well}]
plates: {count: 2, labware: 6-well}
rounds: {first: {initial: 12}, later: {proposed: 12}}
stop: {rounds: 3}
robots: {ada: {driver: manual}}
"""


@pytest.fixture
def category() -> Campaign:
    return read_campaign(BUFFERS)


def frame() -> pd.DataFrame:
    rows = [("a", 10, 20, 0.4), ("a", 10, 20, 0.6), ("b", 100, 40, 0.6)]
    return pd.DataFrame(rows, columns=["sample", *HEAD.strip().split(",")])


@pytest.mark.parametrize("between", ["# second day,,\n", "# second day\n", HEAD])
def test_remarks_and_heads_between_the_rows_are_left_out(assay: Campaign, between: str) -> None:
    assert observed(HEAD + FIRST + between + SECOND, assay) == BOTH


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("day two\n", "past:3: 'day two' stands alone in its row .*put # before it"),
        ("Exported by X,,\n", "past:3: 'Exported by X' stands alone"),
        ("#100,40,0.6\n", "past:3: substrate_concentration: '#100' is not a number"),
        (
            "enzyme_volume,substrate_concentration,coloured_cell_ratio\n40,100,0.6\n",
            r"^past:3: the headers come again, in another order than on line 1 [^\n]*$",
        ),
    ],
)
def test_what_may_be_a_row_or_none_is_refused_with_its_line(
    assay: Campaign, row: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        observed(HEAD + FIRST + row + SECOND, assay)


def test_means_and_deviations_of_a_data_frame_are_no_wells(assay: Campaign) -> None:
    wells = frame()
    both = pd.concat([wells, wells.groupby("sample").std().assign(sample="SD").fillna(10)])
    with pytest.raises(InvalidInput, match="past:5: this row is called 'SD', and others are not"):
        observed(both.to_csv(index=False), assay)
    assert len(observed(wells.assign(sample="mean").to_csv(index=False), assay)) == 3


def test_names_of_samples_may_begin_with_a_number_sign_if_all_do(assay: Campaign) -> None:
    wells = frame().assign(sample=["#1", "#2", "#3"])
    assert len(observed(wells.to_csv(index=False), assay)) == 3
    with pytest.raises(InvalidInput, match="past:3: this row is called '#2', and others are not"):
        observed(wells.replace({"#1": "1", "#3": "3"}).to_csv(index=False), assay)


def test_a_level_alone_in_its_row_is_a_lost_well(category: Campaign) -> None:
    found = read_history("buffer,colour\ntris,1\nhepes,\n", "past", category, {})
    assert [o.condition["buffer"] for o in found] == ["tris"]


def test_values_by_hand_stand_below_titles_and_beside_remarks(category: Campaign) -> None:
    text = "Results of May\n\nround,plate,well,value\n1,2,A1,0.5\n# next day,,,\n1,2,A2,0.6\n"
    wanted = [(2, "A1", 0.5), (2, "A2", 0.6)]
    found = read_readings_table(text, category)
    assert [(v.place.plate, v.place.well, v.value) for v in found] == wanted
    seen = see_readings(text, category, 1, 1)  # of the plate in the table, not of the one shown
    assert [(v.place.plate, v.place.well, v.value) for v in seen.values] == wanted
    with pytest.raises(InvalidInput, match="readings:6: 'day two' stands alone in its row"):
        read_readings_table(text.replace("1,2,A2,0.6", "day two"), category)


def test_remarks_stand_in_lists_of_readers_and_in_traces() -> None:
    assert read_plate_table("well,value\nA1,0.5\n# late,\nA2,0.6\n", "t") == {"A1": 0.5, "A2": 0.6}
    assert read_trace_table("time [s],a\n0,1\n# pump on\n1,2\n", "t").x.values == (0.0, 1.0)
