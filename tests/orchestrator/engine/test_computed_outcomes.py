"""Several outcomes of one reading, and outcomes that are computed from others."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from orchestrator.control.wells import EnterValues
from orchestrator.core.state import CampaignState, CampaignStatus
from orchestrator.intake.past_results import read_history
from orchestrator.lab.lab import Lab
from orchestrator.results.tables import tidy_table
from orchestrator.studies.replay import replay
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.errors import InvalidInput
from simulators.chromatograph import SUBSTANCES, Method, retention
from tests.acting import correct_wells, do, place, read_table, rescore
from tests.builders import launched, until_asked
from tests.conftest import ROOT
from tests.service import house

CHROMATOGRAPHY = ROOT / "examples" / "chromatography" / "campaign.yaml"
SELECTIVITY = """
name: selectivity
start: now
strategy: random
outcomes:
  - {name: selectivity, unit: percent, range: [0, 100], expression: 100 * yield / converted}
  - {name: converted, unit: percent, expression: yield + side_product}
  - {name: yield, unit: percent, by_hand: true}
  - {name: side_product, unit: percent, by_hand: true}
objectives:
  - {outcome: selectivity, direction: maximise}
parameters:
  - {name: temperature, step: react, kind: integer, unit: degC, low: 20, high: 90}
protocol:
  name: reaction
  steps:
    - name: react
      robot: oven
      days: 0
      operations: [{do: heat, temperature: {parameter: temperature}, each: well, hold: 1 hour}]
plates: {count: 1, labware: {name: rack, rows: 1, columns: 4, capacity: 5 mL}}
rounds: {first: {initial: 4}, later: {proposed: 4}}
stop: {rounds: 2}
robots:
  oven: {driver: simulated}
