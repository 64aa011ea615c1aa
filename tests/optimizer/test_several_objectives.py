"""Several objectives and constraints on outcomes, by BoTorch's test problems and hypervolume."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from botorch.test_functions.multi_objective import DTLZ2, ConstrainedBraninCurrin
from botorch.utils.multi_objective.box_decompositions import DominatedPartitioning
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import Optimizer, propose, recommend
from optimizer.criterion import directions, orthant_volume, scalarised
from optimizer.hypervolume import hypervolumes
from optimizer.objective import Goals, Objective, OutcomeBounds
from optimizer.strategy_conformance import SPACE, observations
from protocols.conditions import Condition, Observation


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_scalarisation_adds_up_to_the_hypervolume(count: int) -> None:
    values = np.random.default_rng(count).uniform(-0.2, 1.0, (12, count))
    box = DominatedPartitioning(torch.zeros(count).double(), torch.as_tensor(values))
    true = box.compute_hypervolume()
    many = directions(1 << 14, count, seed=1)
    above = np.broadcast_to(values.T[:, None, :], (count, len(many), len(values)))
    best = np.maximum(scalarised(above, many).max(axis=1), 0)
    assert orthant_volume(count) * best.mean() == pytest.approx(float(true), rel=0.02)


def asked_and_told(problem: Any, strategy: str | None, batches: int, number: int) -> Optimizer:
    """A study of one of BoTorch's problems, whose constraints are slacks of 0 or more."""
    low, high = problem.bounds.tolist()
    names = [f"x{index}" for index in range(problem.dim)]
    objectives = [f"f{index}" for index in range(problem.num_objectives)]
    slacks = [f"c{index}" for index in range(getattr(problem, "num_constraints", 0))]
    optimizer = Optimizer(
        dict(zip(names, zip(low, high, strict=True), strict=True)),
        dict.fromkeys(objectives, "maximise"),
        thresholds=dict(zip(objectives, problem.ref_point.tolist(), strict=True)),
        outcome_constraints=dict.fromkeys(slacks, (0.0, None)),
        strategy=strategy,
        seed=1,
    )
    for _ in range(batches):
        asked = optimizer.ask(number)
        points = torch.tensor([[row[name] for name in names] for row in asked]).double()
        outcomes = problem(points)
        if slacks:
            outcomes = torch.hstack([outcomes, problem.evaluate_slack(points)])
        optimizer.tell(
            {**row, **dict(zip([*objectives, *slacks], values, strict=True))}
            for row, values in zip(asked, outcomes.tolist(), strict=True)
        )
    return optimizer


def test_nothing_is_compiled_for_the_machine_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Another machine would propose other conditions, and who waits for a compilation that was
    # killed waits for ever: torch's lock is a file that stays.
    asked: list[object] = []
    monkeypatch.setattr("torch.utils.cpp_extension.load", lambda **given: asked.append(given))
    optimizer = asked_and_told(DTLZ2(3, num_objectives=2, negate=True), "qlognei", 1, 4)
    assert len(optimizer.ask(1)) == 1
    assert asked == []


def test_it_approaches_the_front_of_dtlz2() -> None:
    problem = DTLZ2(4, num_objectives=2, negate=True)
    optimizer = asked_and_told(problem, None, batches=5, number=8)
    reached = optimizer.hypervolumes()
    assert reached == sorted(reached)
    assert reached[-1] > 0.7 * problem.max_hv
    assert reached[-1] > 1.3 * asked_and_told(problem, "sobol", 5, 8).hypervolumes()[-1]
    front = optimizer.pareto_front()
    assert len(front) > 3
    firsts, seconds = zip(*(point.means for point in front), strict=True)
    assert list(firsts) == sorted(firsts)
    assert list(seconds) == sorted(seconds, reverse=True)
    assert optimizer.proposals[0].reason.endswith("to the hypervolume")
    with pytest.raises(ValueError, match="2 objectives"):
        optimizer.recommend()


def test_constraints_on_outcomes_are_met_by_most_of_what_is_proposed() -> None:
    problem = ConstrainedBraninCurrin(negate=True).double()
    optimizer = asked_and_told(problem, None, batches=3, number=6)
    met = [observation.outcomes["c0"] >= 0 for observation in optimizer.observations]  # type: ignore[operator]
    assert np.mean(met[6:]) > 0.6
    for point in optimizer.pareto_front():
        assert point.feasible >= 0.5


