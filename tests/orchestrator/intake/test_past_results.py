from pathlib import Path

import pytest

from optimizer import predict, propose
from orchestrator.core.round_planning import best_of_round, plan_round
from orchestrator.core.state import CampaignState, CampaignStatus, RoundState, WellState
from orchestrator.intake.campaign_check import NamedText, past_observations
from orchestrator.intake.past_results import (
    as_earlier,
    from_campaign,
    not_tried_again,
    read_history,
)
from orchestrator.intake.table_files import table_of
from orchestrator.journal.journal import Journal
from orchestrator.results.tables import csv_text, layout_table, tidy_table
from protocols.campaign import Campaign
from protocols.campaign_parts import PastResults
from protocols.conditions import Condition, Observation, Proposal
from protocols.errors import InvalidInput
from protocols.layout import Layout, Placement
from protocols.parameters import CategoryParameter
from protocols.plates import Well
from tests.conftest import START

HEADER = "substrate_concentration,enzyme_volume,coloured_cell_ratio"


def problems(text: str, campaign: Campaign) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read_history(text, "past.csv", campaign, {})
    return [str(problem) for problem in caught.value.problems]


def test_the_published_table_is_read_under_its_own_headers(rpe: Campaign, published: Path) -> None:
    observations = read_history(
        published.read_text(), str(published), rpe, rpe.past_results.columns
    )
    assert len(observations) == 47
    assert max(observation.value or 0 for observation in observations) == 0.859


@pytest.mark.parametrize("nothing", ["", "NA", "NaN", "n/a", "-"])
def test_a_row_without_a_ratio_is_a_lost_well(assay: Campaign, nothing: str) -> None:
    text = f"{HEADER}\n10,20,0.4\n10,20,{nothing}\n"
    assert len(read_history(text, "past.csv", assay, {})) == 1


def test_all_problems_of_a_table_come_at_once(assay: Campaign) -> None:
    rows = ["10,20,1.7", "ten,20,0.5", "10,nan,0.5", "-5,20,0.5", "10,20", "10,20,0.5"]
    assert problems("\n".join([HEADER, *rows]), assay) == [
        "past.csv:2: coloured_cell_ratio: 1.7 is not a ratio (expected a number from 0 to 1)",
        "past.csv:3: substrate_concentration: 'ten' is not a number (expected a number)",
        "past.csv:4: enzyme_volume: nan is not a finite number (expected a finite number)",
        "past.csv:5: substrate_concentration: -5 is not allowed (expected 1 to 1000 uM)",
        "past.csv:6: 2 cells (expected 3 cells)",
    ]


def test_a_missing_column_is_reported_with_what_there_is(assay: Campaign) -> None:
    (problem,) = problems("substrate_concentration,volume,coloured_cell_ratio\n1,2,0.1\n", assay)
    assert "past.csv:1: enzyme_volume: there is no such column" in problem
    assert "--column enzyme_volume=HEADER" in problem


def test_an_empty_table_is_a_problem(assay: Campaign) -> None:
    assert "there are no results in it" in problems(HEADER + "\n", assay)[0]
    assert len(problems("", assay)) == 3


def test_results_of_an_earlier_campaign_keep_what_this_one_allows_in_rounds_of_their_own(
    assay: Campaign,
) -> None:
    conditions = [
        {"substrate_concentration": dose, "enzyme_volume": 20.0, "gone": 1.0}
        for dose in (10.0, -5.0)
    ]
    observations = [
        Observation(condition=Condition(values), value=0.5, round=round_number)
        for round_number in (1, 2)
        for values in conditions
    ]
    found = as_earlier(from_campaign("first", observations, assay))
    assert [o.round for o in found] == [-1, 0]
    assert {o.condition for o in found} == {
        Condition({"substrate_concentration": 10.0, "enzyme_volume": 20.0})
    }
    assert [o.round for o in as_earlier(found, observations[:1], observations)] == [
        -1,
        0,
        -2,
        -4,
        -4,
        -3,
        -3,
    ]
    assert as_earlier([], found) == found
    with pytest.raises(
        InvalidInput,
        match=r"campaign first: substrate_concentration=-5.0 \(expected 1 to 1000 uM\)",
    ):
        from_campaign("first", observations[1:2], assay)
    with pytest.raises(InvalidInput, match="campaign first: nothing was observed"):
        from_campaign("first", [], assay)


