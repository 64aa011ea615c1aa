"""Rounds in parallel: a new condition as soon as a place is free, the others pending."""

import math
import random
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import RobotSetup
from drivers.registry import make_driver
from orchestrator.control.wells import EnterValues
from orchestrator.core.lifecycle import AskValues, open_questions
from orchestrator.core.state import CampaignState, CampaignStatus, RoundState, WellState
from orchestrator.core.stop_rule import stop_reason
from orchestrator.engine.advance import Outlook
from orchestrator.journal.journal import Journal
from orchestrator.lab.lab import Lab
from orchestrator.studies.replay import replay
from protocols.campaign_file import read_campaign
from protocols.conditions import Proposal
from protocols.errors import InvalidInput
from simulators.robot import lab_log_path
from simulators.robot_log import RobotLog
from tests import acting
from tests.builders import launched, until_asked
from tests.conftest import START
from tests.travel import TravelClock

# One experiment at a time in each of four reactors; a person brings the yields.
COUPLING = """
name: coupling
start: now
outcomes: [{name: yield_percent, title: Yield, unit: percent, by_hand: true, range: [0, 100]}]
objectives: [{outcome: yield_percent, direction: maximise}]
parameters:
  - {name: base, step: mix, kind: continuous, unit: uL, low: 5, high: 50, standard: 20}
  - {name: ligand, step: mix, kind: continuous, unit: uL, low: 1, high: 40, standard: 10}
costs: [{name: ligand, unit: EUR, terms: {ligand: 0.5}}]
protocol:
  name: coupling
  steps:
    - name: mix
      robot: arm
      days: 0
      operations:
        - {do: dispense, liquid: base, volume: {parameter: base}}
        - {do: dispense, liquid: ligand, volume: {parameter: ligand}}
plates: {count: 1, labware: 6-well, wells: A1:A1}
rounds:
  first: {initial: 7, standard: 1}
  later: {proposed: 1}
  in_parallel: 4
stop: {rounds: 60}
robots: {arm: {driver: simulated, options: {lab: coupling}}}
"""


def found(well: WellState) -> float:
    """A yield that is highest with 30 uL of base and 12 of ligand."""
    base, ligand = (float(well.proposal.condition[name]) for name in ("base", "ligand"))
    return 95 * math.exp(-(((base - 30) / 15) ** 2) - ((ligand - 12) / 10) ** 2)


def test_single_experiments_whose_results_come_out_of_order(tmp_path: Path) -> None:
    campaign = read_campaign(COUPLING.replace("rounds: 60", "rounds: 16"))
    lab, campaign_id = launched(tmp_path, campaign, COUPLING)
    rng = random.Random(3)
    most = 0
    while questions := until_asked(lab, campaign_id).questions:
        assert all(isinstance(question, AskValues) for question in questions)
        state = lab.journal.state(campaign_id)
        assert list(questions) == open_questions(state)
        assert len(state.pending) == len(questions) <= 4
        most = max(most, len(questions))
        chosen = rng.choice(questions)
        assert isinstance(chosen, AskValues)
        (well,) = state.rounds[chosen.round - 1].wells
        table = f"round,plate,well,value\n{chosen.round},1,A1,{found(well)}"
        acting.do(lab, campaign_id, "ada", EnterValues(csv=table, why="by HPLC"))
    state = lab.journal.state(campaign_id)
    assert (state.status, state.reason) == ("finished", "16 rounds done")
    assert most == 4
    assert len({well.proposal.condition for batch in state.rounds for well in batch.wells}) == 16
    roles = Counter(batch.wells[0].proposal.role for batch in state.rounds[:8])
    assert roles == {"initial": 7, "standard": 1}
    ended = [batch.ended_at for batch in state.rounds]
    assert state.best is not None
    assert state.best > 80
    numbers = [
        int(event.subject.split("/r")[1])
        for event in lab.journal.events(campaign_id, kinds=["round_finished"])
    ]
    assert sorted(numbers) == list(range(1, 17))
    assert numbers != sorted(numbers), "they did not end in the order of their begin"
    assert None not in ended
    again = replay(state, lab.journal.events(campaign_id))
    assert [batch.same for batch in again] == [1] * 16
    robot = RobotLog(lab_log_path(tmp_path, "coupling"))
    assert Counter(done.key for done in robot.everything()).most_common(1)[0][1] == 2


