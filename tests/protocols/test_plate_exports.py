"""Whole exports of plate readers: layouts, several reads, times and remarks; numbers are our own.

The shapes are those of files that people published from each program.
"""

import pytest

from protocols.errors import InvalidInput
from protocols.kinetic_table import is_kinetic, read_kinetics
from protocols.plate_table import read_plate_table

# Gen5 as it comes: the layout has the form of a grid, with what its rows are behind them.
GEN5 = (
    "Software Version\t3.12.08\n\nPlate Type\t96 WELL PLATE\nRead\t630 nm\n\nLayout\n\t1\t2\n"
    "A\tSTD1\tSPL1:1\tWell ID\n\t2000\t1\tConc/Dil\nB\tBLK\tSPL1:2\tWell ID\n\t\t0.5\tConc/Dil\n\n"
    "Results\n\t1\t2\nA\t3.337\t1.998\tod:630\n\t3.336\t1.997\tBlank od:630\n"
    "B\t0.001\t0.999\tod:630\n\t-0.000\t0.998\tBlank od:630\n\n"
    "Curve Name\tCurve Formula\tA\tB\nStdCurve\tY=A*X+B\t0.00168\t-0.000723\n"
)
# SMART Control: a remark behind the columns, and others behind rows.
SMART = (
    ",1. Layout,,,,\n,1,2,,Plate: NUNC\nA,S1,X1,,\nB,S2,B\n\n"
    ",4. Raw Data (480/520)\n,1,2\nA,8168,849\nB,2295,153\n\n"
    ",5. Blank corrected,,,,\n,1,2,,Average of all blanks used\nA,8015,696,,\n"
    "B,2142,,,Used correction value(s):\n"
)
PLATE = "Plate:\tP1\t1.3\tPlateFormat\t{}\tAbsorbance\tRaw\tFALSE\t2\n"
SOFTMAX_TIMES = (
    "##BLOCKS= 1\n" + PLATE.format("Kinetic") + "\tTemperature(\xb0C)\t1\t2\t\n"
    "00:00:00\t35\t0.1\t0.2\n\t\t0.3\t0.4\n\n00:01:30\t35\t0.5\tNaN\n\t\t0.7\t0.8\n\n"
    "\t\t1\t2\n\t\t0.34\t0.19\n\t\t0.35\t0.2\n~End\n"
)
SOFTMAX_ACROSS = (
    PLATE.format("Spectrum").replace("PlateFormat", "TimeFormat")
    + "Wavelength(nm)\tTemperature(\xb0C)\tA1\tA2\n520\t25\t0.1\t0.2\n521\t25\t0.3\t0.4\n\n"
    "\t\tA1\tA2\n570\t\t0.9\t0.8\n~End\n"
)
SOFTMAX_SIDE_BY_SIDE = (
    PLATE.format("Endpoint") + "\tTemperature(\xb0C)\t1\t2\t\t1\t2\t\n"
    "\t37\t0.1\t0.2\t\t1.1\t1.2\n\t\t0.3\t\t\t1.3\t1.4\n~End\n"
    "Group: Unknowns\nSample\tWells\tValues\tMeanValue\n01\tA1\t10\t11\n\tA2\t12\t\n\n"
    "Group Column\tFormula Name\tFormula\tPrecision\n1\tSample\t!SampleNames\n"
    "2\tWells\t!WellIDs\t3\n~End\n"
)
KALEIDO = (
    "Result for Lum 1\nBarcode,Repeat\nV-7,1\n\n,1,2,\nA,18,20,\nB,21,22,\n\n"
    "Plate type information\n\nPlatemap\n,1,2,\nA,PC,NC,\nB,UN,-,\n"
)
MAGELLAN = "Well positions,Raw 450\n,0s\n,24.8 \xb0C\nA1,0.03\nA2,0.04\n485nm,\nSerial number: 1,\n"


