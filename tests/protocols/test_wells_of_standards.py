"""Where on a plate standards and controls are, if the file says so."""

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import propose
from orchestrator.core.round_planning import Plan, plan_round
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Observation
from protocols.errors import InvalidInput
from protocols.plates import Plates

_FILE = """
name: dose
parameters:
  - {name: dose, step: feed, kind: continuous, unit: uM, low: 1, high: 1000, standard: 20}
protocol:
  name: feeding
  steps:
    - name: feed
      robot: hand
      days: 0
      operations:
        - do: dispense
          liquid: medium
          volume: 20 uL
          supplements: [{substance: drug, concentration: {parameter: dose}}]
plates: {count: 2, labware: 96-well, wells: B2:C5, PLACES}
rounds: {first: {initial: 10, standard: FIRST}, later: {proposed: LATER}}
stop: {rounds: 3}
outcomes: [{name: mass, unit: g, by_hand: true}]
objectives: [{outcome: mass, direction: maximise}]
robots: {hand: {driver: manual}}
strategy: random
"""


def campaign(places: str, later: str = "12, controls: 2, standard: 2", first: int = 6) -> Campaign:
    text = _FILE.replace("PLACES", places).replace("LATER", later).replace("FIRST", str(first))
    return read_campaign(text)


def second_round(found: Campaign) -> Plan:
    conditions = [one.condition for one in propose(found.space, [], number=16, seed=4)]
    return plan_round(
        found,
        2,
        [
            Observation(condition=condition, value=float(value), round=1)
            for value, condition in enumerate(conditions)
        ],
    )


def wells(plan: Plan, role: str) -> list[tuple[int, str]]:
    placements = plan.layout.placements
    return [(it.well.plate, it.well.name) for it in placements if it.proposal.role == role]


def test_each_is_in_its_wells_of_every_plate() -> None:
    found = campaign('standards_in: ["B02:B4"], controls_in: c5')
    assert sorted(wells(plan_round(found, 1, []), "standard")) == [
        (plate, well) for plate in (1, 2) for well in ("B2", "B3", "B4")
    ]
    later = second_round(found)
    assert sorted(wells(later, "control")) == [(1, "C5"), (2, "C5")]
    standards = wells(later, "standard")
    assert {plate for plate, _ in standards} == {1, 2}
    assert {well for _, well in standards} <= {"B2", "B3", "B4"}
    assert len(later.layout.placements) == 16
    assert later.notices == ()


def test_without_names_they_are_drawn_by_lot_and_a_file_is_what_it_was() -> None:
    found = campaign("order: rows", later="14, controls: 2")
    drawn = {
        well
        for seed in range(8)
        for _, well in wells(plan_round(found.model_copy(update={"seed": seed}), 1, []), "standard")
    }
    assert len(drawn) == 8
    assert {"standards_in", "controls_in"}.isdisjoint(found.plates.model_dump())
    assert "standard" not in found.rounds.later.model_dump()


def test_standards_that_no_named_well_fits_are_left_out_and_said(rpe: Campaign) -> None:
    # Each well of this protocol decides a parameter, and so does the standard condition.
    plates = rpe.plates.model_copy(update={"standards_in": (rpe.plates.well_names[0],)})
    first = rpe.rounds.first.model_copy(update={"standard": 40, "initial": 8})
    rounds = rpe.rounds.model_copy(update={"first": first})
    plan = plan_round(rpe.model_copy(update={"plates": plates, "rounds": rounds}), 1, [])
    found = wells(plan, "standard")
    assert {well for _, well in found} <= {rpe.plates.well_names[0]}
    assert plan.notices == (
        f"Only {len(found)} of 40 standards found a well: the optimiser fills the others.",
    )


@pytest.mark.parametrize(
    ("places", "later", "said"),
    [
        ("standards_in: A1", "16", "A1: not in use on a 96-well plate"),
        ("standards_in: B2:B4, controls_in: B3", "16", "B3: the standard condition is there"),
        ("standards_in: [B2, foo]", "16", "'foo' is neither a well nor a rectangle"),
        ("standards_in: {a: 1}", "16", "names of wells and rectangles"),
        ("standards_in: B2", "16", "6 wells, and plates.standards_in names 2 (2 x 1)"),
        ("controls_in: B2", "12, controls: 4", "4 wells, and plates.controls_in names 2 (2 x 1)"),
        ("order: rows", "16, standard: 2", "16 proposed + 0 controls + 2 standard make 18 wells"),
    ],
)
def test_what_cannot_be_is_refused(places: str, later: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        campaign(places, later)
    assert any(said in str(problem) for problem in refused.value.problems)


def test_a_design_over_several_rounds_has_no_named_wells() -> None:
    with pytest.raises(InvalidInput, match="drawn by lot"):
        campaign("standards_in: B2:C5", first=22)


def a_rectangle() -> st.SearchStrategy[tuple[str, set[str]]]:
    """A rectangle of a 96-well plate in some form, and its wells counted out by hand."""

    def made(rows: tuple[int, int], columns: tuple[int, int], padded: bool) -> Any:
        (top, bottom), (left, right) = sorted(rows), sorted(columns)
        letters, form = string.ascii_uppercase, "02" if padded else ""
        text = f"{letters[top]}{left:{form}}:{letters[bottom].lower()}{right:{form}}"
        inside = {f"{a}{n}" for a in letters[top : bottom + 1] for n in range(left, right + 1)}
        return text, inside

    row, column = st.integers(0, 7), st.integers(1, 12)
    return st.builds(made, st.tuples(row, row), st.tuples(column, column), st.booleans())


@settings(max_examples=50)
@given(st.lists(a_rectangle(), min_size=1, max_size=4), st.booleans())
def test_rectangles_mean_their_wells(given: list[tuple[str, set[str]]], as_text: bool) -> None:
    texts = [text for text, _ in given]
    plates = Plates.model_validate(
        {"count": 1, "labware": "96-well", "standards_in": ", ".join(texts) if as_text else texts}
    )
    assert set(plates.standards_in) == set().union(*(inside for _, inside in given))
    assert len(plates.standards_in) == len(set(plates.standards_in))
    assert Plates.model_validate(plates.model_dump()) == plates
