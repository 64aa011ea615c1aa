"""Campaign files of formulators: mixtures, conditional parameters, descriptors, contradictions."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.core.round_planning import plan_round
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.intake.past_results import read_history
from orchestrator.results.tables import csv_text, layout_table
from orchestrator.settings import Settings
from protocols.campaign import Campaign
from protocols.compile import compile_jobs
from protocols.errors import InvalidInput

FORMULATION = """
name: formulation
seed: 3
outcomes: [{name: viscosity, unit: mPa*s, by_hand: true}]
objectives: [{outcome: viscosity, direction: minimise}]
parameters:
  - {name: solvent, step: blend, kind: category, levels: [DMF, NMP, water],
     descriptors: solvents.csv}
  - {name: resin, step: blend, kind: stepped, unit: uL, levels: {from: 0, to: 100, by: 5}}
  - {name: filler, step: blend, kind: continuous, unit: uL, low: 0, high: 100}
  - {name: wetting, step: blend, kind: continuous, unit: uL, low: 0, high: 100}
  - {name: drying, step: blend, kind: integer, unit: min, low: 1, high: 9, when: {solvent: [water]}}
  - {name: shaken, step: blend, kind: boolean}
constraints:
  - {kind: mixture, parts: [resin, filler, wetting], total: 100}
  - {kind: cardinality, parameters: [resin, filler, wetting], at_most: 2}
protocol:
  name: blend
  steps:
    - name: blend
      robot: ada
      days: 0
      at: 09:00
      tolerance: 3 hour
      operations:
        - {do: detach, period: 60 s, speed: 10 mm/s, stroke: {parameter: solvent}}
        - {do: dispense, liquid: resin, volume: {parameter: resin}}
        - {do: dispense, liquid: filler, volume: {parameter: filler}}
        - {do: dispense, liquid: wetting agent, volume: {parameter: wetting}}
        - {do: incubate, duration: 3 min, temperature: 30 degC}
        - {do: detach, period: {parameter: drying}, speed: 10 mm/s, stroke: long}
        - {do: detach, period: 60 s, speed: 10 mm/s, stroke: {parameter: shaken}}
plates: {count: 1, labware: 96-well, wells: A1:B6, order: columns}
rounds:
  first: {initial: 12}
  later: {proposed: 12}
stop: {rounds: 2}
robots:
  ada: {driver: manual}
"""
SOLVENTS = (
    "level;polarity;bp;smiles\nDMF;6,4;153;CN(C)C=O\nNMP;6,7;202;CN1CCCC1=O\nwater;10,2;100;O\n"
)


def campaign_of(folder: Path, text: str = FORMULATION, table: str | None = SOLVENTS) -> Campaign:
    if table is not None:
        (folder / "solvents.csv").write_text(table)
    return checked_campaign(NamedText(text, str(folder / "blend.yaml")), Settings(home=folder))


def test_a_formulation_is_planned_compiled_exported_and_read_back(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path)
    plan = plan_round(campaign, 1, ())
    conditions = [placement.proposal.condition for placement in plan.layout.placements]
    assert len(set(conditions)) == 12
    assert {condition["solvent"] for condition in conditions} == {"DMF", "NMP", "water"}
    for condition in conditions:
        shares = [float(condition[name]) for name in ("resin", "filler", "wetting")]
        assert sum(shares) == pytest.approx(100)
        assert sum(share > 0 for share in shares) <= 2
    (job,) = compile_jobs(campaign, "c", plan.layout, datetime(2026, 3, 2, tzinfo=UTC))
    for placement in plan.layout.placements:
        condition = placement.proposal.condition
        own = [op for op in job.operations if op.well_name == placement.well.name]
        added = {op.added.name: op.added.volume_ul for op in own if op.added is not None}
        names = {"resin": "resin", "filler": "filler", "wetting": "wetting agent"}
        assert added == {
            liquid: float(condition[name]) for name, liquid in names.items() if condition[name]
        }
        assert sum(op.kind == "detach" for op in own) == 2 + (condition["solvent"] == "water")
    table = layout_table(campaign, plan.layout)
    assert list(table.columns[5:11]) == [parameter.name for parameter in campaign.parameters]
    assert table["drying"].isna().sum() == sum(c["solvent"] != "water" for c in conditions)
    table["viscosity"] = 5.0
    back = read_history(csv_text(table), "wells.csv", campaign, {})
    assert [observation.condition for observation in back] == conditions


def test_descriptors_come_from_a_table_and_stay_in_the_campaign(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path)
    (tmp_path / "solvents.csv").unlink()
    again = Campaign.model_validate_json(campaign.model_dump_json(by_alias=True))
    solvent = again.parameters[0]
    assert solvent.numeric_descriptors == {  # type: ignore[attr-defined]
        "polarity": (6.4, 6.7, 10.2),
        "bp": (153.0, 202.0, 100.0),
    }
    assert solvent.descriptors["DMF"]["smiles"] == "CN(C)C=O"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "table", "said"),
    [
        (FORMULATION, None, "solvents.csv: cannot be read"),
        (FORMULATION, SOLVENTS.replace("NMP", "NPM"), "'NMP' has none"),
        (FORMULATION, "level,smiles\nDMF,a\nNMP,b\nwater,c\n", "no property is a number"),
        (FORMULATION.replace("[water]", "[ethanol]"), SOLVENTS, "'ethanol' is not allowed"),
        (FORMULATION.replace("{solvent: [water]}", "{shaken: [1]}"), SOLVENTS, "before this one"),
        (FORMULATION.replace("{solvent: [water]}", "{resin2: [1]}"), SOLVENTS, "before this one"),
        (FORMULATION.replace("[resin, filler, wetting], total", "[resin, solvent], total"),
         SOLVENTS, "'solvent' is a category, which cannot be summed"),
        (FORMULATION.replace("at_most: 2", "at_most: 2, at_least: 3"), SOLVENTS, "3 are too many"),
        (FORMULATION.replace("kind: boolean", "kind: boolean, standard: 2"), SOLVENTS, "standard"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_space_is_said_with_its_line(
    tmp_path: Path, text: str, table: str | None, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        campaign_of(tmp_path, text, table)
    assert said in str(refused.value)
    assert all(problem.line for problem in refused.value.problems)


def test_constraints_that_contradict_each_other_are_refused_before_anything_runs(
    tmp_path: Path,
) -> None:
    rule = "  - {kind: linear, terms: {resin: 1, filler: 1}, at_most: 40}\n"
    rule += "  - {kind: linear, terms: {wetting: 1}, at_most: 50}\n"
    text = FORMULATION.replace("protocol:\n", rule + "protocol:\n")
    with pytest.raises(InvalidInput) as refused:
        campaign_of(tmp_path, text)
    (problem,) = refused.value.problems
    assert problem.message == (
        "no condition meets resin + filler + wetting = 100 and 1 resin + 1 filler <= 40 and "
        "1 wetting <= 50: loosen them"
    )
    assert problem.key == "constraints[0]"


def test_a_truth_value_may_be_written_as_one(tmp_path: Path) -> None:
    text = FORMULATION.replace("kind: boolean", "kind: boolean, standard: true")
    assert campaign_of(tmp_path, text).parameters[-1].standard == 1


def test_a_file_from_afar_names_no_table_of_this_computer(tmp_path: Path) -> None:
    (tmp_path / "solvents.csv").write_text(SOLVENTS)
    file = NamedText(FORMULATION, str(tmp_path / "blend.yaml"))
    with pytest.raises(InvalidInput, match="over the network may not name another file"):
        checked_campaign(file, Settings(home=tmp_path), from_afar=True)