@pytest.mark.parametrize(
    ("text", "block", "expected"),
    [
        (GEN5, "od:630", {"A1": 3.337, "A2": 1.998, "B1": 0.001, "B2": 0.999}),
        (GEN5, "Blank od:630", {"A1": 3.336, "A2": 1.997, "B1": 0.0, "B2": 0.998}),
        (GEN5, "Conc/Dil", {"A1": 2000.0, "A2": 1.0, "B2": 0.5}),
        (SMART, "4. Raw Data (480/520)", {"A1": 8168, "A2": 849, "B1": 2295, "B2": 153}),
        (SMART, "5. Blank corrected", {"A1": 8015, "A2": 696, "B1": 2142}),
        (SOFTMAX_TIMES, "00:00:00", {"A1": 0.1, "A2": 0.2, "B1": 0.3, "B2": 0.4}),
        (SOFTMAX_TIMES, "00:01:30", {"A1": 0.5, "B1": 0.7, "B2": 0.8}),
        (SOFTMAX_ACROSS, "521", {"A1": 0.3, "A2": 0.4}),
        (SOFTMAX_SIDE_BY_SIDE, "P1 1", {"A1": 0.1, "A2": 0.2, "B1": 0.3}),
        (SOFTMAX_SIDE_BY_SIDE, "P1 2", {"A1": 1.1, "A2": 1.2, "B1": 1.3, "B2": 1.4}),
        (SOFTMAX_SIDE_BY_SIDE, "Values", {"A1": 10.0, "A2": 12.0}),
        (KALEIDO, "", {"A1": 18.0, "A2": 20.0, "B1": 21.0, "B2": 22.0}),
        (MAGELLAN, "", {"A1": 0.03, "A2": 0.04}),
        (MAGELLAN.replace("Well positions", "Plate_Position"), "", {"A1": 0.03, "A2": 0.04}),
    ],
)
def test_the_read_of_an_export_is_found_beside_all_else(
    text: str, block: str, expected: dict[str, float]
) -> None:
    assert read_plate_table(text, "r.txt", block) == expected


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        (GEN5, "1: Conc/Dil, 2: od:630, 3: Blank od:630"),
        (SMART, r"1: 4\. Raw Data \(480/520\), 2: 5\. Blank corrected"),
        (SOFTMAX_TIMES, "1: 00:00:00, 2: 00:01:30"),
        (SOFTMAX_ACROSS, "1: 520, 2: 521, 3: 570"),
        (SOFTMAX_SIDE_BY_SIDE, "1: P1 1, 2: P1 2, 3: Values, 4: MeanValue"),
    ],
)
def test_no_read_is_taken_for_the_only_one(text: str, reads: str) -> None:
    with pytest.raises(InvalidInput, match=f"one of them to be named \\({reads}\\)"):
        read_plate_table(text, "r.txt")


def test_each_wavelength_of_a_large_plate_begins_at_its_first_row() -> None:
    columns = range(1, 25)
    head = "\t".join(["", "Temperature(\xb0C)", *map(str, columns)])
    reads = [
        "\n".join(
            "\t".join([str(nm) if row == 0 else "", "26", *(f"{nm + row}" for _ in columns)])
            for row in range(16)
        )
        for nm in (500, 600)
    ]
    text = PLATE.format("Spectrum") + "\n".join([head, "\n\n".join(reads), "~End"])
    for nm in (500, 600):
        found = read_plate_table(text, "s.txt", str(nm))
        assert len(found) == 384
        assert (found["A1"], found["P24"]) == (nm, nm + 15)


def test_rows_behind_z_are_lower_case_where_a_plate_of_1536_wells_has_both() -> None:
    head = "," + ",".join(map(str, range(1, 49)))
    rows = [f"{letter}," + ",".join([str(at)] * 48) for at, letter in enumerate("AGMSYe")]
    found = read_plate_table("\n".join(["Raw Data", head, *rows]), "m.csv")
    assert (found["Y48"], found["AE1"], "E1" in found) == (4, 5, False)
    listed = "Well,Raw\nA48,1\nY01,2\na01,3\ne48,4\n"
    assert read_plate_table(listed, "m.csv") == {"A48": 1, "Y1": 2, "AA1": 3, "AE48": 4}
    assert read_plate_table("Well,Raw\nA12,1\nb01,3\n", "m.csv") == {"A12": 1, "B1": 3}


