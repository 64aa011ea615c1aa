from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import (
    Encoding,
    cross_validate,
    effects,
    explained,
    pair_effect,
    pareto_front,
    predict,
    propose,
    recommend,
)
from optimizer.evidence import Data, Evidence
from optimizer.kernel import Kernel
from optimizer.propose import learn
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation
from protocols.constraints import Cost, ForbiddenCombination, LinearConstraint
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


def test_the_recommended_condition_is_good_tried_or_not(rpe: Campaign) -> None:
    observations = observed(rpe)
    best = recommend(rpe.space, observations, rpe.standards)
    assert best is not None
    assert bowl(best.condition) > 0.95 * max(bowl(o.condition) for o in observations)
    assert best.tried == (best.condition in {o.condition for o in observations})
    assert best == recommend(rpe.space, observations, rpe.standards)
    assert recommend(rpe.space, []) is None


def test_the_standard_is_beaten_only_where_it_is_not_the_best(rpe: Campaign) -> None:
    observations = observed(rpe)
    recommended = recommend(rpe.space, observations)
    assert recommended is not None
    assert recommended.beats_standard is None
    for standard, low, high in ((rpe.standards, 0.9, 1.0), ([recommended.condition], 0.0, 0.0)):
        best = recommend(rpe.space, observations, standard)
        assert best is not None
        assert best.beats_standard is not None
        assert low <= best.beats_standard <= high


def test_the_recommended_is_the_more_surely_the_best_the_more_was_seen_of_it(rpe: Campaign) -> None:
    observations = observed(rpe)
    first = recommend(rpe.space, observations)
    assert first is not None
    assert 0 < first.is_best < 1
    again = [Observation(condition=first.condition, value=bowl(first.condition) + 0.2, round=1) for _ in range(8)]
    surer = recommend(rpe.space, [*observations, *again])
    assert surer is not None
    assert surer.is_best > first.is_best


def test_a_prediction_is_close_where_it_was_measured(rpe: Campaign) -> None:
    observations = observed(rpe)
    predictions = predict(rpe.space, observations, [o.condition for o in observations])
    assert np.mean([abs(p.mean - bowl(p.condition)) for p in predictions]) < 0.1


def test_a_shift_that_a_round_shares_is_not_taken_for_a_better_condition(rpe: Campaign) -> None:
    first = observed(rpe)
    again = [o.model_copy(update={"round": 2, "value": (o.value or 0) + 0.4}) for o in first[:12]]
    shifted = predict(rpe.space, [*first, *again], [o.condition for o in first])
    truth = np.array([bowl(p.condition) for p in shifted])
    off = np.array([p.mean for p in shifted]) - truth
    # The shift belongs to neither round more than to the other; between conditions of both it makes no difference.
    assert abs(off[:12].mean() - off[12:].mean()) < 0.05


def test_a_well_that_all_others_speak_against_is_not_trusted(rpe: Campaign) -> None:
    observations = observed(rpe)
    good = max(observations, key=lambda o: o.value or 0)
    near = [o for o in observations if o is not good]
    liar = good.model_copy(update={"value": -4.0})
    (with_liar,) = predict(rpe.space, [*near, good, good, good, liar], [good.condition])
    (without,) = predict(rpe.space, [*near, good, good, good], [good.condition])
    assert abs(with_liar.mean - without.mean) < 0.05


def test_pending_conditions_count_as_chosen(rpe: Campaign) -> None:
    observations = observed(rpe, 24)
    first = [p.condition for p in propose(rpe.space, observations, number=6, seed=1)]
    more = [p.condition for p in propose(rpe.space, observations, number=6, seed=1, pending=first)]
    assert not set(first) & set(more)


RULES = (
    LinearConstraint(kind="linear", terms={"ksr_period": 1, "three_factor_period": 1}, at_most=22, at_least=10),
    ForbiddenCombination(kind="forbidden", when={"detachment_length": (1,), "preconditioning_period": (1, 2, 3)}),
)


