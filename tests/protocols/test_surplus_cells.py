"""Numbers with decimal commas between commas: half of each would be lost without a word."""

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.intake.readings_table import read_readings_table
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from protocols.kinetic_table import read_kinetics
from protocols.plate_table import read_plate_table
from protocols.traces import read_trace_table
from tests.orchestrator.intake.test_rows_that_are_no_samples import BUFFERS


def by_hand(text: str, where: str) -> Any:
    return read_readings_table(text, read_campaign(BUFFERS))


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_plate_table, "well,value\nA1,0,5\nA2,0,6\n"),
        (read_plate_table, "<>,1,2\nA,0,1,0,2\nB,0,3,0,4\n"),
        (read_plate_table, "A1,A2\n0,1,0,2\n"),
        (read_kinetics, "Time [s],A1\n0,0,1\n60,0,3\n"),
        (read_kinetics, "Time [s],0,60\nA1,0,1,0,2\n"),
        (read_trace_table, "time [s],a\n0,0,1\n1,0,2\n"),
        (by_hand, "round,plate,well,value\n1,1,A1,0,5\n"),
    ],
)
def test_a_row_that_is_wider_than_its_head_is_refused(
    read: Callable[[str, str], Any], text: str
) -> None:
    with pytest.raises(InvalidInput, match=r"more cells than headings .*decimal comma, semicolons"):
        read(text, "t.csv")


def test_remarks_and_names_of_reads_may_stand_behind_a_row() -> None:
    assert read_plate_table("well,value\nA1,0.5,late\n", "t") == {"A1": 0.5}
    assert read_plate_table(",1,2\nA,1,2,OD:600\nB,3,4,OD:600\n", "t")["B2"] == 4
    assert read_plate_table(",1,2\nA,1,2,600\nB,3,4,600\n", "t")["B2"] == 4
    [value] = by_hand("round,plate,well,value\n1,1,A1,0.5,late\n", "t")
    assert value.value == 0.5