@pytest.mark.parametrize(("rows", "columns"), [(8, 12), (16, 24), (32, 48)])
def test_a_plate_of_numbers_alone_is_read_by_its_shape(rows: int, columns: int) -> None:
    lines = [",".join(f"{row}.{column:02d}" for column in range(columns)) for row in range(rows)]
    remark = "Background information\nPlate,Label\n1,BCA\n\n"
    found = read_plate_table(remark + ",\n".join(lines) + ",\n", "e.csv")
    assert len(found) == rows * columns
    assert found["B3"] == 1.02
    with pytest.raises(InvalidInput, match="no well was found"):
        read_plate_table("\n".join(lines[:-1]), "e.csv")


@pytest.mark.parametrize(
    "text",
    [
        "well,value\nA1,0.5\nA!2,0.6\nA3,0.7\n",
        "well,value\nA!1,0.5\nA2,0.6\n",
        "well,value\nA1,0.5\nA!2,0.6\n",
        "well,value\nA1,0.5\nA!2,\nA3,0.7\n",
    ],
)
def test_a_row_of_a_list_without_a_well_is_not_passed_over(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"A!\d,.* has no well"):
        read_plate_table(text, "l.csv")


TIMES = "Time\tT\xb0 450\tA1\tA2\n0:00:00\t30\t0.1\t0.2\n0:01:30\t30\t0.3\t0.4\n"


def test_of_several_kinetic_reads_none_is_taken_for_the_only_one() -> None:
    several = f"Read 2:450\n\n{TIMES}\nBlank Read 2:450\n\n{TIMES}\nResults\n"
    listed = r"it has 2 kinetic reads .*\(1: Read 2:450, 2: Blank Read 2:450\)"
    with pytest.raises(InvalidInput, match=listed):
        read_kinetics(several, "g.txt")
    mars = (
        "Well,Content,Raw Data (450 - 0 s),Raw Data (450 - 60 s),"
        "Raw Data (600 - 0 s),Raw Data (600 - 60 s)\nA01,X1,0.1,0.2,0.3,0.4\n"
    )
    with pytest.raises(InvalidInput, match=r"1: Raw Data \(450, 2: Raw Data \(600"):
        read_kinetics(mars, "m.csv")
    parts = f"Rows A\n\n{TIMES}\nRows B\n\n{TIMES.replace('A1', 'B1').replace('A2', 'B2')}\n"
    assert set(read_kinetics(parts, "g.txt")) == {"A1", "A2", "B1", "B2"}


def test_times_may_be_minutes_and_parts_of_seconds_or_be_counted() -> None:
    fast = read_kinetics("Time\tA1\n0:00.000\t1\n0:00.210\t2\n1:00.5\t3\n", "g.txt")["A1"]
    assert (fast.x.unit, fast.x.values) == ("s", (0.0, 0.21, 60.5))
    counted = read_kinetics("Well,Cycle 1 (0 s),Cycle 2 (60 s)\nA1,0.1,0.2\n", "m.csv")["A1"]
    assert counted.x.values == (0.0, 60.0)


def test_wavelengths_and_samples_are_no_wells() -> None:
    text = "Sample\tWells\tA260\tA280\nx\tB1\t0.4\t0.2\ny\tB2\t0.5\t0.3\n"
    assert read_plate_table(text, "q.txt", "A280") == {"B1": 0.2, "B2": 0.3}
    samples = "Well,Sample,OD\nA1,C3,0.5\nA2,7,0.6\nA3,8,0.7\n"
    assert read_plate_table(samples, "l.csv") == {"A1": 0.5, "A2": 0.6, "A3": 0.7}
    reads = "Well,1,2\nA1,0.5,0.6\nA2,0.7,0.8\n"
    assert read_plate_table(reads, "l.csv", "2") == {"A1": 0.6, "A2": 0.8}
    both = "Group: Unknowns\nNo,Name,Wells,Values\n1,x,B7,9\n~End\n" + SOFTMAX_ACROSS.replace(
        "\t", ","
    )
    assert read_plate_table(both, "s.txt", "520") == {"A1": 0.1, "A2": 0.2}
    assert not is_kinetic("time [min],A280,A254\n0,0.1,0.2\n1,0.3,0.4\n", "chromatogram.csv")