@pytest.mark.parametrize("known", [0, 30])
def test_constraints_hold_in_every_proposal(rpe: Campaign, known: int) -> None:
    space = SearchSpace(parameters=rpe.parameters, constraints=RULES)
    positions = rpe.decided_values(1)[:20]
    for proposal in propose(space, observed(rpe)[:known], positions=positions, number=20, seed=3):
        assert all(rule.permits(proposal.condition.root) for rule in RULES)
    best = recommend(space, observed(rpe))
    assert best is not None
    assert space.permits(best.condition.root)


def test_constraints_that_leave_nothing_are_told(rpe: Campaign) -> None:
    never = LinearConstraint(kind="linear", terms={"detachment_period": 1}, at_least=11)
    space = SearchSpace(parameters=rpe.parameters, constraints=(never,))
    with pytest.raises(ValueError, match=r"no condition meets .* in a well with detachment_period=8.*: loosen them"):
        propose(space, [], positions=[{"detachment_period": 8}], number=1)


def test_functions_drawn_from_the_posterior_agree_with_it(rpe: Campaign) -> None:
    learnt = learn(rpe.space, observed(rpe))
    assert learnt is not None
    encoding, rows, model = learnt
    rng = np.random.default_rng(1)
    features = encoding.features(np.vstack([rows[:5], encoding.random(20, {}, rng)]))
    mean, sd = model.predict(features)
    drawn = model.functions(4000, seed=1)(features)
    assert np.abs(drawn.mean(axis=0) - mean).max() < 0.1
    assert np.abs(drawn.std(axis=0) * model.widening - sd).max() < 0.1


def test_drawn_waves_have_the_covariance_of_their_kernel() -> None:
    rng = np.random.default_rng(3)
    features = np.column_stack([rng.random((5, 2)), rng.integers(0, 3, 5)])
    kernel = Kernel(np.array([0.3, 0.6, 2.0]), 1.5, 0.5, np.array([0, 0, 3]))
    drawn = np.hstack([kernel.waves(64, 40, rng)(features) for _ in range(500)])
    covariance = kernel.covariance(features, features).numpy()
    assert np.abs(drawn @ drawn.T / drawn.shape[1] - covariance).max() < 0.1


def test_what_each_parameter_does_by_itself_is_learnt_from_few_wells() -> None:
    space = SearchSpace(
        parameters=tuple(
            ContinuousParameter(name=f"x{index}", step="A", kind="continuous", low=0, high=1, standard=0)
            for index in range(6)
        )
    )

    def truth(condition: Condition) -> float:
        return sum(abs(float(value) - 0.7) for value in condition.root.values())

    conditions = [proposal.condition for proposal in propose(space, [], number=128, seed=3)]
    learnt = learn(space, [Observation(condition=c, value=truth(c), round=1) for c in conditions[:64]])
    assert learnt is not None
    assert min(member.given.kernel.interaction for member in learnt.model._members) < 0.6
    expected = learnt.model.predict(learnt.encoding.features(learnt.encoding.rows(conditions[64:])))[0]
    truths = np.array([truth(condition) for condition in conditions[64:]])
    assert np.std(expected - truths) < 0.25 * np.std(truths)


def test_the_slope_of_the_evidence_is_its_slope(rpe: Campaign) -> None:
    first = observed(rpe, 20)
    usable = [*first, *(o.model_copy(update={"round": 2}) for o in first[:5])]
    encoding = Encoding(rpe.space)
    data = Data(
        features=encoding.features(encoding.rows([o.condition for o in usable])),
        values=np.array([o.value for o in usable]),
        rounds=np.array([o.round for o in usable]),
        levels=encoding.levels,
    )
    evidence = Evidence(data, np.arange(len(usable)), torch.zeros(len(usable), dtype=torch.float64))
    vector = torch.linspace(-1.5, 0.5, 12, dtype=torch.float64)
    value, slope = evidence(vector)
    for index in range(len(vector)):
        step = torch.zeros_like(vector)
        step[index] = 1e-5
        measured = (evidence(vector + step)[0] - evidence(vector - step)[0]) / 2e-5
        assert measured == pytest.approx(float(slope[index]), rel=1e-4, abs=1e-5)
    assert np.isfinite(value)


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


