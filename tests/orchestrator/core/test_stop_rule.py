"""When a campaign is over, on any scale and in each direction."""

import math
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from orchestrator.core.goals import goals_of
from orchestrator.core.round_planning import Plan, best_of_round
from orchestrator.core.state import CampaignState, CampaignStatus, RoundState, WellState
from orchestrator.core.stop_rule import stop_reason
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.conditions import Observation, Proposal
from protocols.layout import Layout
from protocols.outcomes import Outcome
from protocols.plates import Well
from tests.conftest import ROOT, START

BASE = read_campaign((ROOT / "examples" / "resistance" / "campaign.yaml").read_text())
VALUES = st.floats(-1e6, 1e6) | st.floats(-3.3, -2.7) | st.floats(2490, 2510)


def campaign_of(direction: str, match: float = 0.0, **stop: Any) -> Campaign:
    choice: dict[str, Any] = {"outcome": "mass", "direction": direction}
    if direction == "match":
        choice["target"] = match
    changed = BASE.model_dump(by_alias=True) | {
        "outcomes": [{"name": "mass", "unit": "mg", "by_hand": True}],
        "objectives": [choice],
        "stop": {"rounds": 9} | stop,
    }
    return Campaign.model_validate(changed)


def state_of(campaign: Campaign, values: list[float]) -> CampaignState:
    """A campaign whose one round gave these values."""
    proposal = Proposal(condition=campaign.standards[0], role="standard", reason="test")
    wells = tuple(
        WellState(well=Well(plate=1, name="A1", number=1), proposal=proposal, value=v, scored=True)
        for v in values
    )
    batch = RoundState(number=1, finished=True, started_at=START, ended_at=START, wells=wells)
    return CampaignState("c", campaign, CampaignStatus.RUNNING, START, rounds=(batch,))


def _reached(direction: str, value: float, goal: float, match: float) -> bool:
    if direction == "match":
        return abs(value - match) <= abs(goal - match)
    return value >= goal if direction == "maximise" else value <= goal


@given(
    st.sampled_from(("maximise", "minimise", "match")),
    st.lists(VALUES, min_size=1, max_size=6),
    VALUES,
    VALUES,
)
@example("minimise", [-3.0, -2.9], -3.0, 0.0)
@example("maximise", [2500.0], 2501.0, 0.0)
@example("match", [7.1, 7.9], 7.3, 7.2)
def test_the_target_is_reached_by_any_value_as_good_as_it(
    direction: str, values: list[float], goal: float, match: float
) -> None:
    campaign = campaign_of(direction, match, target=goal)
    state = state_of(campaign, values)
    expected = any(_reached(direction, value, goal, match) for value in values)
    assert bool(stop_reason(state)) == expected
    assert state.best in values
    if expected:
        assert " mg" in stop_reason(state)


@given(st.sampled_from(("maximise", "minimise", "match")), st.lists(VALUES, min_size=1), VALUES)
def test_controls_are_the_best_in_the_direction_of_the_objective(
    direction: str, values: list[float], match: float
) -> None:
    campaign = campaign_of(direction, match)
    condition = campaign.standards[0].root
    found = [
        Observation(condition={**condition, "acid": 5.0 * number}, value=value, round=1)
        for number, value in enumerate(values)
    ]
    ranked = [o.value for o in best_of_round(found, 1, goals_of(campaign))]
    expected = {
        "maximise": sorted(values, reverse=True),
        "minimise": sorted(values),
        "match": sorted(values, key=lambda value: abs(value - match)),
    }[direction]
    assert sorted(ranked) == sorted(values)  # type: ignore[type-var]
    assert campaign.objective.utility(ranked[0] or 0.0) == campaign.objective.utility(expected[0])


@given(st.floats(1e-6, 1e6), st.floats(0, 1e6))
def test_a_batch_is_not_worth_it_below_the_least_gain(least: float, gain: float) -> None:
    assume(not math.isclose(least, gain))
    campaign = campaign_of("minimise", least_gain=least)
    why = Plan(Layout(round=2, placements=()), (), expected_gain=gain).too_little(campaign)
    assert bool(why) == (gain < least)
    assert not why or ("lower the best" in why and why.endswith(" mg"))


def test_the_reason_of_a_ratio_is_written_as_ever(assay: Campaign) -> None:
    assert stop_reason(state_of(assay, [0.5, 0.9123])) == "target reached: 0.912 >= 0.9"
    assert Outcome(name="ph", by_hand=True).scale.text(7.25) == "7.25"