def with_coat(campaign: Campaign) -> Campaign:
    coat = CategoryParameter(
        name="coat",
        step=campaign.parameters[0].step,
        kind="category",
        levels=(0, 1, "-4C", "H\u00fclle"),
        labels={"0": "bare", "1": "Gelatine"},
        standard=0,
    )
    return campaign.model_copy(update={"parameters": (*campaign.parameters, coat)})


@pytest.mark.parametrize(
    ("cell", "level"),
    [
        ("0", 0),
        ("1.0", 1),
        ("True", 1),
        ("bare", 0),
        ("gelatine", 1),
        ("-4C", "-4C"),
        ("'-4C", "-4C"),
        ("Hu\u0308lle", "H\u00fclle"),
    ],
)
def test_a_level_is_known_by_its_text_label_or_number(
    assay: Campaign, cell: str, level: object
) -> None:
    campaign = with_coat(assay)
    (found,) = read_history(f"{HEADER},coat\n10,20,0.4,{cell}\n", "past.csv", campaign, {})
    assert found.condition["coat"] == level


def test_a_level_that_is_none_is_refused_with_those_there_are(assay: Campaign) -> None:
    (problem,) = problems(f"{HEADER},coat\n10,20,0.4,2.0\n", with_coat(assay))
    assert problem.startswith("past.csv:2: coat: 2.0 is not allowed (expected one of 0 (bare)")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffsubstrate_concentration;enzyme_volume;coloured_cell_ratio\n12,5;20;0,4\n",
        "sep=\t\nenzyme_volume\tsubstrate_concentration\tcoloured_cell_ratio\n20\t12.5\t0.4\n",
        ",Substrate_Concentration , enzyme_volume, coloured_cell_ratio ,note\n0,12.5, 20,0.4,x\n",
        "substrate_concentration [nM],enzyme_volume (mL),coloured_cell_ratio\n12500,0.02,0.4,,\n",
    ],
    ids=["decimal commas", "tabs", "index and spaces", "units"],
)
def test_tables_of_other_programs_are_read(assay: Campaign, text: str) -> None:
    (found,) = read_history(text, "past.csv", assay, {})
    assert found.condition == Condition({"substrate_concentration": 12.5, "enzyme_volume": 20.0})
    assert found.value == 0.4


def test_a_unit_of_another_kind_is_no_column_of_the_parameter(assay: Campaign) -> None:
    (problem,) = problems(
        "substrate_concentration [degC],enzyme_volume,coloured_cell_ratio\n10,20,0.4\n", assay
    )
    assert "there is no such column (for substrate_concentration)" in problem


def test_our_own_table_of_wells_comes_back_with_its_flags_and_without_lost_wells(
    assay: Campaign,
) -> None:
    conditions = [
        Condition({"substrate_concentration": dose, "enzyme_volume": 20.0}) for dose in (5, 50, 500)
    ]
    wells = [
        WellState(
            well=Well(plate=1, name=f"A{number}", number=number),
            proposal=Proposal(condition=condition, role="initial", reason="=spread; evenly"),
            value=0.5 + number / 10,
            flags=flags,
            lost="spilt" if number == 3 else "",
        )
        for number, (condition, flags) in enumerate(
            zip(conditions, [(), ("blurred", "dark"), ()], strict=True), 1
        )
    ]
    round_ = RoundState(
        number=1, finished=True, started_at=START, ended_at=START, wells=tuple(wells)
    )
    state = CampaignState(
        id="assay",
        campaign=assay,
        status=CampaignStatus.RUNNING,
        started_at=START,
        rounds=(round_,),
    )
    found = read_history(csv_text(tidy_table(state)), "wells.csv", assay, {})
    assert [(o.condition, o.value, o.flags) for o in found] == [
        (conditions[0], 0.6, ()),
        (conditions[1], 0.7, ("blurred", "dark")),
    ]
    assert [o.usable for o in found] == [True, False]
    assert [o.condition for o in best_of_round(found, 1)] == conditions[:1]


def test_our_own_layout_comes_back_with_the_values_that_were_filled_in(assay: Campaign) -> None:
    campaign = with_coat(assay)
    coats = (0, "-4C", "H\u00fclle")
    placements = tuple(
        Placement(
            well=Well(plate=1, name=f"B{number}", number=number),
            proposal=Proposal(
                condition=Condition(
                    {"substrate_concentration": 1.5, "enzyme_volume": 20.0, "coat": coat}
                ),
                role="proposed",
                reason="optimiser: good, and could be better",
            ),
        )
        for number, coat in enumerate(coats, 1)
    )
    table = layout_table(campaign, Layout(round=4, placements=placements))
    filled = csv_text(table.assign(coloured_cell_ratio=[0.1, 0.2, 0.3]))
    found = read_history(filled, "round-4.csv", campaign, {})
    assert [(o.condition["coat"], o.value, o.round) for o in found] == [
        (0, 0.1, 4),
        ("-4C", 0.2, 4),
        ("H\u00fclle", 0.3, 4),
    ]