def test_replicates_share_a_condition_where_positions_are_alike(rpe: Campaign) -> None:
    positions = [{"detachment_period": period} for period in (5.0, 8.0, 5.0, 5.0, 8.0, 8.0, 8.0)]
    for observations in ([], observed(rpe)):
        proposals = propose(rpe.space, observations, positions=positions, number=7, seed=1, replicates=2)
        assert all(p.condition.agrees_with(values) for p, values in zip(proposals, positions, strict=True))
        assert Counter(Counter(p.condition for p in proposals).values()) == {2: 3, 1: 1}
        assert proposals[2].reason.endswith("; replicate 2 of 2")
    gains = [p.gain for p in proposals]
    assert gains[2] == 0.0
    assert sum(gain or 0 for gain in gains) > 0
    with pytest.raises(ValueError, match="0 replicates"):
        propose(rpe.space, [], number=1, replicates=0)


def test_what_is_held_out_is_predicted_without_it(rpe: Campaign) -> None:
    observations = observed(rpe)
    held_out = cross_validate(rpe.space, observations)
    assert [entry.value for entry in held_out] == [o.value for o in observations]
    assert explained(held_out) > 0.5
    odd = observations[7].model_copy(update={"value": observations[7].value + 3})
    changed = cross_validate(rpe.space, [*observations[:7], odd, *observations[8:]])[7]
    assert changed.outlier
    assert changed.mean == pytest.approx(held_out[7].mean, abs=0.05)
    assert not changed.within(0.99)
    assert cross_validate(rpe.space, observations[:1]) == []


def test_two_parameters_together_are_as_each_alone_when_averaged(rpe: Campaign) -> None:
    observations = observed(rpe)
    pair = pair_effect(rpe.space, observations, "fgfri_concentration", "detachment_length")
    assert pair is not None
    assert pair.second_values == (0, 1)
    mean = np.array(pair.mean)
    alone = {effect.parameter: effect for effect in effects(rpe.space, observations)}
    assert mean.mean(axis=1) == pytest.approx(np.array(alone["fgfri_concentration"].mean), abs=0.06)
    assert (mean[:, 0] > mean[:, 1]).mean() > 0.5
    with pytest.raises(KeyError):
        pair_effect(rpe.space, observations, "fgfri_concentration", "sugar")


def test_a_front_trades_the_objective_for_cost(rpe: Campaign) -> None:
    costs = (Cost(name="days", terms={"preconditioning_period": 1.0, "ksr_period": 1.0}, fixed=2.0),)
    observations = [
        o.model_copy(update={"value": bowl(o.condition) * float(o.condition["ksr_period"]) / 20}) for o in observed(rpe)
    ]
    front = pareto_front(rpe.space, observations, costs)
    means, days = [point.mean for point in front], [point.costs[0] for point in front]
    assert len(front) > 3
    assert means == sorted(means)
    assert days == sorted(days)
    assert min(days) == 2 + 1 + 1
    assert front[-1].mean == pytest.approx(recommend(rpe.space, observations).mean, abs=0.03)
    assert pareto_front(rpe.space, [], costs) == []


def test_the_sd_is_wider_where_the_last_round_was_far_off_what_was_said(rpe: Campaign) -> None:
    first = observed(rpe)
    chosen = propose(rpe.space, first, number=12, seed=1)

    def widening(values: list[float]) -> float:
        second = [Observation(condition=p.condition, value=v, round=2) for p, v in zip(chosen, values, strict=True)]
        learnt = learn(rpe.space, [*first, *second])
        assert learnt is not None
        return learnt.model.widening

    said = [float(p.mean or 0) for p in chosen]
    rng = np.random.default_rng(0)
    wrong = [mean + rng.choice([-1, 1]) * 8 * float(p.sd or 0) for mean, p in zip(said, chosen, strict=True)]
    alone = learn(rpe.space, first)
    assert alone is not None
    assert 1 <= widening(said) < alone.model.widening < widening(wrong) <= 8
