"""The real Ax and BayBE, each in its environment, and BoTorch's qLogNEI keep the contract."""

import os

import numpy as np
import pytest

from benchmarks.functions import by_name
from optimizer.encoding import Encoding
from optimizer.objective import Goals, Objective
from optimizer.strategies.peers.strategy import AxStrategy, BaybeStrategy, PeerStrategy
from optimizer.strategies.qlognei import QLogNEIStrategy
from optimizer.strategy import Request
from optimizer.strategy_conformance import RULES, SPACE, check_strategy, observations
from protocols.conditions import Condition, Observation
from protocols.constraints import LinearConstraint
from protocols.parameters import CategoryParameter, ContinuousParameter
from protocols.search_space import SearchSpace
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(
    not os.environ.get("THIRD_PARTY"), reason="make third-party runs these"
)
KINDS = [AxStrategy, BaybeStrategy]


@pytest.fixture(autouse=True)
def _home(_home_as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLWISE_HOME", str(ROOT / ".wellwise"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_contract_is_kept(kind: type[PeerStrategy]) -> None:
    assert check_strategy(kind) == []


def test_qlognei_keeps_the_contract() -> None:
    quick = QLogNEIStrategy.Options(samples=16, restarts=1, raw_samples=8, iterations=5)
    assert check_strategy(QLogNEIStrategy, quick) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_library_gets_positions_and_constraints_that_it_can_take(
    kind: type[PeerStrategy],
) -> None:
    """Nothing has to be moved: it knew what is decided, pending and not permitted."""
    names = ("a", "b", "c")
    parameters = tuple(
        ContinuousParameter(name=name, step="A", kind="continuous", low=5, high=80, standard=20)
        for name in names
    )
    rule = LinearConstraint(kind="linear", terms={"a": 1, "b": 2}, at_most=120, at_least=40)
    space = SearchSpace(parameters=parameters, constraints=(rule,))
    known = observations(space, 20)
    found = kind(kind.Options()).propose(
        Request(
            space=space,
            observations=tuple(known[:15]),
            pending=tuple(one.condition for one in known[15:]),
            positions=({}, {"c": 20.0}, {}, {"c": 20.0}),
            seed=2,
        )
    )
    assert [proposal.reason for proposal in found] == [f"chosen by {kind.title}"] * 4
    assert [proposal.condition["c"] == 20.0 for proposal in found] == [False, True, False, True]


@pytest.mark.parametrize("direction", ["minimise", "match"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_in_every_direction(kind: type[PeerStrategy], direction: str) -> None:
    """Of a quadratic, a batch lies nearer to what is wanted than what was known.

    Of `match` Ax sees the distance from the target alone, which has a kink there.
    """
    space = SearchSpace(parameters=SPACE.parameters)
    encoding = Encoding(space)

    def outcome(rows: np.ndarray) -> np.ndarray:
        features = encoding.unit_cube(rows)[:, :3]
        return np.asarray(50 - 40 * ((features - 0.3) ** 2).sum(axis=1))

    rows = encoding.random(30, {}, np.random.default_rng(5))
    known = tuple(
        Observation(condition=condition, value=float(value), round=1)
        for condition, value in zip(encoding.conditions(rows), outcome(rows), strict=True)
    )
    objective = Objective.of(direction, 35.0 if direction == "match" else None)
    strategy = kind(kind.Options())
    request = Request(
        space=space, observations=known, positions=({},) * 4, seed=1, goals=Goals((objective,))
    )
    found = encoding.rows([proposal.condition for proposal in strategy.propose(request)])
    before, after = objective.utility(outcome(rows)), objective.utility(outcome(found))
    assert np.mean(after) > np.mean(before)
    if direction == "minimise":
        assert after.max() > np.quantile(before, 0.9)
    recommended = strategy.recommend(request)
    of_recommended = objective.utility(outcome(encoding.rows([recommended])))
    assert of_recommended[0] >= np.quantile(before, 0.8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_on_a_function_of_six_parameters_beats_what_was_known(
    kind: type[PeerStrategy],
) -> None:
    function = by_name("hartmann6")
    encoding = Encoding(function.space)
    conditions = encoding.conditions(encoding.random(40, {}, np.random.default_rng(1)))
    known = tuple(
        Observation(condition=one, value=function.truth(one.root), round=1) for one in conditions
    )
    strategy = kind(kind.Options())
    found = strategy.propose(
        Request(space=function.space, observations=known, positions=({},) * 8, seed=1)
    )
    best = max(function.truth(proposal.condition.root) for proposal in found)
    assert best > max(function.truth(one.root) for one in conditions)
    print(f"{kind.title}: {strategy.cpu_s:.1f} CPU-s for a batch of 8 from 40 observations")


@pytest.mark.parametrize("kind", KINDS)
def test_few_and_equal_values_end_in_a_batch_too(kind: type[PeerStrategy]) -> None:
    strategy = kind(kind.Options())
    space = SearchSpace(parameters=SPACE.parameters, constraints=RULES)
    for number, value in ((1, 3.0), (5, 0.0)):
        known = tuple(
            one.model_copy(update={"value": value, "flags": ()})
            for one in observations(space, number)
        )
        request = Request(space=space, observations=known, positions=({},) * 3)
        assert len(strategy.propose(request)) == 3
        assert strategy.recommend(request) in [one.condition for one in known]


def test_baybe_goes_for_a_level_that_its_descriptors_speak_for() -> None:
    polarity = {f"s{index}": index / 7 for index in range(8)}
    levels = tuple(polarity)
    solvent = CategoryParameter(
        name="solvent",
        step="A",
        kind="category",
        levels=levels,
        descriptors={level: {"polarity": polarity[level]} for level in levels},
    )
    known = tuple(
        Observation(
            condition=Condition({"solvent": level}),
            value=-((polarity[level] - 0.7) ** 2),
            round=1,
        )
        for level in levels
        if level not in ("s3", "s4", "s5")
    )
    space = SearchSpace(parameters=(solvent,))
    made = BaybeStrategy(BaybeStrategy.Options())
    (proposal,) = made.propose(Request(space=space, observations=known, positions=({},)))
    assert proposal.condition["solvent"] == "s5"