def test_tables_of_quantitative_pcr_name_wells_beside_their_numbers() -> None:
    """QuantStudio's and the LightCycler's results, as their manuals show them."""
    quant = (
        "* Block Type = 96well\n\n[Results]\nWell\tWell Position\tOmit\tTarget Name\tCT\n"
        "1\tA1\tfalse\tGAPDH\t21.5\n2\tA2\tfalse\tGAPDH\t22.25\n"
    )
    assert read_plate_table(quant, "q.txt") == {"A1": 21.5, "A2": 22.25}
    with pytest.raises(InvalidInput, match="A2: 'Undetermined' is a value that the reader could"):
        read_plate_table(quant.replace("22.25", "Undetermined"), "q.txt")
    light = (
        "Experiment: x  Selected Filter: SYBR\nInclude\tColor\tPos\tName\tCp\tStandard\tStatus\n"
        "True\t255\tA1\ts1\t21.5\t0\t\nTrue\t255\tA2\ts2\t22.5\t0\t\n"
    )
    assert read_plate_table(light, "l.txt") == {"A1": 21.5, "A2": 22.5}


def test_a_column_of_wavelengths_is_no_reading() -> None:
    listed = "Plate,Well,Sample,Wavelength [nm],Abs\nP1,A01,Un1,450,0.1\n"
    assert read_plate_table(listed + "P1,A02,Un2,450,0.2\n", "s.csv") == {"A1": 0.1, "A2": 0.2}
    with pytest.raises(InvalidInput, match="A1 comes a second time"):
        read_plate_table(listed + "P1,A01,Un1,620,0.2\n", "s.csv")


def test_a_plate_is_not_called_like_the_last_row_of_the_one_above() -> None:
    grid = ",1,2\nA,1,2\nB,3,4\n"
    with pytest.raises(InvalidInput, match=r"\(1: no name, 2: no name\)"):
        read_plate_table(f"{grid}\n{grid}", "t.csv")


def test_kinetics_have_cycles_before_their_times() -> None:
    """i-control, with its orientation by columns."""
    text = "Cycle Nr.\tTime [s]\tTemp. [\xb0C]\tA1\tA2\n1\t0\t30\t0.1\t0.2\n2\t60\t30\t0.3\t0.4\n"
    found = read_kinetics(text, "k.txt")
    assert found["A2"].x.values == (0.0, 60.0)
    assert found["A2"].channels[0].values == (0.2, 0.4)


WIDE = {ord(sign): ord(sign) + 0xFEE0 for sign in "0123456789.-A"}
"""Signs in full width, as they are typed in Japan (Unicode, halfwidth and fullwidth forms)."""


@pytest.mark.parametrize(
    "text",
    [
        "ウェル,吸光度\n" + "A1,0.5\nA2,-0.02\n".translate(WIDE),
        "웰,값\nA1,0.5\nA2,-0.02\n",
        "Kavität;Wert\nA1;0,5\nA2;\u20130,02\n",
        "Row,Column,Spots\n1,1,0.5\n1,2,-0.02\n",  # as Harmony and Columbus number rows
        ",1,2,Mean,CV [%]\nA,0.5,-0.02,0.24,1\nMean,0.5,-0.02,0.24,1\n",
    ],
)
def test_heads_digits_and_rows_are_written_in_many_ways(text: str) -> None:
    assert read_plate_table(text, "reader.csv") == {"A1": 0.5, "A2": -0.02}
