"""What a run says of itself, line by line, where nobody watches a terminal."""

from pathlib import Path

import pytest

from orchestrator.cli import live
from orchestrator.cli.context import print_questions
from orchestrator.cli.live import print_result
from orchestrator.core.lifecycle import AskValues
from orchestrator.engine import prefect_server
from orchestrator.settings import Settings
from orchestrator.studies.training import with_simulated_people
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from tests.builders import planned
from tests.conftest import START

TEXT = """\
name: km
title: "Paint [red] at $5 [/b] a kg, $x_{"
start: now
strategy: random
outcomes:
  - {name: fast, unit: AU, by_hand: true}
  - {name: slow, unit: AU, by_hand: true, range: [1, 9]}
  - {name: contrast, title: 'Contrast [/min] $_{^$', unit: AU, expression: fast - 5 * slow}
objectives: [{outcome: contrast, direction: maximise}]
outcome_constraints: [{outcome: slow, at_most: 7}]
parameters:
  - name: salt
    title: 'Salt [mol/L] $\\y$'
    step: mix
    kind: stepped
    unit: uL
    levels: {from: 5, to: 100, by: 5}
costs: [{name: salt_used, unit: uL, terms: {salt: 1}}]
protocol:
  name: km
  steps:
    - name: mix
      robot: ada
      days: 0
      operations: [{do: dispense, liquid: salt, volume: {parameter: salt}}]
plates: {count: 1, labware: 6-well}
rounds: {first: {initial: 6}, later: {proposed: 6}}
stop: {rounds: 9, spend: {salt_used: 800}}
robots: {ada: {driver: manual}}
"""


def test_what_a_table_of_several_outcomes_needs_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = AskValues("coat", 1, 8, "Gloss (percent), cracks", ("gloss [percent]", "cracks"))
    print_questions([asked])
    assert "(round,plate,well,gloss [percent],cracks), then" in capsys.readouterr().out


def test_that_nothing_is_recommended_is_said_with_what_there_is_too_little_of(
    tmp_path: Path, assay: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    journal, campaign_id = planned(tmp_path, assay)
    print_result(Settings(home=tmp_path), journal, campaign_id)
    assert "recommended" not in capsys.readouterr().out
    journal.finish_round(campaign_id, 1, START)
    print_result(Settings(home=tmp_path), journal, campaign_id)
    said = " ".join(capsys.readouterr().out.split())
    assert "No condition is recommended: too few wells have a value" in said
    assert "(coloured_cell_ratio 0, of 24 wells)" in said


def test_simulated_people_enter_values_also_where_a_run_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = with_simulated_people(read_campaign(TEXT, drivers=["manual"]))
    journal, campaign_id = planned(tmp_path, campaign)
    asked = iter([(AskValues(campaign_id, 1, 6, "fast"),), ()])
    monkeypatch.setattr(live, "_until_asked", lambda *_: next(asked))
    monkeypatch.setattr(prefect_server, "embed_prefect", lambda _: tmp_path / "log")
    for after in ("print_result", "write_results"):
        monkeypatch.setattr(live, after, lambda *_: None)
    live.run_on(Settings(home=tmp_path), journal, campaign_id, None)
    wells = journal.state(campaign_id).rounds[0].wells
    assert all(well.measured["fast"] is not None for well in wells)
