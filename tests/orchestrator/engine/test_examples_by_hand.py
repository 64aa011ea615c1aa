"""Examples whose values a person brings, to their end: a formulation, and single reactions."""

import math
import random
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.control.wells import EnterValues
from orchestrator.core.lifecycle import AskValues
from orchestrator.core.state import CampaignState, RoundState
from orchestrator.intake.campaign_check import NamedText, checked_campaign
from orchestrator.intake.past_results import read_history
from orchestrator.lab.lab import Lab
from orchestrator.results.tables import csv_text, tidy_table
from orchestrator.settings import Settings
from orchestrator.studies.replay import replay
from protocols.campaign_file import read_campaign, read_lab
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests import acting
from tests.builders import jobs_for, launched, until_asked
from tests.conftest import ROOT

FORMULATION = (ROOT / "examples" / "formulation" / "campaign.yaml").read_text()
COUPLING = (ROOT / "examples" / "coupling" / "campaign.yaml").read_text()


def _enter(
    lab: Lab, state: CampaignState, batch: RoundState, values: Mapping[str, list[float]]
) -> None:
    names = list(values)
    rows = [
        ",".join(
            [f"{batch.number},{well.well.plate},{well.well.name}"]
            + [f"{values[n][i]}" for n in names]
        )
        for i, well in enumerate(batch.wells)
    ]
    table = "\n".join([",".join(["round,plate,well", *names]), *rows])
    acting.do(lab, state.id, "ada", EnterValues(csv=table, why="measured"))


def _cream(values: Mapping[str, float]) -> dict[str, float]:
    """Thickeners thicken and keep together; wax makes it less sour, carbomer more."""
    thick = 3 * values["carbomer"] + 2 * values["xanthan"] + values["wax"]
    return {
        "viscosity": 4 * math.exp(0.22 * thick) * (1 + values["oil"] / 60),
        "separation": min(100.0, 90 * math.exp(-0.25 * thick) + 0.2 * values["oil"]),
        "acidity": 5.6 - 0.3 * values["carbomer"] + 0.02 * values["wax"],
    }


def test_a_formulation_of_several_outcomes_runs_to_its_end(tmp_path: Path) -> None:
    campaign = checked_campaign(NamedText(FORMULATION, "campaign.yaml"), Settings())
    lab, campaign_id = launched(tmp_path, campaign)
    while questions := until_asked(lab, campaign_id).questions:
        assert [type(question) for question in questions] == [AskValues]
        state = lab.journal.state(campaign_id)
        batch = state.rounds[-1]
        found = [
            _cream({k: float(v) for k, v in w.proposal.condition.root.items()}) for w in batch.wells
        ]
        _enter(lab, state, batch, {name: [one[name] for one in found] for name in found[0]})
    state = lab.journal.state(campaign_id)
    assert (state.status, len(state.rounds)) == ("finished", 4)
    wells = [well for batch in state.rounds for well in batch.wells]
    for well in wells:
        values = {name: float(value) for name, value in well.proposal.condition.root.items()}
        assert math.fsum(values.values()) == pytest.approx(100)
        assert 1 <= sum(values[name] > 0 for name in ("wax", "carbomer", "xanthan")) <= 2
        assert values["oil"] <= 1.5 * values["water"] * (1 + 1e-9)
    assert len({well.proposal.condition for well in wells}) == 48
    again = read_history(csv_text(tidy_table(state)), "wells.csv", campaign, {})
    assert [o.value for o in again] == [o.value for o in state.observations]
    assert [o.outcomes for o in again] == [o.outcomes for o in state.observations]


def _yield(values: Mapping[str, object]) -> float:
    best = {"XPhos": 95, "SPhos": 92, "PCy3": 70, "dppf": 45, "PPh3": 40}[str(values["ligand"])]
    fits = {"dioxane": 1.0, "toluene": 0.9, "ethanol": 0.7, "DMF": 0.5}[str(values["solvent"])]
    warm = math.exp(-(((float(str(values["temperature"])) - 88) / 25) ** 2))
    enough = 1 - math.exp(-float(str(values["loading"])) / 1.5)
    return best * fits * warm * enough


def test_a_coupling_is_tried_one_reaction_at_a_time(tmp_path: Path) -> None:
    names = ("chemist", "reactor_1", "reactor_2", "reactor_3", "reactor_4")
    robots = [f"  {name}: {{driver: simulated, options: {{lab: coupling}}}}" for name in names]
    lab_file = read_lab("\n".join(["robots:", *robots]))
    text = COUPLING.replace("stop: {rounds: 40", "stop: {rounds: 12")
    campaign = read_campaign(text, lab=lab_file)
    lab, campaign_id = launched(tmp_path, campaign)
    rng = random.Random(1)
    while questions := until_asked(lab, campaign_id).questions:
        state = lab.journal.state(campaign_id)
        assert 1 <= len(state.pending) <= 4
        chosen = rng.choice(questions)
        assert isinstance(chosen, AskValues)
        batch = state.rounds[chosen.round - 1]
        _enter(
            lab,
            state,
            batch,
            {"assay_yield": [_yield(w.proposal.condition.root) for w in batch.wells]},
        )
    state = lab.journal.state(campaign_id)
    assert state.reason == "12 rounds done"
    log = RobotLog(lab_log_path(tmp_path, "coupling")).everything()
    heated = [done for done in log if done.operation.kind == "heat"]
    assert {done.robot for done in heated} == set(names[1:])
    for reactor in names[1:]:
        spans = [(done.started_at, done.ended_at) for done in heated if done.robot == reactor]
        assert all(end <= begin for (_, end), (begin, _) in pairwise(sorted(spans)))
    conditions = [well.proposal.condition for batch in state.rounds for well in batch.wells]
    assert len(set(conditions)) == 12
    assert not any(c["solvent"] == "ethanol" and c["ligand"] == "dppf" for c in conditions)
    assert state.best is not None
    assert state.best > 30
    assert [batch.same for batch in replay(state, lab.journal.events(campaign_id))] == [1] * 12


def test_a_chemist_reads_every_setting_of_a_reaction() -> None:
    campaign = read_campaign(COUPLING)
    jobs = jobs_for(campaign, campaign.space.standard({}))
    words = [operation.in_words() for job in jobs for operation in job.operations]
    assert [job.step for job in jobs] == ["charge", "react", "sample"]
    assert "dioxane" in " ".join(words)
    assert "PPh3" in " ".join(words)
    assert "80 °C" in " ".join(words)
    assert "5 mg" in " ".join(words)
    assert (jobs[1].due_at - jobs[0].due_at).total_seconds() >= 300