def test_one_objective_within_a_constraint_is_recommended_where_it_is_met() -> None:
    # The best x is 1, and x must not exceed 0.6: known exactly.
    goals = Goals((Objective(),), (OutcomeBounds("load", at_most=0.6),))
    space = SPACE.model_copy(update={"parameters": SPACE.parameters[1:2], "constraints": ()})
    volume = space.parameters[0]

    def told(condition: Condition) -> Observation:
        share = volume.to_unit_interval(float(condition["volume"]))  # type: ignore[union-attr]
        return Observation(condition=condition, value=share, round=1, outcomes={"load": share})

    known: list[Observation] = []
    for batch in range(3):
        proposals = propose(space, known, number=4, seed=batch, objective=goals)
        known += [told(proposal.condition) for proposal in proposals]
    best = recommend(space, known, objective=goals)
    assert best is not None
    assert told(best.condition).value == pytest.approx(0.6, abs=0.06)
    assert 0.3 < best.feasible <= 1.0


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=8),
    target=st.floats(-20, 20),
)
def test_hypervolumes_never_fall_whatever_is_wanted(
    values: list[tuple[float, float]], target: float
) -> None:
    condition = Condition({"x": 1})
    known = [
        Observation(condition=condition, value=one, round=1 + index, outcomes={"b": other})
        for index, (one, other) in enumerate(values)
    ]
    goals = Goals((Objective("minimise", threshold=60.0), Objective("match", target, "b", 80.0)))
    found = hypervolumes(known, goals)
    assert len(found) == len(values)
    assert found == sorted(found)
    flagged = [o.model_copy(update={"flags": ("odd",)}) for o in known]
    assert hypervolumes(flagged, goals) == [0.0] * len(values)


def test_a_strategy_of_one_objective_refuses_several() -> None:
    goals = Goals((Objective(), Objective("minimise", outcome="cost")))
    with pytest.raises(ValueError, match=r"takes one objective.*botorch, qlognei"):
        propose(SPACE, observations(SPACE, 5), strategy="thompson", objective=goals)


def test_a_study_of_several_is_saved_and_drawn(tmp_path: Path) -> None:
    optimizer = Optimizer(
        {"x": (0.0, 1.0), "kind": ["a", "b"]},
        {"yield": "maximise", "ph": ("match", 7.0)},
        thresholds={"yield": 0.1},
        outcome_constraints={"cost": (None, 9.0)},
    )
    for _ in range(2):
        optimizer.tell(
            {**row, "yield": row["x"] ** 2, "ph": 6 + 2 * row["x"], "cost": 5 + row["x"]}  # type: ignore[operator]
            for row in optimizer.ask(4)
        )
    optimizer.save(tmp_path / "study.json")
    again = Optimizer.load(tmp_path / "study.json")
    assert again.goals == optimizer.goals
    assert again.ask(2) == optimizer.ask(2)
    predicted = again.predict([{"x": 0.5, "kind": "a"}], outcome="cost")
    assert predicted[0].mean == pytest.approx(5.5, abs=0.2)
    for figure in (again.plot_progress(), again.plot_pareto_front(), again.plot_effects(2, "ph")):
        assert figure.axes
        figure.savefig(tmp_path / "figure.png")


@pytest.mark.parametrize(
    ("given_goals", "message"),
    [
        ({"thresholds": {"purity": 1.0}}, "a threshold of 'purity', which is no objective"),
        ({"outcome_constraints": {"cost": (None, None)}}, "cost within"),
        ({"outcome_constraints": {"cost": 3}}, "cost within 3"),
        ({"outcome_constraints": {"cost": (5.0, 1.0)}}, "cost within"),
        ({"thresholds": {"yield": float("nan")}}, "yield: threshold nan"),
    ],
)
def test_goals_that_cannot_be_are_refused(given_goals: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Optimizer({"x": (0.0, 1.0)}, {"yield": "maximise", "waste": "minimise"}, **given_goals)


def test_a_row_without_an_outcome_is_refused_and_a_missing_one_is_taken() -> None:
    optimizer = Optimizer({"x": (0.0, 1.0)}, {"yield": "maximise", "waste": "minimise"})
    with pytest.raises(ValueError, match="row 1 has no waste"):
        optimizer.tell({"x": 0.5, "yield": 1.0})
    optimizer.tell({"x": 0.5, "yield": None, "waste": 2.0})
    assert optimizer.observations[0].outcomes == {"waste": 2.0}
