"""Tables of values on any scale: an export is read back, and what a person wrote is taken."""

import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.core.state import CampaignState, CampaignStatus, RoundState, WellState
from orchestrator.intake.past_results import read_history
from orchestrator.intake.readings_table import read_readings_table
from orchestrator.results.tables import csv_text, tidy_table
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Condition, Proposal
from protocols.errors import InvalidInput
from protocols.plates import Well
from tests.conftest import ROOT, START

BASE = read_campaign((ROOT / "examples" / "resistance" / "campaign.yaml").read_text())
RAW = BASE.model_dump(by_alias=True)
UNITS = ("", "mg", "ohm", "degC", "percent", "mg/mL", "1/s")
# The values of these campaigns: anything, negative numbers, and thousands.
VALUES = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.sampled_from(
    (0.0, -3.0, -3.25, 2500.0, 1495.3, 1e-12, 7.2)
)


def campaign_of(**outcome: Any) -> Campaign:
    wanted = {"outcome": "found_value", "direction": "minimise"}
    found = {"name": "found_value", "by_hand": True} | outcome
    return Campaign.model_validate(
        RAW | {"outcomes": [found], "objectives": [wanted], "stop": {"rounds": 3}}
    )


CAMPAIGNS = {unit: campaign_of(unit=unit) for unit in UNITS}


def _state(campaign: Campaign, values: list[float | None]) -> CampaignState:
    wells = tuple(
        WellState(
            well=Well(plate=1, name=f"A{number + 1}", number=number + 1),
            proposal=Proposal(
                condition=Condition({"salt": 10.0 + number, "acid": 5.0, "glycerol": 10.0}),
                role="proposed",
                reason="test",
            ),
            value=value,
            scored=value is not None,
            lost="" if value is not None else "spilt",
        )
        for number, value in enumerate(values)
    )
    batch = RoundState(number=1, finished=True, started_at=START, ended_at=START, wells=wells)
    return CampaignState("c", campaign, CampaignStatus.RUNNING, START, rounds=(batch,))


@given(
    st.sampled_from(UNITS),
    st.lists(VALUES | st.none(), min_size=1, max_size=6).filter(lambda v: set(v) != {None}),
)
@example("mg", [1495.3, None, -3.0])
@example("", [2500.0])
def test_an_export_is_read_back_as_past_results(unit: str, values: list[float | None]) -> None:
    campaign = CAMPAIGNS[unit]
    state = _state(campaign, values)
    table = csv_text(tidy_table(state))
    head = table.splitlines()[0].split(",")
    assert (f"found_value [{unit}]" if unit else "found_value") in head
    again = read_history(table, "wells.csv", campaign, {})
    assert [(o.condition, o.value) for o in again] == [
        (o.condition, o.value) for o in state.observations
    ]


@given(
    st.sampled_from(UNITS),
    st.lists(VALUES, min_size=1, max_size=6),
    st.sampled_from((",", ";", "\t")),
    st.sampled_from(("value", "found_value", "Found_Value")),
    st.booleans(),
)
def test_hand_readings_are_taken_as_they_are(
    unit: str, values: list[float], delimiter: str, name: str, with_unit: bool
) -> None:
    head = f"{name} [{unit}]" if unit and with_unit else name
    rows = [["round", "plate", "well", head]]
    rows += [["1", "1", f"A{number}", repr(value)] for number, value in enumerate(values, 1)]
    text = "\n".join(delimiter.join(row) for row in rows)
    found = read_readings_table(text, CAMPAIGNS[unit])
    assert [(entry.place.well, entry.value) for entry in found] == [
        (f"A{number}", value) for number, value in enumerate(values, 1)
    ]
    assert {entry.outcome for entry in found} == {"found_value"}


@settings(max_examples=30)
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), VALUES)
def test_a_natural_range_is_kept_by_every_way_in(low: float, width: float, value: float) -> None:
    campaign = campaign_of(unit="mg", range=[low, low + width])
    allowed = low <= value <= low + width
    past = f"salt,acid,glycerol,found_value\n10,5,10,{value!r}\n"
    hand = f"round,plate,well,value\n1,1,A1,{value!r}\n"
    if allowed:
        assert read_history(past, "p.csv", campaign, {})[0].value == value
        assert read_readings_table(hand, campaign)[0].value == value
        return
    with pytest.raises(
        InvalidInput, match=r"is outside the natural range \(expected a number from"
    ):
        read_history(past, "p.csv", campaign, {})
    with pytest.raises(InvalidInput, match=r"a number from .* mg"):
        read_readings_table(hand, campaign)


def test_units_in_headers_are_converted() -> None:
    campaign = CAMPAIGNS["mg"]
    past = "salt [uM],acid,glycerol,found_value (g)\n10000,5,10,1.495\n"
    [found] = read_history(past, "p.csv", campaign, {})
    assert (found.condition["salt"], found.value) == (10.0, 1495.0)
    hand = "round;plate;well;found_value [ug]\n1;1;A1;1495300\n1;1;A2;-3,5\n"
    values = [entry.value for entry in read_readings_table(hand, campaign)]
    assert values == [1495.3, -0.0035]
    renamed = "salt,acid,glycerol,Weight [kg]\n10,5,10,0.0025\n"
    [found] = read_history(renamed, "p.csv", campaign, {"found_value": "Weight"})
    assert found.value is not None
    assert math.isclose(found.value, 2500.0)