"""
FIRST = """round,plate,well,yield,side_product
1,1,A1,60,20
1,1,A2,30,30
1,1,A3,0,0
1,1,A4,45,5
"""


def selectivity(home: Path) -> tuple[Lab, str]:
    return launched(home, read_campaign(SELECTIVITY))


def entered(lab: Lab, campaign_id: str, csv: str, why: str) -> None:
    do(lab, campaign_id, "ada", EnterValues(csv=csv, why=why))


def values_of(state: CampaignState, number: int = 1) -> list[tuple[float | None, tuple[str, ...]]]:
    return [(well.value, well.flags) for well in state.rounds[number - 1].wells]


def test_what_is_computed_follows_from_what_a_person_enters(tmp_path: Path) -> None:
    lab, campaign_id = selectivity(tmp_path)
    [asked] = until_asked(lab, campaign_id).questions
    assert "waits for the values of 4 wells: yield (percent), side product (percent)" in (
        asked.message
    )
    entered(lab, campaign_id, FIRST.replace("1,1,A4,45,5\n", "1,1,A4,45,\n"), "GC 2")
    # A well of which a part is still to come has no value yet.
    state = lab.journal.state(campaign_id)
    assert values_of(state)[3] == (None, ())
    assert not state.rounds[0].wells[3].scored
    [asked] = until_asked(lab, campaign_id).questions
    assert "the values of a well" in asked.message
    entered(lab, campaign_id, "round,plate,well,side_product\n1,1,A4,5\n", "GC 2")
    state = lab.journal.state(campaign_id)
    assert values_of(state) == [(75, ()), (50, ()), (None, ("not_computed",)), (90, ())]
    assert state.rounds[0].wells[0].measured == {"yield": 60, "side_product": 20, "converted": 80}
    assert state.best == 90

    until_asked(lab, campaign_id)
    second = FIRST.replace("\n1,1", "\n2,1")
    entered(lab, campaign_id, second, "GC 2")
    until_asked(lab, campaign_id)
    state = lab.journal.state(campaign_id)
    assert state.status is CampaignStatus.FINISHED
    # What a person corrects later: a part, or the computed value itself.
    entered(lab, campaign_id, "round,plate,well,yield\n1,1,A1,20\n", "wrong peak")
    correct_wells(lab, campaign_id, {place(1, 1, "A2"): 55}, "ada", "by the balance")
    state = lab.journal.state(campaign_id)
    assert values_of(state)[:2] == [(50, ()), (55, ())]
    # Each batch is proposed again from what was known then.
    again = replay(state, lab.journal.events(campaign_id))
    assert [(batch.same, batch.different) for batch in again] == [(4, ()), (4, ())]

    with house(tmp_path) as served:
        page = served.client("viewer").get(f"/campaigns/{campaign_id}/wells/1/1/A1").text
    assert 'converted (percent) <span class="hint">= yield + side_product</span>' in page

    table = tidy_table(state)
    assert list(table["selectivity [percent]"][:2]) == [50, 55]
    assert list(table["converted [percent]"][:2]) == [40, 60]
    own = read_history(table.to_csv(index=False), "wells.csv", state.campaign, {})
    assert [found.value for found in own] == [50, 55, 90, 75, 50, 90]
    # A table that has the parts only is read too.
    parts = "temperature,yield [percent],side_product\n30,60,20\n40,,\n50,45,5\n"
    read = read_history(parts, "old.csv", state.campaign, {})
    assert [found.value for found in read] == [75, 90]


def test_a_value_beyond_its_range_is_flagged(tmp_path: Path) -> None:
    lab, campaign_id = selectivity(tmp_path)
    until_asked(lab, campaign_id)
    entered(lab, campaign_id, FIRST.replace("60,20", "60,-20"), "GC 2")
    assert values_of(lab.journal.state(campaign_id))[0] == (150, ("outside_range",))


def test_a_table_of_a_reader_is_of_the_only_part_that_a_person_brings(tmp_path: Path) -> None:
    lab, campaign_id = selectivity(tmp_path / "two")
    until_asked(lab, campaign_id)
    with pytest.raises(InvalidInput, match="enter-values with columns for yield, side_product"):
        read_table(lab, campaign_id, 1, {"A1": 60.0}, "", "ada", "GC 2")
    one = SELECTIVITY.replace("100 * yield / converted", "100 - side_product")
    lab, campaign_id = launched(tmp_path / "one", read_campaign(one))
    until_asked(lab, campaign_id)
    numbers = {"A1": 0.6, "A2": 0.2, "A3": 0.1, "A4": 0.05}
    read_table(lab, campaign_id, 1, numbers, "dimensionless", "ada", "GC 2")
    values = [value for value, _ in values_of(lab.journal.state(campaign_id))]
    assert values == pytest.approx([40, 80, 90, 95])


def chromatography(rounds: int) -> Campaign:
    text = CHROMATOGRAPHY.read_text()
    shorter, times = re.subn(r"stop: \{rounds: \d+\}", f"stop: {{rounds: {rounds}}}", text)
    assert times == 1
    return read_campaign(f"strategy: random\n{shorter}")


def test_one_chromatogram_gives_resolution_and_run_time(tmp_path: Path) -> None:
    lab, campaign_id = launched(tmp_path, chromatography(2))
    until_asked(lab, campaign_id)
    state = lab.journal.state(campaign_id)
    assert state.status is CampaignStatus.FINISHED
    compared = 0
    for batch in state.rounds:
        for well in batch.wells:
            given = well.proposal.condition.root
            method = Method(
                float(given["start"]) / 100,
                float(given["gradient"]),
                float(given["flow"]),
                float(given["oven"]),
                "methanol" if given["solvent"] == "methanol" else "acetonitrile",
            )
            peaks = sorted(retention(method, substance) for substance in SUBSTANCES)
            worst = min((b[0] - a[0]) / (2 * (a[1] + b[1])) for a, b in pairwise(peaks))
            if well.flags or peaks[-1][0] > 21:
                continue
            compared += 1
            assert well.measured["run_time"] == pytest.approx(peaks[-1][0], abs=0.15)
            if worst > 1:
                assert well.value == pytest.approx(worst, rel=0.15)
            elif worst < 0.3:
                assert well.value == 0
    assert compared > 15
    # Each reading has a score of either outcome, also when all are scored once more.
    assert rescore(lab, campaign_id, "ada", "again") == (24, 0)
    events = [event.message for event in lab.journal.events(campaign_id)]
    assert sum("24 readings by peak_resolution" in message for message in events) == 1
    assert sum("24 readings by last_peak" in message for message in events) == 1


def test_outcomes_without_a_step_share_the_only_one_that_reads() -> None:
    data = YAML(typ="safe").load(CHROMATOGRAPHY.read_text())
    for outcome in data["outcomes"]:
        outcome.pop("step")
    campaign = Campaign.model_validate(data)
    assert campaign.outcomes_read_in("run") == campaign.outcomes
    assert campaign.awaited == ()
