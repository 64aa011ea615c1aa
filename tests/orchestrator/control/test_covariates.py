"""Covariates: recorded with a table of values, exported as columns, and known to the model."""

from pathlib import Path

import pytest

from optimizer.fitting import fit
from orchestrator.control.wells import EnterValues
from orchestrator.intake.past_results import read_history
from orchestrator.results.tables import csv_text, tidy_table
from orchestrator.studies.replay import replay
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from tests.acting import do
from tests.builders import lab_of, launched, until_asked
from tests.conftest import ROOT

COVARIATES = """covariates:
  - {name: passage}
  - {name: room, unit: degC}
  - {name: serum_lot, kind: category}
  - {name: incubator, kind: category, levels: [left, right]}

parameters:"""
TEXT = (ROOT / "examples" / "resistance" / "campaign.yaml").read_text()


def text(covariates: str = COVARIATES) -> str:
    return TEXT.replace("parameters:", covariates, 1)


def test_what_is_recorded_is_exported_beside_the_values(tmp_path: Path) -> None:
    lab, campaign_id = lab_of(tmp_path, read_campaign(text()))
    table = """round,plate,well,resistance,passage,room [kelvin],serum_lot,incubator
1,1,A1,400,12,296.15,L-77,left
1,1,a02,,13,,L-78,
"""
    entered = do(lab, campaign_id, "ada", EnterValues(csv=table, why="notebook"))
    assert len(entered) == 2
    again = "round,plate,well,passage\n1,1,A2,14\n"
    do(lab, campaign_id, "ada", EnterValues(csv=again, why="misread"))
    wells = lab.journal.state(campaign_id).rounds[0].wells
    assert dict(wells[0].covariates) == {
        "passage": 12.0,
        "room": pytest.approx(23.0),
        "serum_lot": "L-77",
        "incubator": "left",
    }
    assert dict(wells[1].covariates) == {"passage": 14.0, "serum_lot": "L-78"}
    assert (wells[0].value, wells[1].value) == (400, None)
    export = csv_text(tidy_table(lab.journal.state(campaign_id))).splitlines()
    assert export[0].endswith("passage,room [degC],serum_lot,incubator")
    assert export[1].endswith("12.0,23.0,L-77,left")
    events = [e for e in lab.journal.events(campaign_id) if e.kind == "covariate_recorded"]
    assert (events[-1].who, events[-1].message, events[-1].data["value"]) == ("ada", "misread", 14)


def test_nothing_is_recorded_if_a_line_is_wrong(tmp_path: Path) -> None:
    lab, campaign_id = lab_of(tmp_path, read_campaign(text()))
    table = """round,plate,well,passage,incubator
1,1,A1,12,left
1,1,A2,old,left
1,1,A3,12,middle
1,1,nowhere,12,left
"""
    with pytest.raises(InvalidInput) as refused:
        do(lab, campaign_id, "ada", EnterValues(csv=table, why="notebook"))
    assert [(p.line, p.message) for p in refused.value.problems] == [
        (3, "'old' cannot be used as passage"),
        (4, "'middle' cannot be used as incubator"),
        (5, "'12' cannot be used as passage"),
        (5, "'left' cannot be used as incubator"),
    ]
    assert "one of left, right" in str(refused.value)
    assert not any(w.covariates for w in lab.journal.state(campaign_id).rounds[0].wells)


@pytest.mark.parametrize(
    ("covariate", "message"),
    [
        ("{name: salt}", "the name 'salt' is taken"),
        ("{name: ph}", "the name 'ph' is taken"),
        ("{name: flags}", "the name 'flags' is taken"),
        ("{name: x, unit: nonsense}", "'nonsense' is not a unit"),
        ("{name: x, levels: [a]}", "a number has no levels"),
        ("{name: x, kind: category, unit: mg}", "a category has no unit"),
    ],
)
def test_covariates_that_cannot_be_are_refused(covariate: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_campaign(text(f"covariates: [{covariate}]\n\nparameters:"))
    assert message in str(refused.value)


def test_the_model_knows_plates_and_covariates_and_a_replay_what_it_knew(tmp_path: Path) -> None:
    two = text().replace("plates: {count: 1", "plates: {count: 2")
    two = two.replace("initial: 11, standard: 1", "initial: 23, standard: 1")
    two = two.replace("proposed: 11, controls: 1", "proposed: 23, controls: 1")
    campaign = read_campaign(two.replace("least_gain: 1}", "}").replace("target: 100, ", ""))
    lab, campaign_id = launched(tmp_path, campaign)
    for number in (1, 2):
        until_asked(lab, campaign_id)
        batch = lab.journal.state(campaign_id).rounds[number - 1]
        rows = [
            f"{number},{well.well.plate},{well.well.name},"
            f"{900 - 4 * float(well.proposal.condition['acid']) + 80 * (n % 3)},"
            f"7,{n % 3},{'L-77' if n % 2 else 'L-78'}"
            for n, well in enumerate(batch.wells)
        ]
        table = "\n".join(["round,plate,well,resistance,ph,passage,serum_lot", *rows])
        do(lab, campaign_id, "ada", EnterValues(csv=table, why="notebook"))
    until_asked(lab, campaign_id)
    late = "round,plate,well,passage\n1,1,A2,9\n"
    do(lab, campaign_id, "ada", EnterValues(csv=late, why="a correction after round 3 was planned"))
    state = lab.journal.state(campaign_id)
    first = state.observations[0]
    assert (first.plate, first.edge) == (1, True)
    assert first.covariates == {"passage": 0.0, "serum_lot": "L-78"}
    assert {o.edge for o in state.observations} == {True, False}
    rounds = replay(state, lab.journal.events(campaign_id))
    assert [(r.same, r.different) for r in rounds] == [(24, ()), (24, ()), (24, ())]
    fitted = fit(campaign.space, state.observations)
    assert fitted is not None
    assert set(fitted.model.effect_sds) == {
        "round", "plate", "passage", "serum_lot", "edge of the plate",
    }  # fmt: skip
    again = read_history(csv_text(tidy_table(state)), "wells.csv", campaign, {})
    assert [o.covariates for o in again] == [o.covariates for o in state.observations]
    assert [o.plate for o in again] == [o.plate for o in state.observations]
