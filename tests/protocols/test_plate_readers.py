"""Files in the shapes that plate readers' programs write; numbers are our own."""

import base64
import io
import zipfile

import pandas as pd
import pytest
from openpyxl import Workbook
from scipy.stats import linregress

from protocols.errors import InvalidInput
from protocols.kinetic_table import read_kinetics
from protocols.plate_table import read_plate_table
from protocols.table_formats import table_text
from protocols.traces import Axis
from protocols.wells import name_of

# BMG LABTECH MARS, matrix: metadata, "Raw Data (wavelength)", a trailing comma behind the columns.
MARS = """User: USER,Path: C:\\Data,Test run no.: 4
Test name: OD,Date: 5/14/2021,Time: 3:29:50 PM

ID1: plate 7,ID2: ,ID3: ,
Absorbance

Raw Data (450 1)

,1,2,3,
A,0.071,0.082,0.1
B,0.045,,0.012
"""
# MARS, table: the row and the column of a well apart.
MARS_LIST = """User: USER;Path: C:\\Data;Test run no.: 4

Well Row;Well Col;Content;Raw Data (450)
A;01;Sample X1;0,071
A;02;Sample X2;0,082
B;01;Blank B;0,045
"""
# BioTek Gen5: the read's name behind each row, further reads in rows without a letter.
GEN5 = (
    "Software Version\t3.12.08\n\nPlate Number\tPlate 1\nProcedure Details\n\n"
    "\tWavelengths:  450, 600\n\nResults\n\t1\t2\t3\n"
    "A\t2.100\t2.130\t2.160\tabs:450\n\t0.11\t0.12\t0.13\tabs:600\n"
    "B\t2.120\tOVRFLW\t2.170\tabs:450\n\t0.21\t0.22\t0.23\tabs:600\n"
)
# Molecular Devices SoftMax Pro: no letters; a column of temperatures; ~End.
SOFTMAX = (
    "##BLOCKS= 2\nPlate:\tPlate1\t1.3\tPlateFormat\tEndpoint\tAbsorbance\tRaw\tFALSE\t1\n"
    "\tTemperature(\xb0C)\t1\t2\t3\n\t22.50\t0.1\t0.2\t0.3\n\n\t\t0.5\t0.6\t\n~End\n"
    "Plate:\tPlate2\t1.3\tPlateFormat\tEndpoint\tAbsorbance\tRaw\tFALSE\t1\n"
    "\tTemperature(\xb0C)\t1\t2\t3\n\t22.60\t1.1\t1.2\t1.3\n\t\t1.4\t#Sat\t1.6\n~End\n"
    "Original Filename: Test; Date Last Saved: 1/1/2020\n"
)


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name in names:
            opened.writestr(name, "<a/>")
    return file.getvalue()


def data_url(content: bytes) -> str:
    return f"data:;base64,{base64.b64encode(content).decode()}"


def test_mars_writes_a_matrix_or_a_list() -> None:
    assert read_plate_table(MARS, "m.csv") == {
        "A1": 0.071, "A2": 0.082, "A3": 0.1, "B1": 0.045, "B3": 0.012,
    }  # fmt: skip
    assert read_plate_table(MARS_LIST, "m.csv") == {"A1": 0.071, "A2": 0.082, "B1": 0.045}


def test_gen5_has_a_block_for_each_read_and_which_one_is_asked() -> None:
    with pytest.raises(InvalidInput, match=r"it has 2 blocks .*1: abs:450, 2: abs:600"):
        read_plate_table(GEN5, "g.txt")
    assert read_plate_table(GEN5, "g.txt", "abs:600")["B2"] == 0.22
    assert read_plate_table(GEN5, "g.txt", "2")["A3"] == 0.13
    with pytest.raises(InvalidInput, match="B2: 'OVRFLW' is a value that the reader could not"):
        read_plate_table(GEN5, "g.txt", "1")
    with pytest.raises(InvalidInput, match="no block 'abs:700'"):
        read_plate_table(GEN5, "g.txt", "abs:700")


def test_softmax_has_no_letters_and_an_empty_row_is_a_row() -> None:
    text = SOFTMAX.encode("utf-16")
    assert read_plate_table(data_url(text), "s.txt", "Plate1") == {
        "A1": 0.1, "A2": 0.2, "A3": 0.3, "C1": 0.5, "C2": 0.6,
    }  # fmt: skip
    with pytest.raises(InvalidInput, match="B2: '#Sat' is a value that the reader"):
        read_plate_table(SOFTMAX, "s.txt", "2")


def test_tecan_writes_a_workbook_with_a_corner() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Application: i-control"], ["Wavelength", 450, "nm"], [],
        ["<>", 1, 2, 3], ["A", 0.125, 1.5, None], ["B", None, 0.25, 1234567.125], [],
    ):  # fmt: skip
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    expected = {"A1": 0.125, "A2": 1.5, "B2": 0.25, "B3": 1234567.125}
    assert read_plate_table(table_text(file.getvalue(), "t.xlsx"), "t.xlsx") == expected
    assert read_plate_table(data_url(file.getvalue()), "t.xlsx") == expected


