"""What does not fit into a well is said before anything runs, by Opentrons' own capacities."""

from pathlib import Path

import pytest

from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.settings import Settings
from protocols.errors import InvalidInput
from tests.conftest import ROOT

CULTURE = """
name: culture
outcomes: [{name: growth, unit: OD, by_hand: true}]
objectives: [{outcome: growth, direction: maximise}]
parameters:
  - {name: glucose, step: feed, kind: continuous, unit: mM, low: 1, high: 50}
  - {name: medium, step: feed, kind: stepped, unit: uL, levels: [500, 1000, 1500]}
  - {name: oil, step: feed, kind: stepped, unit: uL, levels: [500, 1000, 1500]}
protocol:
  name: culture
  steps:
    - name: feed
      robot: ada
      days: {from: 0, to: 9}
      operations:
OPERATIONS
plates: {count: 1, labware: LABWARE, wells: A1:A6}
rounds: {first: {initial: 6}, later: {proposed: 6}}
stop: {rounds: 2}
robots: {ada: {driver: manual}}
"""
USED = """
        - {do: set, setting: light, value: 1}
        - {do: dispense, liquid: water, volume: 10 uL,
           supplements: [{substance: glucose, concentration: {parameter: glucose}}]}
        - {do: aspirate, volume: 10 uL}
"""


def problems(operations: str, labware: str, more: str = "") -> list[str]:
    text = CULTURE.replace("OPERATIONS", USED.strip("\n") + "\n" + operations.strip("\n"))
    file = NamedText(text.replace("LABWARE", labware) + more, "culture.yaml")
    try:
        checked_campaign(file, Settings(home=Path("nowhere")))
    except InvalidInput as refused:
        return [f"{problem.message} ({problem.expected})" for problem in refused.problems]
    return []


FEED = "        - {do: dispense, liquid: medium, volume: {parameter: medium}}\n"
OIL = "        - {do: dispense, liquid: oil, volume: {parameter: oil}}\n"
EMPTY = "        - {do: aspirate, volume: 3 mL}\n"
PLATE = "corning_24_wellplate_3.4ml_flat"


@pytest.mark.parametrize(
    ("operations", "labware", "said"),
    [
        (
            "        - {do: dispense, liquid: medium, volume: 20 mL}\n" + FEED + OIL,
            PLATE,
            "3400 uL",
        ),
        # Three times what fits is fed, and removed before it is fed again.
        (FEED + OIL + EMPTY, PLATE, ""),
        # Nobody removes it: the third day is too much.
        (FEED + OIL, PLATE, "3400 uL"),
        # What a person's own action leaves is not known.
        (FEED + OIL + "        - {do: collect, volume: 3 mL, to: vial}\n", PLATE, ""),
        (FEED + OIL + EMPTY, "opentrons_24_tuberack_nest_2ml_snapcap", "2000 uL"),
        (FEED + OIL + EMPTY, "{name: vials, rows: 4, columns: 6, capacity: 20 mL}", ""),
        (FEED + OIL, "{name: vials, rows: 4, columns: 6}", ""),
    ],
)
def test_a_well_that_would_overflow_is_named_with_what_it_holds(
    operations: str, labware: str, said: str
) -> None:
    found = problems(operations, labware)
    assert len(found) == bool(said), found
    if said:
        assert "well A1 of" in found[0]
        assert f"at most {said}, its capacity" in found[0]


def test_parts_of_a_whole_are_not_taken_for_full_at_once() -> None:
    rack = "opentrons_24_tuberack_nest_2ml_snapcap"
    whole = "constraints: [{kind: mixture, parts: [medium, oil], total: 2000}]\n"
    assert problems(FEED + OIL + EMPTY, rack) != []
    assert problems(FEED + OIL + EMPTY, rack, whole) == []


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/campaign.yaml")), ids=str)
def test_no_example_is_said_to_overflow(path: Path, tmp_path: Path) -> None:
    file = NamedText(path.read_text(), str(path))
    checked_campaign(file, Settings(home=tmp_path))
