"""The optimiser in a script: asked, told, saved, and what it refuses."""

from pathlib import Path

import pandas as pd
import pytest

from optimizer.ask_tell import Optimizer
from protocols.constraints import LinearConstraint

SPACE = {"dose": (0.0, 10.0), "days": [4, 1, 2, 3], "medium": ["rich", "poor"]}


def growth(row: dict[str, float]) -> float:
    return (
        250.0
        - 10 * (row["dose"] - 3) ** 2
        - 20 * abs(row["days"] - 2)
        - 15 * (row["medium"] == "poor")
    )


def studied(rounds: int = 3, **options: object) -> Optimizer:
    optimizer = Optimizer(SPACE, seed=2, **options)  # type: ignore[arg-type]
    for _ in range(rounds):
        batch = pd.DataFrame(optimizer.ask(6))
        batch[optimizer.outcomes[0]] = [growth(row) for row in batch.to_dict("records")]
        optimizer.tell(batch)
    return optimizer


def test_the_best_is_drawn_after_each_batch_whose_results_come_together() -> None:
    optimizer = Optimizer({"dose": (0.0, 1.0)}, "growth", seed=1)
    for values in ((0.1, 0.4, 0.2), (0.3, 0.9)):
        optimizer.tell([{"dose": v, "growth": v} for v in values])
    [axes] = optimizer.plot_progress().axes
    [best] = [line for line in axes.lines if str(line.get_label()).startswith("best")]
    assert list(best.get_xdata()) == [3, 5]
    assert list(best.get_ydata()) == [0.4, 0.9]


def test_it_finds_what_is_best_on_any_scale() -> None:
    optimizer = studied(objectives="growth")
    best = optimizer.recommend(standard={"dose": 9, "days": 1, "medium": "poor"})
    assert growth(best.condition.root) > 240
    assert abs(best.mean - growth(best.condition.root)) < 25
    assert best.beats_standard is not None
    assert best.beats_standard > 0.95
    assert [observation.round for observation in optimizer.observations] == [1] * 6 + [2] * 6 + [
        3
    ] * 6
    assert optimizer.proposals[0].reason


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [("minimise", lambda v: v < -200), (("match", 100.0), lambda v: abs(v - 100) < 25)],
)
def test_low_values_and_a_target_are_wanted_too(wanted: object, reached: object) -> None:
    optimizer = studied(objectives={"growth": wanted})
    best = optimizer.recommend()
    assert reached(growth(best.condition.root))  # type: ignore[operator]
    assert abs(best.mean - growth(best.condition.root)) < 40


def test_what_was_asked_is_under_way_until_it_is_told() -> None:
    optimizer = studied(rounds=1)
    one, other = optimizer.ask()[0], optimizer.ask()[0]
    assert one != other
    assert len(optimizer.pending) == 2
    optimizer.tell({**one, "value": growth(one)})
    assert [condition.root for condition in optimizer.pending] == [other]
    assert optimizer.observations[-1].round == 1


def test_given_values_and_constraints_hold() -> None:
    rule = LinearConstraint(kind="linear", terms={"dose": 1, "days": 2}, at_most=9)
    optimizer = Optimizer(SPACE, constraints=[rule])
    for condition in optimizer.ask(5, given={"days": 4}):
        assert condition["days"] == 4
        assert condition["dose"] <= 1


def test_saved_and_loaded_it_goes_on_as_before(tmp_path: Path) -> None:
    optimizer = studied(rounds=2, objectives={"growth": ("match", 120.0)}, strategy="thompson")
    optimizer.ask(2)
    optimizer.save(tmp_path / "study.json")
    again = Optimizer.load(tmp_path / "study.json")
    assert again.ask(3) == optimizer.ask(3)
    assert again.recommend() == optimizer.recommend()
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(ValueError, match="is not a saved optimizer"):
        Optimizer.load(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"dose": 1, "days": 2, "value": 3}, "row 1 has no medium"),
        (
            {"dose": 11, "days": 2, "medium": "rich", "value": 3},
            r"row 1: dose=11 is not allowed \(expected 0 to 10",
        ),
        (
            {"dose": "1 mL", "days": 2, "medium": "rich", "value": 3},
            "row 1: dose=1 mL is not allowed",
        ),
        (
            {"dose": None, "days": 2, "medium": "rich", "value": 3},
            "row 1: dose=None is not allowed",
        ),
        ({"dose": 1, "days": 2, "medium": "rich", "value": "high"}, "row 1: value='high'"),
        ({"dose": 1, "days": 2, "medium": "rich", "value": float("inf")}, "finite"),
    ],
)
def test_a_row_that_cannot_be_is_refused_and_nothing_of_its_table_is_taken(
    row: dict[str, object], message: str
) -> None:
    optimizer = studied(rounds=1)
    with pytest.raises(ValueError, match=message):
        optimizer.tell([row, *optimizer.ask(1)])
    assert len(optimizer.observations) == 6


def test_what_cannot_be_a_study_is_refused() -> None:
    for space, objectives, message in (
        ({"dose": (0, 1)}, {"dose": "maximise"}, "is a parameter"),
        ({"dose": (0, 1)}, {"value": "raise"}, "no direction 'raise'"),
        ({"dose": (0, 1)}, {"value": "match"}, "expected a target"),
        ({"dose": (0, 1)}, {}, "there are no objectives"),
        ({"dose": "any"}, "value", r"expected \(low, high\)"),
    ):
        with pytest.raises(ValueError, match=message):
            Optimizer(space, objectives)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fewer than two results"):
        Optimizer(SPACE).recommend()


def test_failed_measurements_are_told_as_missing() -> None:
    optimizer = Optimizer(SPACE)
    optimizer.tell([{**condition, "value": None} for condition in optimizer.ask(3)])
    assert [observation.value for observation in optimizer.observations] == [None] * 3
    assert not optimizer.pending


def test_figures_show_the_study(tmp_path: Path) -> None:
    optimizer = studied(rounds=2)
    for figure in (
        optimizer.plot_progress(),
        optimizer.plot_effects(),
        optimizer.plot_calibration(),
    ):
        assert figure.axes
        figure.savefig(tmp_path / "figure.png")


def test_a_mixture_needs_no_standard_condition() -> None:
    whole = LinearConstraint(kind="linear", terms={"a": 1, "b": 1, "c": 1}, at_least=1, at_most=1)
    optimizer = Optimizer(
        dict.fromkeys("abc", (0.0, 1.0)), {"cost": "minimise"}, constraints=[whole], seed=3
    )
    for _ in range(3):
        batch = optimizer.ask(5)
        assert all(abs(sum(row.values()) - 1) < 1e-6 for row in batch)  # type: ignore[arg-type]
        optimizer.tell({**row, "cost": 3 * row["a"] + row["b"] + 2 * row["c"]} for row in batch)  # type: ignore[operator]
    assert float(optimizer.recommend().condition["b"]) > 0.8