def test_a_list_with_several_wavelengths_has_a_block_for_each() -> None:
    text = "Well,Sample,450,600\nA1,x,0.5,0.1\nA02,7,0.6,0.2\n"
    assert read_plate_table(text, "l.csv", "600") == {"A1": 0.1, "A2": 0.2}


@pytest.mark.parametrize("kind", ["parquet", "xlsx"])
def test_a_table_of_pandas_keeps_all_digits(kind: str) -> None:
    frame = pd.DataFrame(
        {"well": ["A1", "A2"], "value": [0.123456789012345, 12345678901.25], "note": [None, "é"]}
    )
    file = io.BytesIO()
    frame.to_parquet(file) if kind == "parquet" else frame.to_excel(file, index=False)
    found = read_plate_table(data_url(file.getvalue()), f"t.{kind}")
    assert found == {"A1": 0.123456789012345, "A2": 12345678901.25}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 torn", "cannot be read as a workbook"),
        (b"PAR1 torn", "cannot be read as Parquet"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            r"of Excel 97 \(.xls\), or one with a password .*save it",
        ),
        (archive("mimetype", "content.xml"), r"OpenDocument spreadsheet \(.ods\) .*save it"),
        (archive("[Content_Types].xml", "xl/workbook.bin"), r"binary workbook \(.xlsb\) .*save it"),
        (archive("Index/Document.iwa"), "spreadsheet of Numbers .*save it"),
        (archive("plate 1.csv"), r"an archive of files \(plate 1.csv\)"),
        (b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>', "web page or XML"),
        (b"\n<html><table><tr><td>well</td></tr></table></html>", "web page or XML"),
        (b"%PDF-1.7", "this is a PDF"),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_plate_table(data_url(content), "t")


def test_a_formula_that_was_never_calculated_is_not_an_empty_cell() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["well", "value"], ["A1", "=1+1"], ["A2", 3]):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    with pytest.raises(InvalidInput, match=r"t\.xlsx:2: =1\+1 has no stored value"):
        table_text(file.getvalue(), "t.xlsx")


# Molecular Devices SoftMax Pro, column format: wells across, a read in a row.
SOFTMAX_COLUMNS = (
    "##BLOCKS= 1\nPlate:\tPlate1\t1.3\tTimeFormat\tEndpoint\tAbsorbance\tRaw\tFALSE\t1\n"
    "\tTemperature(\u00b0C)\tA1\tA2\tB1\tB2\t\n\t24.5\t0.1\t0.2\t\t0.4\t\n\n~End\n"
)


def test_softmax_may_write_wells_across() -> None:
    assert read_plate_table(SOFTMAX_COLUMNS, "r.txt") == {"A1": 0.1, "A2": 0.2, "B2": 0.4}


def test_reads_in_rows_below_wells_are_blocks_by_their_time() -> None:
    kinetic = "Time [s]\tA1\tA2\n0\t0.1\t0.2\n60\t0.3\t0.4\n"
    assert read_plate_table(kinetic, "r.txt", "60") == {"A1": 0.3, "A2": 0.4}
    with pytest.raises(InvalidInput, match="1: 0, 2: 60"):
        read_plate_table(kinetic, "r.txt")


# Gen5, a kinetic read: a table of wells across, the times as Excel writes them, and a temperature.
GEN5_KINETIC = (
    "Plate Number\tPlate 1\nRead 1:450\n\n"
    "Time\tT\xb0 450\tA1\tA2\tB1\n"
    "0:00:00\t30.0\t0.10\t0.20\t0.30\n0:01:30\t30.1\t0.15\t0.25\t0.35\n"
    "0:03:00\t30.0\t0.20\t0.30\tOVRFLW\n\nResults\n"
)
# i-control, kinetic: a column for each cycle, a row for each well.
TECAN_KINETIC = (
    "Application: i-control\nKinetic Measurement\n\n"
    "Cycle Nr.\t1\t2\t3\nTime [s]\t0\t60\t120\nTemp. [\xb0C]\t30\t30.1\t30\n"
    "A1\t0.10\t0.15\t0.20\nA2\t0.20\t0.25\t0.30\n"
)
# MARS, kinetic: a column for each time.
MARS_KINETIC = (
    "User: USER\n\nWell,Content,Raw Data (450 1 - 0 s),Raw Data (450 1 - 60 s)\n"
    "A01,Sample X1,0.10,0.15\nA02,Sample X2,0.20,0.25\n"
)


