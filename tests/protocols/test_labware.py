"""Labware by name or definition, and wells by every name that people and instruments write."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.addresses import WellAddress, WellPlace
from protocols.campaign_file import read_campaign, read_lab
from protocols.errors import InvalidInput
from protocols.jobs import Job
from protocols.labware import known_labware, opentrons_labware
from protocols.plate_table import read_plate_table
from protocols.plates import Plates
from protocols.wells import name_of, well_name, well_row_column
from tests.builders import jobs_for
from tests.conftest import ASSAY_FILE

PLACES = st.tuples(st.integers(0, 31), st.integers(0, 47))


@given(PLACES, st.sampled_from(["{r}{c}", "{r}{c:02}", "{r} {c}", "{c}{r}", " {r}{c:03} "]))
def test_every_way_to_write_a_well_is_understood(place: tuple[int, int], form: str) -> None:
    row, column = place
    name = name_of(row, column)
    letters = name.rstrip("0123456789")
    written = form.format(r=letters, c=column + 1)
    assert well_name(written) == well_name(written.lower()) == name
    assert well_row_column(name) == place


def test_the_last_well_of_each_microplate() -> None:
    last = {name: known_labware()[name].wells[-1] for name in ("96-well", "384-well", "1536-well")}
    assert last == {"96-well": "H12", "384-well": "P24", "1536-well": "AF48"}
    assert [well_name(text) for text in ("A0", "7", "", "well", "A1B", "\uff21\uff11")] == [
        *[None] * 5,
        "A1",
    ]


def test_wells_are_written_in_one_form_wherever_they_are_named() -> None:
    assert WellAddress.parse("c/r1/p2/a01") == WellAddress("c", 1, 2, "A1")
    assert WellPlace(round=1, plate=1, well="12h").well == "H12"
    table = read_plate_table("well,value\na01,1\nB 2,2\n3C,3\nAF48,4\n", "t")
    assert table == {"A1": 1, "B2": 2, "C3": 3, "AF48": 4}
    assert Plates(count=1, labware="96-well", wells="a01:b02").well_names == (
        "A1", "A2", "B1", "B2",
    )  # fmt: skip


def test_a_mixed_rack_has_the_tubes_that_it_has() -> None:
    """Opentrons' rack of four 50 mL and six 15 mL tubes, as its drawing shows it."""
    rack = known_labware()["opentrons_10_tuberack_falcon_4x50ml_6x15ml_conical"]
    assert rack.wells == ("A1", "A2", "A3", "A4", "B1", "B2", "B3", "B4", "C1", "C2")
    assert (rack.capacity_ul("C2"), rack.capacity_ul("B4")) == (15_000, 50_000)


def opentrons_definitions() -> list[Path]:
    package = pytest.importorskip("opentrons_shared_data", reason="of the OT-2's environment")
    folder = Path(package.__file__).parent / "data" / "labware" / "definitions" / "2"
    return sorted(folder.glob("*/*.json"))


def test_the_table_agrees_with_the_definitions_of_opentrons() -> None:
    found = {}
    for path in opentrons_definitions():
        definition = json.loads(path.read_text())
        found[definition["parameters"]["loadName"]] = definition["wells"]
    for name in opentrons_labware() & found.keys():
        known = known_labware()[name]
        assert set(known.wells) == set(found[name]), name
        for well, shape in found[name].items():
            assert known.capacity_ul(well) == shape["totalLiquidVolume"], (name, well)


RACK = "{name: vials, rows: 4, columns: 7, capacity: 20 mL, absent: [A7, B7, C7, D07]}"


def with_plates(labware: str, wells: str = "A1:D6") -> str:
    text = ASSAY_FILE.read_text()
    return text.replace("labware: 96-well, wells: A1:D6", f"labware: {labware}, wells: '{wells}'")


def test_a_campaign_or_a_lab_defines_labware_of_its_own() -> None:
    campaign = read_campaign(with_plates(RACK, "A1:D7"))
    assert campaign.plates.wells_per_plate == 24
    job = jobs_for(campaign, campaign.standards[0])[0]
    assert job.labware == "vials"
    assert Job.model_validate_json(job.model_dump_json()) == job
    assert job.definition.capacity_ul("A1") == 20_000
    lab = read_lab(
        "robots: {dispenser: {driver: simulated}}\nlabware: [{name: chip, rows: 4, columns: 6}]\n"
    )
    assert read_campaign(with_plates("chip"), lab=lab).plates.well_names[-1] == "D6"
    with pytest.raises(InvalidInput, match="there is no such labware"):
        read_campaign(with_plates("chip"))


@pytest.mark.parametrize(
    ("labware", "wells", "message"),
    [
        ("opentrons_24_tuberack_nest_2ml_screwcapp", "A1:D6", "nest_2ml_screwcap"),
        ("{name: 6-well, rows: 4, columns: 6}", "A1:D6", "'6-well' is the name of other labware"),
        ("{name: x, rows: 4, columns: 6, absent: [E1]}", "A1:D6", "'E1' is no well of it"),
        ("{name: x, rows: 4, columns: 6, capacity: 3 s}", "A1:D6", "measures something else"),
        ("{name: x, rows: 0, columns: 6}", "A1:D6", "rows: 0"),
        ("24-well", "A1:E6", "'A1:E6' does not lie on a 24-well plate"),
        ("24-well", "D6:A1", "'D6:A1' is not a rectangle"),
        ("3", "A1:D6", "a name or a definition"),
    ],
)
def test_labware_that_there_cannot_be_is_refused(labware: str, wells: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_campaign(with_plates(labware, wells))
    assert message in str(refused.value)
