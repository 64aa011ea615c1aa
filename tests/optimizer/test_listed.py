"""Where only listed conditions exist, nothing else is proposed or recommended."""

from pathlib import Path

import numpy as np
import pytest

from optimizer import Optimizer, most_promising, pareto_front, predict, propose
from optimizer.strategies.peers.packages import PACKAGES
from optimizer.strategy_registry import strategy_names
from protocols.campaign_parts import StrategyChoice
from protocols.conditions import Condition, Observation, Value
from protocols.constraints import ForbiddenCombination
from protocols.parameters import CategoryParameter, ContinuousParameter, SteppedParameter
from protocols.search_space import SearchSpace

OURS = sorted({*strategy_names()} - PACKAGES.keys())
QUICK = {"qlognei": {"samples": 16}, "published": {"pool": 300}}
SPACE = SearchSpace(
    parameters=(
        ContinuousParameter(name="dose", step="A", kind="continuous", low=0, high=1),
        ContinuousParameter(
            name="salt", step="A", kind="continuous", low=0.001, high=1, scale="log"
        ),
        SteppedParameter(name="days", step="A", kind="stepped", levels=(1, 2, 3)),
        CategoryParameter(name="acid", step="A", kind="category", levels=("a", "b")),
    )
)


def shelf(number: int = 24, seed: int = 0) -> list[Condition]:
    """What somebody made, with more digits than a proposal of a range has."""
    rng = np.random.default_rng(seed)
    return [
        Condition(
            {
                "dose": float(rng.random()),
                "salt": float(10 ** -rng.uniform(0, 3)),
                "days": float(rng.integers(1, 4)),
                "acid": "ab"[rng.integers(2)],
            }
        )
        for _ in range(number)
    ]


def growth(condition: Condition) -> float:
    return -abs(float(condition["dose"]) - 0.3) + 0.2 * (condition["acid"] == "b")


def told(conditions: list[Condition], round_number: int) -> list[Observation]:
    return [Observation(condition=c, value=growth(c), round=round_number) for c in conditions]


@pytest.mark.parametrize("name", OURS)
def test_a_strategy_tries_what_is_listed_each_once_and_then_again(name: str) -> None:
    listed, strategy = shelf(12), StrategyChoice(name=name, options=QUICK.get(name, {}))
    known: list[Observation] = []
    for number in range(1, 4):
        proposals = propose(SPACE, known, number=4, seed=2, strategy=strategy, among=listed)
        known += told([proposal.condition for proposal in proposals], number)
    assert sorted(map(str, (one.condition for one in known))) == sorted(map(str, listed))
    (again,) = propose(SPACE, known, number=1, strategy=strategy, among=listed)
    assert again.condition in listed
    assert "once more" in again.reason


@pytest.mark.parametrize("name", OURS)
def test_a_position_gets_a_listed_condition_with_what_it_decides(name: str) -> None:
    strategy = StrategyChoice(name=name, options=QUICK.get(name, {}))
    known = told(shelf(8, seed=1), 1)
    positions: list[dict[str, Value]] = [{"acid": "b"}, {"acid": "a", "days": 2.0}]
    proposals = propose(
        SPACE, known, positions, number=2, strategy=strategy, among=shelf(60, seed=3)
    )
    found = [proposal.condition for proposal in proposals]
    assert set(found) <= set(shelf(60, seed=3))
    assert found[0]["acid"] == "b"
    assert (found[1]["acid"], found[1]["days"]) == ("a", 2.0)


def test_what_is_recommended_is_the_listed_condition_of_the_highest_predicted_mean() -> None:
    listed = shelf(1500, seed=4)
    known = told(listed[::100], 1)
    means = [prediction.mean for prediction in predict(SPACE, known, listed)]
    assert most_promising(SPACE, known, among=listed) == listed[int(np.argmax(means))]


def test_a_batch_of_one_is_as_good_as_the_best_of_all_that_is_listed() -> None:
    """Nothing of a long list is left out: the gain of the choice is the highest of any."""
    listed = shelf(1500, seed=5)
    known = told(listed[:12], 1)
    (chosen,) = propose(SPACE, known, number=1, seed=0, among=listed)
    rivals = [
        propose(SPACE, known, number=1, seed=0, among=listed[part::5])[0].gain for part in range(5)
    ]
    assert chosen.gain is not None
    assert chosen.gain >= max(gain for gain in rivals if gain is not None)


def test_constraints_hold_among_what_is_listed() -> None:
    rule = ForbiddenCombination(kind="forbidden", when={"acid": ("a",)})
    space = SPACE.model_copy(update={"constraints": (rule,)})
    proposals = propose(space, [], number=4, among=shelf())
    assert {proposal.condition["acid"] for proposal in proposals} == {"b"}
    only = [condition for condition in shelf() if condition["acid"] == "a"]
    with pytest.raises(ValueError, match="no listed condition"):
        propose(space, [], number=1, among=only)


def test_a_study_keeps_what_is_listed_in_its_file(tmp_path: Path) -> None:
    listed = [dict(condition.root) for condition in shelf()]
    objectives = {"growth": "maximise", "cost": "minimise"}
    study = Optimizer(SPACE, objectives, among=listed)
    for condition in study.ask(6):
        study.tell([{**condition, "growth": growth(Condition(condition)), "cost": 1.0}])
    study.save(tmp_path / "study.json")
    again = Optimizer.load(tmp_path / "study.json")
    assert again.ask(3) == study.ask(3)
    assert all(condition in listed for condition in again.ask(3))
    assert all(dict(point.condition.root) in listed for point in study.pareto_front())
    front = pareto_front(SPACE, study.observations, objective=study.goals)
    assert not all(dict(point.condition.root) in listed for point in front)
    with pytest.raises(ValueError, match="condition 2 is not allowed"):
        Optimizer(SPACE, among=[listed[0], {**listed[1], "days": 9}])