def test_what_lies_off_the_levels_is_learnt_from_and_never_proposed(rpe: Campaign) -> None:
    space = rpe.space
    first = [p.condition.root for p in propose(space, [], number=12, seed=1)]
    header = [*space.by_name, "coloured_cell_ratio"]
    rows = [
        {**values, "ksr_period": 30.5, "detachment_speed": 14.25, "coloured_cell_ratio": 0.9}
        if index < 3
        else {**values, "coloured_cell_ratio": 0.1}
        for index, values in enumerate(first)
    ]
    table = "\n".join(",".join(map(str, names)) for names in [header, *(r.values() for r in rows)])
    observations = read_history(table, "past.csv", rpe, {})
    assert [o.condition["ksr_period"] for o in observations[:3]] == [30.5] * 3
    [speed, period] = not_tried_again(rpe, observations)
    assert "3 of 12 past results have detachment_speed = 14.25, which is not allowed" in speed
    assert "ksr_period = 30.5" in period
    plan = plan_round(rpe, 2, observations)
    for placement in plan.layout.placements:
        assert space.snap(placement.proposal.condition.root) == placement.proposal.condition
    low, high = (
        predict(space, observations, [Condition({**first[0], "ksr_period": days})])[0].mean
        for days in (1.0, 19.0)
    )
    assert high > low  # what 30.5 days gave is known


def test_own_exports_come_back_from_a_workbook_and_from_parquet(
    assay: Campaign, tmp_path: Path
) -> None:
    plan = plan_round(assay, 1, ())
    table = layout_table(assay, plan.layout).assign(
        ratio=[0.123456789012345, *[0.5] * 22, None], flags=["", "over_exposed", *["lost"] * 22]
    )
    expected = [placement.proposal.condition for placement in plan.layout.placements[:2]]
    table.to_excel(tmp_path / "wells.xlsx", index=False)
    table.to_parquet(tmp_path / "wells.parquet")
    (tmp_path / "wells.csv").write_text(csv_text(table), encoding="utf-16")
    for name in ("wells.xlsx", "wells.parquet", "wells.csv"):
        found = read_history(table_of(tmp_path / name), name, assay, {})
        assert [o.condition for o in found] == expected
        assert [(o.value, o.flags) for o in found] == [
            (0.123456789012345, ()),
            (0.5, ("over_exposed",)),
        ]


def test_an_own_export_is_read_whatever_the_columns_of_another_table_are_called(
    rpe: Campaign,
) -> None:
    plan = plan_round(rpe, 1, ())
    table = layout_table(rpe, plan.layout).assign(ratio=0.25, flags="")
    assert rpe.past_results.columns["ksr_period"] == "KSR Conc."
    found = read_history(csv_text(table), "wells.csv", rpe, rpe.past_results.columns)
    assert [o.condition for o in found] == [p.proposal.condition for p in plan.layout.placements]
    other = csv_text(table.drop(columns="role"))
    with pytest.raises(InvalidInput, match=r"KSR Conc\."):
        read_history(other, "other.csv", rpe, rpe.past_results.columns)


def test_results_of_a_similar_experiment_are_nobodys_values(
    tmp_path: Path, assay: Campaign
) -> None:
    study = assay.model_copy(update={"past_results": PastResults(similar=True)})
    table = NamedText(f"{HEADER},round\n10,20,0.99,1\n20,20,0.4,2\n20,30,0.5,2\n", "HEK.csv")
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    past, _ = past_observations(journal, study, table)
    assert [(o.study, o.round, o.usable) for o in past] == [
        ("HEK.csv", -1, False), ("HEK.csv", 0, False), ("HEK.csv", 0, False),
    ]  # fmt: skip
    state = journal.state(journal.create_campaign(study, "text", past, START))
    assert state.observations == tuple(past)
    assert state.best is None
    assert plan_round(study, 1, state.observations) == plan_round(study, 1, [])
    assert best_of_round(state.observations, 0) == []
    again = state.campaign.model_copy(update={"past_results": PastResults(campaign=state.id)})
    kept, share = past_observations(journal, again, None)
    assert [o.study for o in kept] == ["HEK.csv"] * 3
    assert share == (3, 3)
    journal.close()
