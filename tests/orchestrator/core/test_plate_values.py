"""Parameters with one value a plate: a split-plot design, as its definition says."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.round_planning import plan_round
from orchestrator.errors import JournalError
from orchestrator.studies.confirmation import design
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Observation
from protocols.errors import InvalidInput, WellwiseError
from protocols.layout import Layout
from tests import acting
from tests.conftest import ROOT
from tests.service import house

DECIDED = "    decided_by_well: {base: [25], per_plate: 12}\n"
TEXT = (ROOT / "examples" / "enzyme" / "campaign.yaml").read_text(encoding="utf-8")
GLYCEROL = "levels: {from: 0, to: 40, by: 5}\n    standard: 0\n"
WELL_DECIDES = "levels: {from: 0, to: 40, by: 5}\n    decided_by_well: {base: [0], per_well: 5}\n"
BOUND = """
constraints:
  - {kind: linear, terms: {temperature: 1, glycerol: 0.6}, at_most: 60}

protocol:"""
SPLIT = TEXT.replace(DECIDED, "    varies: plate\n    standard: 37\n")


def campaign(
    seed: int = 5,
    first: str = "{initial: 24}",
    later: str = "{proposed: 24}",
    standard: int = 37,
) -> Campaign:
    text = SPLIT.replace("seed: 5", f"seed: {seed}").replace("{initial: 24}", first)
    text = text.replace("standard: 37", f"standard: {standard}")
    return read_campaign(text.replace("{proposed: 24}", later))


def temperatures(layout: Layout) -> list[set[object]]:
    """The temperatures of the wells of each plate."""
    plates = sorted({placement.well.plate for placement in layout.placements})
    return [
        {placement.proposal.condition["temperature"] for placement in layout.on_plate(plate)}
        for plate in plates
    ]


def rate(condition: dict[str, float]) -> float:
    """Michaelis and Menten, with the most activity at 49 degC: its optimum is known."""
    by_heat = {25: 0.2, 37: 0.5, 49: 1.0}[int(condition["temperature"])]
    return 200 * by_heat * condition["substrate"] / (condition["substrate"] + 50)


def observed(layout: Layout) -> list[Observation]:
    return [
        Observation(
            condition=one.proposal.condition,
            value=rate(dict(one.proposal.condition.root)),  # type: ignore[arg-type]
            round=layout.round,
            plate=one.well.plate,
        )
        for one in layout.placements
    ]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31))
def test_every_plate_has_one_value_and_its_wells_differ_in_the_rest(seed: int) -> None:
    layout = plan_round(campaign(seed), 1, []).layout
    found = temperatures(layout)
    assert [len(values) for values in found] == [1, 1, 1]
    assert len(set.union(*found)) > 1
    substrates = {one.proposal.condition["substrate"] for one in layout.on_plate(1)}
    assert len(substrates) == 8


def test_plates_go_where_the_best_is_and_one_may_still_explore() -> None:
    study, observations = campaign(), []
    for number in (1, 2, 3):
        layout = plan_round(study, number, observations).layout
        assert [len(values) for values in temperatures(layout)] == [1, 1, 1]
        observations += observed(layout)
    last = Counter(value for values in temperatures(layout) for value in values)
    assert last.most_common(1)[0][0] == 49


def test_standards_and_controls_have_plates_of_their_values() -> None:
    study = campaign(first="{initial: 22, standard: 2}", later="{proposed: 22, controls: 2}")
    first = plan_round(study, 1, []).layout
    standards = [one for one in first.placements if one.proposal.role == "standard"]
    assert {one.proposal.condition["temperature"] for one in standards} == {37}
    assert len(standards) == 2
    plan = plan_round(study, 2, observed(first))
    controls = [one for one in plan.layout.placements if one.proposal.role == "control"]
    assert len(controls) == 2, plan.notices
    assert [len(values) for values in temperatures(plan.layout)] == [1, 1, 1]
    assert plan_round(study, 2, observed(first)).layout == plan.layout


def test_a_fixed_value_holds_for_every_plate() -> None:
    wanted = "  wanted: [{round: 1, fixed: {temperature: 25}}]\nstop:"
    study = read_campaign(SPLIT.replace("\nstop:", wanted, 1))
    assert temperatures(plan_round(study, 1, []).layout) == [{25}, {25}, {25}]


def with_wanted(text: str, wanted: str) -> str:
    return text.replace("\nstop:", f"  wanted: [{wanted}]\nstop:", 1)


def test_controls_with_another_value_than_is_fixed_have_no_plate() -> None:
    text = SPLIT.replace("{proposed: 24}", "{proposed: 22, controls: 2}")
    study = read_campaign(with_wanted(text, "{round: 2, fixed: {temperature: 25}}"))
    first = plan_round(study, 1, []).layout
    plan = plan_round(study, 2, observed(first))
    assert temperatures(plan.layout) == [{25}, {25}, {25}]
    assert any("has no well in this round" in notice for notice in plan.notices)


def test_with_one_plate_a_round_the_batch_still_chooses_its_value() -> None:
    text = SPLIT.replace("count: 3", "count: 1").replace("{initial: 24}", "{initial: 8}")
    study = read_campaign(text.replace("{proposed: 24}", "{proposed: 7, controls: 1}"))
    found: list[Observation] = []
    seen = set()
    for number in (1, 2, 3, 4):
        layout = plan_round(study, number, found).layout
        (values,) = temperatures(layout)
        seen |= values
        found += observed(layout)
    assert 49 in seen


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            with_wanted(
                SPLIT.replace("{initial: 24}", "{initial: 22, standard: 2}"),
                "{round: 1, fixed: {temperature: 25}}",
            ),
            "conditions that are wanted in round 1 have 37",
        ),
        (
            SPLIT.replace(GLYCEROL, WELL_DECIDES).replace("\nprotocol:", BOUND, 1),
            "'temperature' has one value a plate, whose wells decide glycerol",
        ),
    ],
)
def test_what_would_leave_nothing_for_a_well_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_campaign(text)


def test_one_well_of_a_plate_cannot_be_given_another_value(tmp_path: Path) -> None:
    with house(tmp_path) as served:
        name = served.campaign(campaign(), proposed=True)
        well = served.backend.state(name)[1].rounds[0].wells[0]
        place = acting.place(1, well.well.plate, well.well.name)
        before = well.proposal.condition["temperature"]
        other = next(value for value in (25, 37, 49) if value != before)
        lab = served.backend.acting(name)
        with pytest.raises(JournalError, match="temperature has one value a plate"):
            acting.edit_proposal(lab, name, place, {"temperature": other}, "ada", "warmer")
        acting.edit_proposal(lab, name, place, {"glycerol": 10}, "ada", "more")


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (DECIDED, "it is decided by the well already"),
        ("    when: {buffer: [tris]}\n", "a plate has its value in every condition"),
    ],
)
def test_what_a_plate_cannot_decide_is_refused(added: str, said: str) -> None:
    text = SPLIT.replace("    varies: plate\n", f"    varies: plate\n{added}")
    with pytest.raises(InvalidInput, match=said):
        read_campaign(text)


def test_a_whole_plate_operation_says_how_its_parameter_has_one_value() -> None:
    with pytest.raises(InvalidInput, match="varies: plate"):
        read_campaign(SPLIT.replace("    varies: plate\n", ""))


def test_what_is_on_different_plates_is_not_confirmed(tmp_path: Path) -> None:
    with house(tmp_path) as served:
        cold = campaign(first="{initial: 22, standard: 2}", standard=25)
        name = served.campaign(cold)
        wells = served.backend.state(name)[1].rounds[0].wells
        values = {
            acting.place(1, well.well.plate, well.well.name): rate(
                dict(well.proposal.condition.root)  # type: ignore[arg-type]
            )
            for well in wells
        }
        lab = served.backend.acting(name)
        acting.correct_wells(lab, name, values, "ada", "read by eye")
        with pytest.raises(WellwiseError, match="which has one temperature"):
            design(served.backend.journal.state(name))