WEEK = """
name: week
start: now
objective: {name: coloured_cell_ratio}
strategy: random
parameters:
  - {name: substrate, step: mix, kind: continuous, unit: uM, low: 1, high: 100, standard: 20}
protocol:
  name: week
  steps:
    - name: mix
      robot: arm
      days: 0
      tolerance: 1 min
      operations:
        - do: dispense
          liquid: buffer
          volume: 100 uL
          supplements: [{substance: substrate, concentration: {parameter: substrate}}]
    - name: stir
      robot: arm
      after: {step: mix, wait: 10 min}
      every: 10 min
      for: 10 min
      tolerance: 1 min
      operations: [{do: mix, volume: 50 uL, cycles: 2}]
    - name: read
      robot: arm
      after: {step: stir, wait: 9 min, tolerance: 1 min}
      operations: [{do: image}]
plates: {count: 1, labware: 6-well, wells: A1:A1}
rounds: {first: {initial: 1}, later: {proposed: 1}}
stop: {rounds: 10000, time: 12 hour}
robots: {arm: {driver: simulated, options: {lab: week, culture: enzyme-assay}}}
"""


def test_half_a_day_of_ten_minute_steps_and_two_rounds_an_hour(tmp_path: Path) -> None:
    campaign, clock = read_campaign(WEEK), TravelClock(START)
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    campaign_id = journal.create_campaign(campaign, WEEK, [], START)
    config = campaign.robots["arm"]
    arm = make_driver("simulated", RobotSetup("arm", config.options, clock, tmp_path, 0))
    lab = Lab(journal=journal, clock=clock, home=tmp_path, robots={"arm": arm})

    assert until_asked(lab, campaign_id) == Outlook()
    state = journal.state(campaign_id)
    assert state.reason == "12 hour have passed"
    assert 23 <= len(state.rounds) <= 25
    begun: dict[str, list[float]] = {}
    for done in RobotLog(lab_log_path(tmp_path, "week")).everything():
        round_, step = done.key.split("/")[1], done.key.split("/")[3]
        begun.setdefault(round_, []).append((done.started_at - START).total_seconds() / 60)
        assert step in ("mix", "stir", "read")
    for minutes in begun.values():
        gaps = [later - earlier for earlier, later in pairwise(minutes)]
        assert [round(gap) for gap in gaps] == [10, 10, 9]
    assert not journal.events(campaign_id, kinds=["job_late"])
    assert clock.now() - START < timedelta(hours=13)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{proposed: 1}", "{proposed: 0, controls: 1}", "0 is too small (expected 1 or more)"),
        ("A1:A1}", "A1:A2}", "1 proposed + 0 controls make 1 wells"),
        ("initial: 7", "initial: 7, replicates: 0", "0 is too small (expected 1 or more)"),
        ("rounds: 60}", "rounds: 60, least_gain: 1}", "no least_gain with rounds in parallel"),
        ("rounds: 60}", "rounds: 60, spend: {base: 3}}", "'base' is not a cost of this campaign"),
        ("rounds: 60}", "rounds: 60, time: 3 mL}", "measures something else"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, said: str) -> None:
    assert old in COUPLING
    with pytest.raises(InvalidInput) as refused:
        read_campaign(COUPLING.replace(old, new, 1))
    assert said in str(refused.value)


@given(st.integers(1, 30), st.integers(20, 200))
def test_budgets_end_a_campaign_before_they_are_exceeded(samples: int, spend: int) -> None:
    text = COUPLING.replace(
        "rounds: 60}", f"rounds: 60, samples: {samples}, spend: {{ligand: {spend}}}}}"
    )
    campaign = read_campaign(text)
    (well,) = campaign.plates.all_wells()
    proposal = Proposal(condition=campaign.space.standard({}), role="proposed", reason="test")
    rounds: list[RoundState] = []

    def state() -> CampaignState:
        return CampaignState("c", campaign, CampaignStatus.RUNNING, START, rounds=tuple(rounds))

    while not stop_reason(state(), START):
        number = len(rounds) + 1
        wells = (WellState(well, proposal, value=1.0, scored=True),)
        rounds.append(RoundState(number, True, START, START, wells))
    # A well takes 10 uL of ligand: 5 EUR.
    assert len(rounds) == min(samples, spend // 5, 60)
