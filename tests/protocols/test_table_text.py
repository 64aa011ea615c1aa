import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import InvalidInput
from protocols.table_formats import table_text
from protocols.table_text import finite, read_table

NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 4))


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=8),
    st.sampled_from([(",", "."), (";", ","), (";", "."), ("\t", "."), ("\t", ",")]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.booleans(),
)
def test_numbers_are_the_same_however_a_program_writes_its_tables(
    rows: list[tuple[float, float, float]],
    style: tuple[str, str],
    newline: str,
    mark: bool,
    says_so: bool,
) -> None:
    delimiter, point = style
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator=newline)
    writer.writerow(["dose", "volume", "signal"])
    writer.writerows([f"{number:.4f}".replace(".", point) for number in row] for row in rows)
    first = f"sep={delimiter}{newline}" if says_so else ""
    table = read_table(("\ufeff" if mark else "") + first + written.getvalue(), "t.csv")
    assert table.rows[0].cells == ("dose", "volume", "signal")
    assert table.rows[0].line == 1 + says_so
    assert [tuple(map(table.number, row.cells)) for row in table.rows[1:]] == rows


def test_semicolons_in_the_text_of_a_table_with_commas_separate_nothing() -> None:
    table = read_table('well,flags,why\nA1,blurred;dark,"good, and near"\nB1,,c;d\n', "t.csv")
    assert [row.cells for row in table.rows[1:]] == [
        ("A1", "blurred;dark", "good, and near"),
        ("B1", "", "c;d"),
    ]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a;b\n1,5;0.25\n", "1,5"),
        ("a\tb\n1,500\t12,000\n", "1,500"),
        ('a,b\n"1,5",2\n', "1,5"),
        ("a;b\n1.234,5;1,234.5\n", "1.234,5"),
        ("a,b\n1_000,2\n", "1_000"),
    ],
    ids=["point and comma", "thousands", "between commas", "both in one", "underscore"],
)
def test_a_number_that_may_mean_two_things_is_none(text: str, cell: str) -> None:
    table = read_table(text, "t.csv")
    assert cell in table.rows[1].cells
    assert finite(table, cell) is None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a;b\n1.234,5;2,5\n", (1234.5, 2.5)),
        ("a;b\n1.234,5;12.345\n", (1234.5, 12345)),
        ("a\tb\n1,234.5\t12,345\n", (1234.5, 12345)),
        ("a;b\n1\u202f234,5;-12\u00a0345\n", (1234.5, -12345)),
        ("a;b\n12'345.67;2\u2019345\n", (12345.67, 2345)),
        ("a;b\n\u22120.5;\u22121e-3\n", (-0.5, -0.001)),
    ],
    ids=["German", "both", "English", "French", "Swiss", "minus"],
)
def test_thousands_are_understood_where_a_number_leaves_no_doubt(
    text: str, numbers: tuple[float, float]
) -> None:
    table = read_table(text, "t.csv")
    assert tuple(map(table.number, table.rows[1].cells)) == numbers


def test_what_is_no_table_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"t\.csv: this is no text"):
        read_table("a,b\x00\n", "t.csv")
    with pytest.raises(InvalidInput, match=r"t\.csv:2: field larger than field limit"):
        read_table("a,b\n" + "x" * 200_000, "t.csv")
    assert read_table("", "t.csv").rows == ()
    assert [row.line for row in read_table("a,b\n\n , \n1,2\n", "t.csv").rows] == [1, 4]


def test_points_separate_thousands_beside_decimal_commas() -> None:
    table = read_table("dose;signal\n1.000;0,5\n10;0,25\n", "t.csv")
    assert [tuple(map(table.number, row.cells)) for row in table.rows[1:]] == [
        (1000, 0.5),
        (10, 0.25),
    ]


def test_marks_without_a_width_are_not_part_of_a_number() -> None:
    table = read_table("dose,signal\n\u200b10,0.5\ufeff\n", "t.csv")
    assert tuple(map(table.number, table.rows[1].cells)) == (10, 0.5)


def test_text_of_windows_without_its_mark_is_text() -> None:
    assert table_text("dose\tsignal\r\n10\t5\r\n".encode("utf-16-le"), "t").startswith("dose")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('dose,signal,note\n10,0.5,"a\n20,0.6,b\n', 2),
        ('dose;signal;note\n10;0.5;a\n20;0.6;"b\n30;0.7;c', 3),
        ('"dose\tsignal\n10\t0.5\n', 1),
    ],
)
def test_a_quotation_mark_that_is_closed_nowhere_swallows_no_rows(text: str, line: int) -> None:
    with pytest.raises(InvalidInput, match="closed nowhere") as refused:
        read_table(text, "past.csv")
    assert refused.value.problems[0].line == line
    assert len(read_table(text.replace('"', ""), "past.csv").rows) == len(text.splitlines())
