import pytest

from protocols.errors import InvalidInput
from protocols.plate_table import read_plate_table

READ = {"A1": 0.125, "A2": 1.5, "B2": 0.25}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffWell,Value\r\nA1,0.125\r\nA02,1.5\r\nB1,\r\nb2,0.25\r\n",
        "sep=;\nwell;value\nA01;0,125\nA02;1,5\nB02;0,25\n",
        "Plate\t7\nwell\tsample\tvalue\nA1\tx\t0,125\nA2\ty\t1,5\nB2\t\t0,25\n",
        "\ufeff,1,2\nA,0.125,1.5\nB,,0.25\n",
        "<>;1;2\nA;0,125;1,5\nB;;0,25\n",
        "620 nm\n\n<>\t1\t2\nA\t0.125\t1.5\nB\t\t0.25\nTemperature\t25.1\n",
        "Rows/Columns,1,2,\na,0.125,1.5,\nb,,0.25,\n",
    ],
    ids=["list", "decimal commas", "tabs", "grid", "corner", "tabs in a grid", "named corner"],
)
def test_a_table_is_read_as_readers_and_spreadsheets_write_it(text: str) -> None:
    assert read_plate_table(text, "t.csv") == READ


@pytest.mark.parametrize(
    "mark", ["OVRFLW", "OVER", "Overflow", "****", ">4.0", "> 3,5", "<0.01", "#SAT", "OVFL", "Inf"]
)
def test_a_value_that_the_reader_could_not_measure_is_refused_as_that(mark: str) -> None:
    for text in (f"well;value\nA1;0.5\nA2;{mark}\n", f";1;2\nA;0.5;{mark}\n"):
        with pytest.raises(InvalidInput) as refused:
            read_plate_table(text, "t.csv")
        [problem] = refused.value.problems
        assert "the reader could not measure" in problem.message
        assert problem.message.startswith(f"A2: {mark!r}")
        assert problem.line == text[: text.index(mark)].count("\n") + 1


def test_a_table_of_empty_wells_is_refused() -> None:
    with pytest.raises(InvalidInput, match="every well in it is empty"):
        read_plate_table("well,value\nA1,\nA2,\n", "t.csv")
    with pytest.raises(InvalidInput, match="A1 comes a second time"):
        read_plate_table("well,value\nA1,\nA01,0.5\n", "t.csv")
