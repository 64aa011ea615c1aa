"""What is recommended within constraints on outcomes, where the truth is known."""

import numpy as np
import pytest
import torch
from torch.quasirandom import SobolEngine

from optimizer import Optimizer, best_tried
from optimizer.objective import Goals, Objective, OutcomeBounds
from protocols.conditions import Condition, Observation
from protocols.recommendations import LIKELY


def test_what_is_recommended_meets_a_constraint_however_good_what_breaks_it_is() -> None:
    # 10^(4 x) grows ten thousandfold, and x must not exceed 0.5: known exactly.
    optimizer = Optimizer(
        {"x": (0.0, 1.0)}, {"gain": "maximise"}, outcome_constraints={"load": (None, 0.5)}
    )
    rng = np.random.default_rng(1)
    optimizer.tell(
        {"x": x, "gain": 10 ** (4 * x), "load": x + rng.normal(0, 0.2)}
        for x in np.linspace(0, 1, 12).tolist()
    )
    best = optimizer.recommend()
    assert best.feasible >= LIKELY
    assert best.met is None
    assert 0.3 < float(best.condition["x"]) < 0.6


def test_where_nothing_probably_meets_them_the_best_tried_that_did_stands_beside_it() -> None:
    # The second problem of Gardner et al. (2014), whose feasible regions are a hundredth of it.
    points = 6 * SobolEngine(2, seed=0).draw(10).double()  # type: ignore[no-untyped-call]
    values = torch.sin(points[:, 0]) + points[:, 1]
    constraint = torch.sin(points[:, 0]) * torch.sin(points[:, 1])
    optimizer = Optimizer(
        {"x": (0.0, 6.0), "y": (0.0, 6.0)},
        {"value": "minimise"},
        outcome_constraints={"constraint": (None, -0.95)},
    )
    optimizer.tell(
        {"x": x, "y": y, "value": value, "constraint": slack}
        for (x, y), value, slack in zip(
            points.tolist(), values.tolist(), constraint.tolist(), strict=True
        )
    )
    met = constraint <= -0.95
    best = optimizer.recommend()
    assert best.feasible < LIKELY
    assert best.met is not None
    assert met.any()
    lowest = points[met][values[met].argmin()].tolist()
    assert list(best.met.condition.root.values()) == pytest.approx(lowest)


def test_of_replicates_the_mean_has_to_meet_the_constraints() -> None:
    known = [
        Observation(condition=Condition({"x": x}), value=10 * x, round=1, outcomes={"load": load})
        for x, load in [(0.2, 0.1), (0.2, 0.3), (0.6, 0.4), (0.6, 0.7), (0.9, 0.2), (0.9, None)]
    ]
    known[-2] = known[-2].model_copy(update={"flags": ("odd",)})
    space = Optimizer({"x": (0.0, 1.0)}).space
    goals = Goals((Objective(),), (OutcomeBounds("load", at_most=0.5),))
    found = best_tried(space, known, goals)
    assert found is not None
    assert found.condition == Condition({"x": 0.2})
    assert best_tried(space, known, Goals((Objective(),), (OutcomeBounds("load", 0.8),))) is None
