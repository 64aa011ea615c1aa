"""The best conditions of a campaign are computed once for the same results."""

import json
from pathlib import Path

import pytest

import optimizer
from optimizer import recommend
from orchestrator.core.goals import goals_of
from orchestrator.studies.best_conditions import best_conditions
from protocols.campaign import Campaign
from protocols.campaign_parts import StopRule
from tests import acting
from tests.builders import lab_of, until_asked


def test_the_answer_is_read_again_until_a_result_changes(
    tmp_path: Path, assay: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, campaign_id = lab_of(
        tmp_path / "home", assay.model_copy(update={"stop": StopRule(rounds=1)})
    )
    until_asked(lab, campaign_id)
    state = lab.journal.state(campaign_id)
    goals = goals_of(assay)
    expected = recommend(assay.space, state.observations, assay.standards, objective=goals)
    found = best_conditions(state, tmp_path)
    assert found.recommended == expected

    asked = []
    with monkeypatch.context() as patch:
        patch.setattr(optimizer, "recommend", lambda *given, **named: asked.append(given))
        assert best_conditions(state, tmp_path) == found
        assert not asked
        best_conditions(state, tmp_path / "elsewhere")
        assert asked

    acting.correct_wells(
        lab, campaign_id, {acting.place(1, 1, "A1"): 1.0}, "ada", "the plate was read again"
    )
    corrected = lab.journal.state(campaign_id)
    assert best_conditions(corrected, tmp_path) == best_conditions(corrected)
    assert best_conditions(corrected, tmp_path).rests_on != found.rests_on


def test_a_spoilt_file_is_computed_again(tmp_path: Path, assay: Campaign) -> None:
    lab, campaign_id = lab_of(tmp_path / "home", assay)
    state = lab.journal.state(campaign_id)
    nothing = best_conditions(state, tmp_path)
    assert not nothing
    (kept,) = tmp_path.glob("*.json")
    kept.write_text(json.dumps({"recommended": "the blue one"}))
    assert best_conditions(state, tmp_path) == nothing
