"""Costs in what a strategy chooses, beside BoTorch's cost-aware utility."""

from pathlib import Path

import numpy as np
import pytest
import torch
from botorch.acquisition.cost_aware import InverseCostWeightedUtility
from botorch.models.deterministic import GenericDeterministicModel

from optimizer import Optimizer, propose
from optimizer.cost_weights import CostWeights, Expense
from optimizer.encoding import Encoding
from optimizer.strategy_registry import strategy_findings
from orchestrator.core.round_planning import plan_round
from protocols.campaign_file import read_campaign
from protocols.campaign_parts import StrategyChoice
from protocols.conditions import Condition, Observation
from protocols.constraints import Cost
from protocols.parameters import ContinuousParameter, SteppedParameter
from protocols.search_space import SearchSpace
from tests.conftest import ROOT

SPACE = SearchSpace(
    parameters=(
        ContinuousParameter(name="x", step="A", kind="continuous", low=0, high=1),
        SteppedParameter(name="n", step="A", kind="stepped", levels=(1.0, 2.0, 5.0)),
    )
)
PRICE = Cost(name="price", unit="EUR", fixed=1.0, terms={"x": 9.0, "n": 0.5})


def _two_hills() -> list[Observation]:
    """Nothing tells the cheap hill from the dear one, and nothing was tried on either."""
    return [
        Observation(condition=Condition({"x": x, "n": n}), value=-abs(abs(x - 0.5) - 0.3), round=1)
        for x in (0.0, 0.1, 0.4, 0.5, 0.6, 0.9, 1.0)
        for n in (1.0, 2.0, 5.0)
    ]


def _chosen(strategy: str, exponent: float | None, left: float = 1.0) -> list[Condition]:
    options = {} if exponent is None else {"per_cost": {"price": exponent}}
    found = propose(
        SPACE,
        _two_hills(),
        number=3,
        seed=3,
        strategy=StrategyChoice(name=strategy, options=options),
        costs=[Expense(PRICE, left)],
    )
    for proposal in found:
        words = "weighed by what it takes: price"
        assert (words in proposal.reason) == bool(exponent and left)
    return [proposal.condition for proposal in found]


def test_gains_are_divided_as_by_botorchs_inverse_cost_weighted_utility() -> None:
    encoding = Encoding(SPACE)
    rows = encoding.random(50, {}, np.random.default_rng(1))
    conditions = encoding.conditions(rows)
    model = GenericDeterministicModel(
        lambda X: torch.tensor([[[PRICE(c.root)]] for c in conditions], dtype=torch.float64)  # noqa: N803
    )
    gains = torch.rand(50, dtype=torch.float64)
    theirs = InverseCostWeightedUtility(model)(torch.as_tensor(rows).unsqueeze(1), gains[None])
    ours = gains.numpy() / CostWeights(encoding, [Expense(PRICE)], {"price": 1.0})(rows)
    ratio = ours / theirs.flatten().numpy()
    assert ratio == pytest.approx(ratio[0], rel=1e-5)
    half = CostWeights(encoding, [Expense(PRICE)], {"price": 0.5})(rows)
    cooled = CostWeights(encoding, [Expense(PRICE, left=0.5)], {"price": 1.0})(rows)
    assert half == pytest.approx(cooled)


@pytest.mark.parametrize("strategy", ["botorch", "qlognei"])
def test_of_two_equal_hills_the_cheap_one_is_climbed(strategy: str) -> None:
    weighed = [PRICE(condition.root) for condition in _chosen(strategy, 1.0)]
    alone = [PRICE(condition.root) for condition in _chosen(strategy, None)]
    assert weighed[0] < 5
    assert max(alone) > 7
    assert sum(weighed) < sum(alone)


@pytest.mark.parametrize("strategy", ["botorch", "qlognei"])
def test_costs_that_do_not_count_change_nothing(strategy: str) -> None:
    alone = _chosen(strategy, None)
    assert _chosen(strategy, 0.0) == alone
    assert _chosen(strategy, 1.0, left=0.0) == alone


def test_what_is_free_is_not_worth_any_number_of_wells() -> None:
    encoding = Encoding(SPACE)
    free = Cost(name="price", terms={"x": 1.0})
    weights = CostWeights(encoding, [Expense(free)], {"price": 1.0})
    rows = encoding.rows([Condition({"x": x, "n": 1.0}) for x in (0.0, 0.05, 0.5, 1.0)])
    assert weights(rows) == pytest.approx([0.1, 0.1, 1.0, 2.0])


