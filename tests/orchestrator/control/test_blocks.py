"""Blocks: plates or parts of plates that share something; planned, recorded, in the model."""

import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from optimizer.fitting import fit
from orchestrator.control.wells import EnterValues
from orchestrator.core.round_planning import plan_round
from orchestrator.intake.past_results import read_history
from orchestrator.results.report import report_of
from orchestrator.results.tables import csv_text, tidy_table
from orchestrator.settings import Settings
from orchestrator.studies.replay import replay
from protocols.blocks import labels_of
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Condition
from protocols.errors import InvalidInput
from protocols.layout import Layout
from tests.acting import do
from tests.builders import launched, until_asked

INCUBATORS = "{name: incubator, kind: category, plates: {left: [1, 4], right: [2, 3]}}"
HEADS = "{name: head, kind: category, wells: {first: A1:B2, second: A3:B4}}"
TEXT = """\
name: growth
outcomes: [{name: titre, unit: mg, by_hand: true}]
objectives: [{outcome: titre, direction: maximise}]
covariates: [COVARIATES]
parameters:
  - {name: dose, step: feed, kind: stepped, unit: uL, levels: {from: 5, to: 100, by: 5}, standard: 20}
  - {name: salt, step: feed, kind: stepped, unit: uL, levels: {from: 0, to: 50, by: 5}, standard: 10}
protocol:
  name: growth
  steps:
    - name: feed
      robot: ada
      days: 0
      operations:
        - {do: dispense, liquid: feed, volume: {parameter: dose}}
        - {do: dispense, liquid: salt, volume: {parameter: salt}}
plates: {count: 4, labware: 24-well, wells: A1:B4}
rounds: {first: {initial: 28, standard: 4, replicates: 2}, later: {proposed: 28, controls: 4, replicates: 2}}
stop: {rounds: 2}
robots: {ada: {driver: simulated}}
"""  # noqa: E501


def campaign(*covariates: str) -> Campaign:
    return read_campaign(TEXT.replace("COVARIATES", ", ".join(covariates)))


def in_blocks(given: Campaign, layout: Layout) -> dict[Condition, Counter[tuple[str, str]]]:
    """How often each replicated condition is in each block."""
    wells = [place.well for place in layout.placements]
    labels = labels_of(given.covariates, wells)
    found: dict[Condition, Counter[tuple[str, str]]] = defaultdict(Counter)
    for placement, own in zip(layout.placements, labels, strict=True):
        found[placement.proposal.condition].update(own.items())
    return {condition: counts for condition, counts in found.items() if counts.total() > len(own)}


def unlike(given: Campaign, layout: Layout) -> int:
    """By how many wells the blocks of a replicated condition differ at most."""
    each = (
        [counts[block.name, label] for label in block.blocks]
        for counts in in_blocks(given, layout).values()
        for block in given.covariates
    )
    return max(max(numbers) - min(numbers) for numbers in each)


@pytest.mark.parametrize("covariates", [(INCUBATORS,), (HEADS,), (INCUBATORS, HEADS)])
def test_replicates_and_standards_are_spread_over_blocks(covariates: tuple[str, ...]) -> None:
    given = campaign(*covariates)
    assert unlike(given, plan_round(given, 1, []).layout) <= 1
    assert unlike(given, plan_round(campaign(), 1, []).layout) > 1


def test_a_design_over_several_rounds_is_spread_over_rounds_and_blocks() -> None:
    incubators = INCUBATORS.replace("[1, 4]", "[1]").replace("[2, 3]", "[2]")
    text = TEXT.replace("count: 4", "count: 2").replace("proposed: 28", "proposed: 12")
    given = read_campaign(text.replace("COVARIATES", f"{incubators}, {HEADS}"))
    assert given.first_rounds == 2
    both = [place for n in (1, 2) for place in plan_round(given, n, []).layout.placements]
    assert Counter(place.proposal.role for place in both) == {"initial": 28, "standard": 4}
    assert unlike(given, Layout(round=1, placements=tuple(both))) <= 1
    of_rounds = [{place.proposal.condition for place in part} for part in (both[:16], both[16:])]
    assert of_rounds[0] == of_rounds[1]  # every condition comes twice, once in each round