def test_kinetics_of_the_common_readers_are_a_trace_for_each_well() -> None:
    gen5 = read_kinetics(GEN5_KINETIC.replace("OVRFLW", "0.4"), "g.txt")
    assert gen5["A2"].x == Axis(name="time", unit="s", values=(0.0, 90.0, 180.0))
    assert gen5["B1"].channels[0].values == (0.30, 0.35, 0.4)
    tecan = read_kinetics(TECAN_KINETIC, "t.txt")
    assert tecan["A1"].x.values == (0.0, 60.0, 120.0)
    assert tecan["A2"].channels[0].values == (0.20, 0.25, 0.30)
    plain = read_kinetics("Time [min],A1,A2\n0,0.1,0.2\n1.5,0.3,0.4\n", "p.csv")
    assert plain["A1"].x == Axis(name="time", unit="min", values=(0.0, 1.5))
    assert set(plain) == {"A1", "A2"}
    mars = read_kinetics(MARS_KINETIC, "m.csv")
    assert mars["A1"].x.values == (0.0, 60.0)
    assert mars["A2"].channels[0].values == (0.20, 0.25)


def test_the_slope_of_a_well_is_the_one_that_scipy_fits() -> None:
    rows = [f"{30 * n};{0.1 + 0.002 * 30 * n:.6f};{0.5 - 0.001 * 30 * n:.6f}" for n in range(8)]
    found = read_kinetics("Time [s];H12;AF48\n" + "\n".join(rows), "k.csv")
    for well, rate in (("H12", 0.002), ("AF48", -0.001)):
        trace = found[well]
        assert linregress(trace.x.values, trace.channels[0].values).slope == pytest.approx(rate)


@pytest.mark.parametrize(
    ("heads", "unit", "times"),
    [
        (("0 min", "1.5 min", "3 min"), "min", (0, 1.5, 3)),
        (("Raw Data (405) 0 s", "Raw Data (405) 90 s", "Raw Data (405) 180 s"), "s", (0, 90, 180)),
        (("0 h 0 min", "1 h 1 min", "2 h 2 min"), "s", (0, 3660, 7320)),
        (("30 min", "1 h", "1 h 30 min"), "s", (1800, 3600, 5400)),
        (("0 s", "30 s", "1,5 min"), "s", (0, 30, 90)),
    ],
)
def test_times_in_names_of_columns_count_all_their_units(
    heads: tuple[str, ...], unit: str, times: tuple[float, ...]
) -> None:
    trace = read_kinetics("Well;" + ";".join(heads) + "\nA1;0.1;0.2;0.3\n", "k.csv")["A1"]
    assert (trace.x.unit, trace.x.values) == (unit, times)


@pytest.mark.parametrize(
    "head", ["Time", "Time [s]", "Time (h:mm:ss)", "Time (hh:mm:ss)", "Time (min)"]
)
def test_times_on_a_clock_are_seconds_whatever_their_head_says(head: str) -> None:
    trace = read_kinetics(f"{head},A1\n0:00:00,0.1\n1:01:30,0.2\n", "k.csv")["A1"]
    assert (trace.x.unit, trace.x.values) == ("s", (0, 3690))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Time [days],A1\n0,0.1\n1,0.2\n", "'days' is no unit of time"),
        ("Time [min],A1\n0,0.1\n0:01:30,0.2\n", "some times are on a clock, others in min"),
        ("Time [s],A1,A1\n0,0.1,0.1\n60,0.2,0.2\n", r"2 kinetic reads .*1: 1, 2: 2"),
        ("Time [s],A1\n0,0.1\n", "a single time was read"),
        (GEN5_KINETIC, "B1: 'OVRFLW' is a value that the reader could not measure"),
        ("Time [s],A1\n60,0.1\n0,0.2\n", "the times do not rise"),
        ("Time [s],A1\nsoon,0.1\n60,0.2\n", "'soon' is no time"),
        ("well,value\nA1,0.5\n", "no kinetics were found in it"),
    ],
)
def test_kinetics_that_cannot_be_read_are_said(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_kinetics(text, "k.txt")


@pytest.mark.parametrize("letters", ["A Z AA AF", "a z aa af"])
def test_a_plate_of_1536_wells_has_two_letters_and_48_columns(letters: str) -> None:
    head = "<>," + ",".join(map(str, range(1, 49)))
    names = [name_of(row, 0)[:-1] for row in range(32)]
    names = names if letters.isupper() else [name.lower() for name in names]
    rows = [
        f"{name}," + ",".join(f"{row + column / 100:.2f}" for column in range(48))
        for row, name in enumerate(names)
    ]
    found = read_plate_table("\n".join(["Raw data", head, *rows]), "big.csv")
    assert len(found) == 1536
    assert (found["A1"], found["Z48"], found["AA1"], found["AF48"]) == (0.0, 25.47, 26.0, 31.47)


def test_a_part_of_a_plate_has_its_own_columns() -> None:
    part = "Raw\n\t4\t5\t6\nC\t0.1\t0.2\t0.3\nD\t0.4\t0.5\t0.6\n"
    found = read_plate_table(part, "r.txt")
    assert list(found) == ["C4", "C5", "C6", "D4", "D5", "D6"]


@pytest.mark.parametrize("mark", ["NA", "n/a", "NaN", "-", "\u2013", ""])
def test_a_well_that_was_not_read_is_left_out_whatever_is_written_for_it(mark: str) -> None:
    assert read_plate_table(f"<>;1;2\nA;0,1;{mark}\n", "r.csv") == {"A1": 0.1}
