import pytest

from optimizer import pareto_front, recommend
from protocols.campaign import Campaign
from protocols.constraints import Cost
from tests.optimizer.known_objective import bowl, observed


def test_a_front_trades_the_objective_for_cost(rpe: Campaign) -> None:
    costs = (
        Cost(name="days", terms={"preconditioning_period": 1.0, "ksr_period": 1.0}, fixed=2.0),
    )
    observations = [
        o.model_copy(update={"value": bowl(o.condition) * float(o.condition["ksr_period"]) / 20})
        for o in observed(rpe)
    ]
    front = pareto_front(rpe.space, observations, costs)
    means, days = [point.mean for point in front], [point.costs[0] for point in front]
    assert len(front) > 3
    assert means == sorted(means)
    assert days == sorted(days)
    assert min(days) == 2 + 1 + 1
    assert front[-1].mean == pytest.approx(recommend(rpe.space, observations).mean, abs=0.03)
    assert pareto_front(rpe.space, [], costs) == []
