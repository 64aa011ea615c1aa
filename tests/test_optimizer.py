import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import effects, predict, propose, recommend
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation
from protocols.parameters import CategoryParameter, ContinuousParameter, SearchSpace, SteppedParameter
from tests.strategies import search_spaces


def bowl(condition: Condition) -> float:
    dose = np.log(float(condition["fgfri_concentration"]) / 200)
    return float(np.exp(-(dose**2)) * (1 - 0.3 * float(condition["detachment_length"])))


def observed(campaign: Campaign, number: int = 48) -> list[Observation]:
    first = propose(campaign.space, [], positions=campaign.decided_values(1)[:number], number=number, seed=1)
    return [Observation(condition=p.condition, value=bowl(p.condition), round=1) for p in first]


def test_proposals_are_allowed_new_and_fit_their_positions(rpe: Campaign) -> None:
    observations = observed(rpe)
    positions = rpe.decided_values(3)[:30]
    proposals = propose(rpe.space, observations, positions=positions, number=30, seed=1)
    for proposal, values in zip(proposals, positions, strict=True):
        assert rpe.space.snap(proposal.condition.root) == proposal.condition
        assert proposal.condition.agrees_with(values)
        assert proposal.mean is not None
        assert proposal.sd is not None
        assert proposal.reason.startswith("optimiser: ")
    chosen = {proposal.condition for proposal in proposals}
    assert len(chosen) == 30
    assert not chosen & {observation.condition for observation in observations}


def test_a_batch_learns(rpe: Campaign) -> None:
    observations = observed(rpe)
    proposals = propose(rpe.space, observations, number=8, seed=1)
    assert np.mean([bowl(p.condition) for p in proposals]) > np.mean([o.value for o in observations]) + 0.2


def test_the_same_seed_gives_the_same_batch(rpe: Campaign) -> None:
    observations = observed(rpe, 20)
    one, same, other = (propose(rpe.space, observations, number=6, seed=seed) for seed in (5, 5, 6))
    assert one == same
    assert one != other


def test_flagged_wells_are_not_learnt_from(rpe: Campaign) -> None:
    observations = observed(rpe, 24)
    flagged = observations[0].model_copy(update={"value": 1.0, "flags": ("out_of_focus",)})
    assert propose(rpe.space, [*observations, flagged], number=3, seed=1) == propose(
        rpe.space, observations, number=3, seed=1
    )


@settings(max_examples=25)
@given(search_spaces(), st.integers(1, 5), st.integers(0, 2**31))
def test_any_space_has_an_initial_design(space: object, number: int, seed: int) -> None:
    for proposal in propose(space, [], number=number, seed=seed):  # type: ignore[arg-type]
        assert space.snap(proposal.condition.root) is not None  # type: ignore[attr-defined]
        assert proposal.role == "initial"


def test_the_best_tried_condition_is_recommended(rpe: Campaign) -> None:
    observations = observed(rpe)
    best = recommend(rpe.space, observations)
    assert best is not None
    assert bowl(best.condition) > 0.9 * max(bowl(o.condition) for o in observations)
    assert recommend(rpe.space, []) is None


def test_a_prediction_is_close_where_it_was_measured(rpe: Campaign) -> None:
    observations = observed(rpe)
    predictions = predict(rpe.space, observations, [o.condition for o in observations])
    assert np.mean([abs(p.mean - bowl(p.condition)) for p in predictions]) < 0.1


def test_positions_and_number_must_agree(rpe: Campaign) -> None:
    with pytest.raises(ValueError, match="3 proposals were asked for 2 positions"):
        propose(rpe.space, [], positions=[{}, {}], number=3)


def test_a_position_that_decides_a_forbidden_value_is_refused(rpe: Campaign) -> None:
    with pytest.raises(ValueError, match=r"detachment_period=9\.5 is not allowed"):
        propose(rpe.space, [], positions=[{"detachment_period": 9.5}], number=1)


def test_an_exhausted_space_is_measured_again() -> None:
    space = SearchSpace(parameters=(CategoryParameter(name="a", step="A", kind="category", levels=(0, 1), standard=0),))
    observations = [Observation(condition=Condition({"a": level}), value=0.5, round=1) for level in (0, 1)]
    assert {p.condition["a"] for p in propose(space, observations, number=3)} == {0, 1}


def test_effects_tell_which_parameters_matter_and_which_do_not() -> None:
    space = SearchSpace(
        parameters=(
            ContinuousParameter(name="strong", step="A", kind="continuous", low=0, high=1, standard=0.5),
            SteppedParameter(name="weak", step="A", kind="stepped", levels=tuple(range(1, 31)), standard=1),
            CategoryParameter(name="switch", step="A", kind="category", levels=(0, 1), standard=0),
            ContinuousParameter(name="idle", step="A", kind="continuous", low=1, high=100, scale="log", standard=10),
        )
    )
    assert effects(space, []) == []
    conditions = [proposal.condition for proposal in propose(space, [], number=48, seed=4)]
    observations = [
        Observation(
            condition=c, value=float(c["strong"]) * (0.3 + 0.4 * int(c["switch"])) + 0.005 * float(c["weak"]), round=1
        )
        for c in conditions
    ]
    found = effects(space, observations)
    assert found == effects(space, observations)
    by_name = {effect.parameter: effect for effect in found}
    assert found[0].parameter == "strong"
    assert found[-1].parameter == "idle"
    assert by_name["idle"].in_all.median < 0.05
    assert by_name["strong"].alone.low > 0.3
    # What the switch does depends on `strong`: with its interactions it explains more than alone.
    assert by_name["switch"].in_all.median > by_name["switch"].alone.median
    curve = by_name["strong"]
    assert curve.values[0] == 0
    assert curve.values[-1] == 1
    assert curve.mean[-1] - curve.mean[0] == pytest.approx(0.5, abs=0.1)
    assert len(by_name["weak"].values) == 9
    assert by_name["switch"].values == (0, 1)
