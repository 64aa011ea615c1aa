"""Past results as spreadsheets, pandas and R write them: nothing is lost or taken for another."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from orchestrator.intake.columns import fitting
from orchestrator.intake.past_results import read_history
from orchestrator.intake.readings_table import read_readings_table
from protocols.campaign import Campaign
from protocols.errors import InvalidInput
from protocols.kinetic_table import read_kinetics
from protocols.plate_table import read_plate_table
from protocols.table_formats import table_text
from protocols.table_text import read_table

HEADER = ["substrate_concentration", "enzyme_volume", "coloured_cell_ratio"]
ROWS = [HEADER, [10, 20, 0.4], [100, 40, 0.6]]
BOTH = [(10.0, 20.0, 0.4), (100.0, 40.0, 0.6)]


def workbook(rows: list[list[Any]], change: Callable[[Worksheet], None] | None = None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    if change:
        change(sheet)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def observed(content: bytes | str, campaign: Campaign, **columns: str) -> list[tuple[Any, ...]]:
    text = table_text(content.encode() if isinstance(content, str) else content, "past")
    found = read_history(text, "past", campaign, columns)
    return [(*o.condition.root.values(), o.value) for o in found]


def add_sheet(title: str, rows: list[list[Any]], state: str = "visible") -> Any:
    def change(sheet: Worksheet) -> None:
        book = sheet.parent
        assert book is not None
        other = book.create_sheet(title)
        for row in rows:
            other.append(row)
        if state == "first":
            sheet.sheet_state = "hidden"
        else:
            other.sheet_state = state

    return change


@pytest.mark.parametrize("comments", ["# ", "#"])
@pytest.mark.parametrize("title", ["", "run 7\n", "run 7, second try\n"])
def test_the_header_that_numpy_writes_is_one(assay: Campaign, comments: str, title: str) -> None:
    file = io.StringIO()
    rows = np.array(ROWS[1:], dtype=float)
    np.savetxt(file, rows, delimiter=",", header=title + ",".join(HEADER), comments=comments)
    assert observed(file.getvalue(), assay) == BOTH
    remark = "# on 12 May, by Ana\n" + ",".join(HEADER) + "\n10,20,0.4\n100,40,0.6\n"
    assert observed(remark, assay) == BOTH
    by_well = io.StringIO()
    np.savetxt(by_well, [("A1", "0.5"), ("A2", "0.6")], "%s", ",", header="well,od")
    assert read_plate_table(by_well.getvalue(), "t.csv") == {"A1": 0.5, "A2": 0.6}


def test_a_hidden_sheet_is_not_read_and_one_of_several_is_not_chosen(assay: Campaign) -> None:
    old = [HEADER, [1, 5, 0.1]]
    assert observed(workbook(old, add_sheet("data", ROWS, "first")), assay) == BOTH
    assert observed(workbook(ROWS, add_sheet("old", old, "hidden")), assay) == BOTH
    assert observed(workbook(ROWS, add_sheet("notes", [["see book 7"]])), assay) == BOTH
    with pytest.raises(InvalidInput, match="the sheets 'Sheet', 'round 2' have the same headings"):
        observed(workbook(ROWS, add_sheet("round 2", old)), assay)


def test_a_merged_cell_holds_for_every_row_that_it_covers(assay: Campaign) -> None:
    rows = [[*HEADER, "flags"], [10, 20, 0.4, "blurred"], [None, 40, 0.6, None]]

    def merge(sheet: Worksheet) -> None:
        for cells in ("A2:A3", "D2:D3"):
            sheet.merge_cells(cells)

    text = table_text(workbook(rows, merge), "past.xlsx")
    found = read_history(text, "past.xlsx", assay, {})
    assert [o.condition["substrate_concentration"] for o in found] == [10.0, 10.0]
    assert [o.flags for o in found] == [("blurred",), ("blurred",)]


@pytest.mark.parametrize("unit", ["", "percent"])
def test_a_percentage_is_what_it_shows_and_not_what_is_stored(assay: Campaign, unit: str) -> None:
    raw = assay.model_dump(by_alias=True)
    outcome = {"name": "yield_found", "by_hand": True, "unit": unit}
    goal = {"outcome": "yield_found", "direction": "maximise"}
    campaign = Campaign.model_validate(raw | {"outcomes": [outcome], "objectives": [goal]})

    def as_percentages(sheet: Worksheet) -> None:
        for row in (2, 3):
            sheet.cell(row, 3).number_format = "0.0%"

    rows = [[*HEADER[:2], "yield_found"], *ROWS[1:]]
    found = observed(workbook(rows, as_percentages), campaign)
    of_text = observed(
        "substrate_concentration,enzyme_volume,yield_found\n10,20,40%\n100,40,60 %\n", campaign
    )
    assert found == of_text
    expected = [0.4, 0.6] if unit == "" else [40.0, 60.0]
    assert [value for *_, value in found] == pytest.approx(expected)


def test_a_row_of_a_workbook_is_named_by_its_number_there(assay: Campaign) -> None:
    head = ["substrate\nconcentration [uM]", *HEADER[1:]]
    rows: list[list[Any]] = [["My table"], [], head, ["1\n2", 20, 0.4], [], [10, 20, "lots"]]
    with pytest.raises(InvalidInput) as refused:
        observed(workbook(rows), assay, substrate_concentration="substrate concentration [uM]")
    assert [problem.line for problem in refused.value.problems] == [4, 6]
    text = table_text(workbook([["a;b", "c;d"], ["1;2", "3;4"]]), "t")
    assert [row.cells for row in read_table(text, "t").rows] == [("a;b", "c;d"), ("1;2", "3;4")]


def test_longer_than_a_day_is_a_time_of_a_workbook_too() -> None:
    rows = [["Time", "A1"], [timedelta(hours=1), 0.1], [timedelta(hours=25, seconds=30), 0.2]]
    text = table_text(workbook(rows), "k.xlsx")
    assert read_kinetics(text, "k.xlsx")["A1"].x.values == (3600.0, 90030.0)
    cells = load_workbook(io.BytesIO(workbook(rows))).active
    assert cells is not None
    assert isinstance(cells["A3"].value, timedelta)


@pytest.mark.parametrize("nothing", ["", "NA", "nan", "FALSE", "0"])
def test_a_well_without_flags_is_learnt_from_whatever_is_written_for_none(
    assay: Campaign, nothing: str
) -> None:
    text = ",".join([*HEADER, "flags", "plate"]) + f"\n10,20,0.4,{nothing},NA\n10,20,0.5,blurred,2"
    found = read_history(text, "past.csv", assay, {})
    assert [(o.flags, o.plate) for o in found] == [((), None), (("blurred",), 1)]


def test_a_number_of_32_bits_out_of_pandas_is_the_level_that_it_was(assay: Campaign) -> None:
    frame = pd.DataFrame(dict(zip(HEADER, ([0.1, 100.7], [20, 40], [0.4, 0.6]), strict=True)))
    file = io.BytesIO()
    frame.astype("float32").to_parquet(file)
    assert observed(file.getvalue(), assay) == [(0.1, 20.0, 0.4), (100.7, 40.0, 0.6)]


@pytest.mark.parametrize(
    ("rows", "first"),
    [
        ("10 uM,20 uL,0.4", 10.0),
        ("10000 nM,0.02 mL,40%", 10.0),
        ("# exported by a program\n", 10.0),
        ("My experiment,,\n,,\n", 10.0),
    ],
)
def test_units_in_cells_and_lines_above_the_headers_are_understood(
    assay: Campaign, rows: str, first: float
) -> None:
    head = ",".join(HEADER)
    text = f"{head}\n{rows}\n" if rows[0].isdigit() else f"{rows}{head}\n10,20,0.4\n"
    assert observed(text, assay) == [(first, 20.0, 0.4)]


def test_a_unit_of_another_kind_is_refused_where_a_column_is_named(assay: Campaign) -> None:
    text = "dose [mg/mL],enzyme_volume,coloured_cell_ratio\n10,20,0.4\n"
    with pytest.raises(InvalidInput, match="its unit mg/mL cannot be expressed in uM"):
        observed(text, assay, substrate_concentration="dose [mg/mL]")
    text = text.replace("[mg/mL]", "(final)")
    assert observed(text, assay, substrate_concentration="dose (final)") == BOTH[:1]


def test_what_was_not_read_by_hand_may_be_said_and_places_have_points(assay: Campaign) -> None:
    text = "round,plate,well,coloured_cell_ratio\n1.0,1.0,A1,40%\n"
    (found,) = read_readings_table(text, assay)
    assert (found.place.round, found.place.well, found.value) == (1, "A1", 0.4)


@pytest.mark.parametrize(
    ("dose", "number"),
    [
        ("substrate_concentration / mM", 0.01),
        ("substrate_concentration_mM", 0.01),
        ("c_nM", 10_000),
        ("c / nM", 10_000),
        ("c_low", 10),
        ("substrate_concentration", 10),
    ],
)
def test_a_unit_in_a_header_counts_in_every_way_in_which_it_is_written(
    assay: Campaign, dose: str, number: float
) -> None:
    text = f"{dose},enzyme_volume / uL,coloured_cell_ratio\n{number},20,0.4\n"
    mapped = {} if dose.startswith("substrate") else {"substrate_concentration": dose}
    assert observed(text, assay, **mapped) == [(10.0, 20.0, 0.4)]


def test_a_unit_behind_a_stroke_that_is_none_of_ours_is_refused(assay: Campaign) -> None:
    text = "c / g,enzyme_volume,coloured_cell_ratio\n10,20,0.4\n"
    with pytest.raises(InvalidInput, match="its unit g cannot be expressed in uM"):
        observed(text, assay, substrate_concentration="c / g")


@pytest.mark.parametrize("header", ["T [F]", "T (°F)", "T_F", "T (deg F)", "T [℉]"])
def test_degrees_are_those_of_temperature_where_a_temperature_is_wanted(header: str) -> None:
    table = read_table("T,signal\n1,2\n", "past.csv")
    for title in ("T", header):
        [column] = fitting([header], title, "degC", "T")
        # Water boils at 212 F.
        assert column.number(table, "212", "degC") == pytest.approx(100)
        assert column.number(table, "373.15 K", "degC") == pytest.approx(100)
    [charge] = fitting(["Q [C]"], "Q", "mC")
    assert charge.number(table, "1", "mC") == 1000