def test_places_without_a_block_or_in_two_are_refused() -> None:
    for text, said in [
        ("plates: {left: [1, 2], right: [3]}", "plate 4 is in no block"),
        ("plates: {left: [1, 2, 3], right: [3, 4]}", "plate 3 is in left and in right"),
        ("plates: {left: [1, 2], right: [3, 4, 5]}", "there is no plate 5"),
        ("plates: {left: [1, 2, 3, 4]}", "one block has all"),
        ("wells: {a: A1:B2, b: A3}", "'A3' is not a rectangle"),
        ("wells: {a: A1:B2, b: A4:B4}", "A3 is in no block"),
        ("wells: {a: A1:B4, b: C1:D6}", "no well in use is in it"),
        ("plates: {left: [1, 2], right: [3, 4]}, levels: [left]", "'right' is no level of it"),
        ("plates: {a: [1, 2], b: [3, 4]}, wells: {a: A1:B2, b: A3:B4}", "of plates or of wells"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            campaign(f"{{name: incubator, kind: category, {text}}}")
    with pytest.raises(InvalidInput, match="a block is a category"):
        campaign("{name: incubator, plates: {left: [1, 2], right: [3, 4]}}")


def test_a_block_is_recorded_by_itself_and_its_effect_is_taken_out(tmp_path: Path) -> None:
    given = campaign(INCUBATORS, HEADS)
    lab, campaign_id = launched(tmp_path, given)
    rng = np.random.default_rng(1)
    until_asked(lab, campaign_id)
    for number in (1, 2):
        rows = []
        for well in lab.journal.state(campaign_id).rounds[number - 1].wells:
            dose = float(well.proposal.condition["dose"])
            shift = {"left": 6, "right": -6}[str(well.covariates["incubator"])]
            value = 40 - ((dose - 60) / 15) ** 2 + shift + rng.normal(0, 0.3)
            rows.append(f"{number},{well.well.plate},{well.well.name},{value}")
        table = "\n".join(["round,plate,well,titre", *rows])
        do(lab, campaign_id, "ada", EnterValues(csv=table, why="notebook"))
        until_asked(lab, campaign_id)
    state = lab.journal.state(campaign_id)
    fitted = fit(given.space, state.observations)
    assert fitted is not None
    sds = fitted.model.effect_sds
    assert sds["incubator"] > 2 > sds["head"]
    moved = "round,plate,well,incubator\n2,1,A1,right\n"
    do(lab, campaign_id, "ada", EnterValues(csv=moved, why="it stood on the right"))
    state = lab.journal.state(campaign_id)
    batch = state.rounds[1].wells
    assert (batch[0].covariates, batch[1].covariates) == (
        {"incubator": "right", "head": "first"},
        {"incubator": "left", "head": "first"},
    )
    assert [(r.same, r.different) for r in replay(state, lab.journal.events(campaign_id))] == [
        (32, ()),
        (32, ()),
    ]
    again = read_history(csv_text(tidy_table(state)), "wells.csv", given, {})
    assert [o.covariates for o in again] == [o.covariates for o in state.observations]
    report = report_of(lab.journal, campaign_id, Settings(home=tmp_path))
    ids = re.findall(r' id="([^"]+)"', re.sub(r"(?s)<svg.*?</svg>", "", report))
    assert len(set(ids)) == len(ids)
    assert re.search(r'id="shared">[^<]*incubator \d', report)
    assert "incubator: left (plates 1, 4), right (plates 2, 3)" in report
    assert "head: first (wells A1:B2), second (wells A3:B4)" in report