def test_a_cost_that_there_is_not_is_said() -> None:
    choice = StrategyChoice(name="botorch", options={"per_cost": {"prise": 1.0}})
    (finding,) = strategy_findings(choice, costs=["price"])
    assert finding.loc == ("strategy", "options", "per_cost", "prise")
    assert finding.expected == "one of price"
    with pytest.raises(ValueError, match=r"per_cost has 'prise', which is no cost \(expected pri"):
        propose(SPACE, _two_hills(), strategy=choice, costs=[Expense(PRICE)])


def test_a_campaign_weighs_its_costs_less_the_less_is_left_to_spend() -> None:
    text = (ROOT / "examples" / "coupling" / "campaign.yaml").read_text()
    weighed = text + "\nstrategy: {name: botorch, options: {per_cost: {catalyst: 1}}}\n"
    spending = weighed.replace("catalyst: 200}", "catalyst: 20}")
    assert spending != weighed
    chosen = []
    for written in (text, weighed, spending):
        campaign = read_campaign(written)
        observations = [
            Observation(condition=p.condition, value=50 + 2.0 * n, round=1 + n)
            for n, p in enumerate(propose(campaign.space, [], number=12, seed=4))
        ]
        spent = sum(campaign.costs[0](o.condition.root) for o in observations)
        assert spent > 20
        plan = plan_round(campaign, 13, observations)
        chosen.append([placement.proposal.condition for placement in plan.layout.placements])
    assert chosen[0] == chosen[2] != chosen[1]


PER_COST = {"name": "botorch", "options": {"per_cost": {"price": 1}}}


def _two_hills_asked(**options: object) -> Optimizer:
    """Told of `_two_hills`, whose tops are at 0.2 and 0.8 and alike."""
    optimizer = Optimizer(SPACE, costs=[PRICE], seed=3, **options)  # type: ignore[arg-type]
    optimizer.tell([{**o.condition.root, "value": o.value} for o in _two_hills()])
    return optimizer


def test_ask_and_tell_climbs_the_cheap_hill_as_a_campaign_does() -> None:
    asked = [Condition(c) for c in _two_hills_asked(strategy=PER_COST).ask(3)]
    assert asked == _chosen("botorch", 1.0)
    assert [Condition(c) for c in _two_hills_asked().ask(3)] == _chosen("botorch", None)


def test_told_and_pending_conditions_take_from_what_there_is_to_spend(tmp_path: Path) -> None:
    taken = sum(PRICE(o.condition.root) for o in _two_hills())
    optimizer = _two_hills_asked(strategy=PER_COST, spend={"price": taken + 1})
    (first,) = optimizer.ask(1)
    assert "weighed by what it takes" in optimizer.proposals[0].reason
    optimizer.save(tmp_path / "study.json")
    loaded = Optimizer.load(tmp_path / "study.json")
    for again in (optimizer, loaded):
        assert [Condition(first)] == again.pending
        again.ask(1)
        assert "weighed" not in again.proposals[0].reason


def test_of_one_objective_the_trade_off_with_its_cost_is_known() -> None:
    price = Cost(name="price", terms={"dose": 2.0})
    optimizer = Optimizer({"dose": (0.0, 1.0), "idle": (0.0, 1.0)}, costs=[price], seed=1)
    optimizer.tell([{**c, "value": min(c["dose"], 0.6)} for c in optimizer.ask(16)])
    front = optimizer.pareto_front()
    assert len(front) > 5
    for point in front:
        (cost,) = point.costs
        assert cost == 2 * point.condition["dose"]
        # Above 0.6 more costs more and gives nothing.
        assert cost < 1.4
        assert point.mean == pytest.approx(cost / 2, abs=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spend": {"prise": 10}}, r"spend has 'prise': 10 \(expected .* one of price\)"),
        ({"spend": {"price": 0}}, r"spend has 'price': 0 \(expected a number above 0"),
        ({"costs": [PRICE, PRICE]}, "expected each name once"),
        ({"costs": [Cost(name="c", terms={"y": 1})]}, r"costs.0.terms.y: 'y' is not a parameter"),
        (
            {"strategy": {"name": "botorch", "options": {"per_cost": {"prise": 1}}}},
            r"per_cost.prise: 'prise' is not a cost of .* \(expected one of price\)",
        ),
    ],
)
def test_costs_that_cannot_be_are_refused_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Optimizer(SPACE, **{"costs": [PRICE], **options})  # type: ignore[arg-type]
