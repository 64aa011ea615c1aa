from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import propose, recommend
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation
from protocols.constraints import ForbiddenCombination, LinearConstraint
from protocols.parameters import CategoryParameter, ContinuousParameter
from protocols.search_space import SearchSpace
from tests.optimizer.known_objective import bowl, observed
from tests.strategies import search_spaces


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


def test_a_batch_improves_on_what_was_observed(rpe: Campaign) -> None:
    observations = observed(rpe)
    proposals = propose(rpe.space, observations, number=8, seed=1)
    assert (
        np.mean([bowl(p.condition) for p in proposals])
        > np.mean([o.value for o in observations]) + 0.2
    )


def test_a_large_batch_searches_less_often_and_is_nearly_as_good(
    rpe: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    observations = observed(rpe)

    def worth(most: int) -> tuple[float, float, int]:
        monkeypatch.setattr("optimizer.batch._MOST_CLIMBS", most)
        batch = propose(rpe.space, observations, number=48, seed=1)
        found = [bowl(proposal.condition) for proposal in batch]
        return sum(p.gain or 0.0 for p in batch), max(found), len({p.condition for p in batch})

    gain, best, distinct = worth(48)
    fewer_gain, fewer_best, fewer_distinct = worth(6)
    assert distinct == fewer_distinct == 48
    assert fewer_gain > 0.9 * gain
    assert fewer_best > best - 0.03


def test_a_batch_that_crowds_a_range_repeats_no_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.batch._MOST_CLIMBS", 30)
    dose = ContinuousParameter(name="dose", step="a", kind="continuous", low=1000, high=1000.5)
    space = SearchSpace(parameters=(dose,))
    found = [space.snap({"dose": 1000 + n / 100}) for n in range(50)]
    seen = [
        Observation(condition=condition, value=-abs(n - 20) / 50, round=1)
        for n, condition in enumerate(found)
        if condition is not None
    ]
    batch = propose(space, seen, number=120, seed=1)
    proposed = [proposal.condition for proposal in batch]
    assert len(set(proposed)) == 120
    assert not set(proposed) & {observation.condition for observation in seen}


def test_the_same_seed_gives_the_same_batch(rpe: Campaign) -> None:
    observations = observed(rpe, 20)
    one, same, other = (propose(rpe.space, observations, number=6, seed=seed) for seed in (5, 5, 6))
    assert one == same
    assert one != other


def test_flagged_wells_are_not_fitted(rpe: Campaign) -> None:
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


def test_pending_conditions_count_as_chosen(rpe: Campaign) -> None:
    observations = observed(rpe, 24)
    first = [p.condition for p in propose(rpe.space, observations, number=6, seed=1)]
    more = [p.condition for p in propose(rpe.space, observations, number=6, seed=1, pending=first)]
    assert not set(first) & set(more)


RULES = (
    LinearConstraint(
        kind="linear", terms={"ksr_period": 1, "three_factor_period": 1}, at_most=22, at_least=10
    ),
    ForbiddenCombination(
        kind="forbidden", when={"detachment_length": (1,), "preconditioning_period": (1, 2, 3)}
    ),
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


def test_constraints_that_leave_nothing_are_refused(rpe: Campaign) -> None:
    never = LinearConstraint(kind="linear", terms={"detachment_period": 1}, at_least=11)
    space = SearchSpace(parameters=rpe.parameters, constraints=(never,))
    with pytest.raises(
        ValueError, match=r"no condition meets .* in a well with detachment_period=8.*: loosen them"
    ):
        propose(space, [], positions=[{"detachment_period": 8}], number=1)


def test_positions_and_number_must_agree(rpe: Campaign) -> None:
    with pytest.raises(ValueError, match="3 proposals were asked for 2 positions"):
        propose(rpe.space, [], positions=[{}, {}], number=3)


def test_a_position_that_decides_a_forbidden_value_is_refused(rpe: Campaign) -> None:
    with pytest.raises(ValueError, match=r"detachment_period=9\.5 is not allowed"):
        propose(rpe.space, [], positions=[{"detachment_period": 9.5}], number=1)


def test_an_exhausted_space_is_measured_again() -> None:
    space = SearchSpace(
        parameters=(
            CategoryParameter(name="a", step="A", kind="category", levels=(0, 1), standard=0),
        )
    )
    observations = [
        Observation(condition=Condition({"a": level}), value=0.5, round=1) for level in (0, 1)
    ]
    assert {p.condition["a"] for p in propose(space, observations, number=3)} == {0, 1}


def test_replicates_share_a_condition_where_positions_are_alike(rpe: Campaign) -> None:
    positions = [{"detachment_period": period} for period in (5.0, 8.0, 5.0, 5.0, 8.0, 8.0, 8.0)]
    for observations in ([], observed(rpe)):
        proposals = propose(
            rpe.space, observations, positions=positions, number=7, seed=1, replicates=2
        )
        assert all(
            p.condition.agrees_with(values) for p, values in zip(proposals, positions, strict=True)
        )
        assert Counter(Counter(p.condition for p in proposals).values()) == {2: 3, 1: 1}
        assert proposals[2].reason.endswith("; replicate 2 of 2")
    gains = [p.gain for p in proposals]
    assert gains[2] == 0.0
    assert sum(gain or 0 for gain in gains) > 0
    with pytest.raises(ValueError, match="0 replicates"):
        propose(rpe.space, [], number=1, replicates=0)
