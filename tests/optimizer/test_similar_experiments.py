"""Results of similar experiments: learnt from as far as they are alike, never taken for our own."""

from pathlib import Path

import numpy as np
import pytest

from optimizer import Optimizer, cross_validate, predict, propose, recommend
from optimizer.fitting import fit
from protocols.conditions import Condition, Observation
from protocols.parameters import ContinuousParameter
from protocols.search_space import SearchSpace

SPACE = SearchSpace(
    parameters=tuple(
        ContinuousParameter(name=name, step="A", kind="continuous", low=0, high=1)
        for name in ("x", "y", "z")
    )
)


def truth(condition: Condition) -> float:
    x, y, z = (float(condition[name]) for name in "xyz")
    return float(np.sin(5 * x) * (1 - y) + np.cos(4 * z * y))


def unlike(condition: Condition) -> float:
    x, y, z = (float(condition[name]) for name in "xyz")
    return float(np.cos(9 * z) + (y - 0.3) ** 2 - x * y)


def conditions(number: int, seed: int) -> list[Condition]:
    points = np.random.default_rng(seed).random((number, 3))
    return [Condition(dict(zip("xyz", point.tolist(), strict=True))) for point in points]


def own(number: int = 10) -> list[Observation]:
    return [
        Observation(condition=c, value=truth(c), round=1 + n // 5)
        for n, c in enumerate(conditions(number, 1))
    ]


def of_another(function=truth, scale: float = 300.0) -> list[Observation]:  # type: ignore[no-untyped-def]
    """On another scale, in rounds that are called as ours are."""
    return [
        Observation(condition=c, value=5000 + scale * function(c), round=1 + n // 25, study="HEK")
        for n, c in enumerate(conditions(50, 2))
    ]


def error(known: list[Observation]) -> float:
    found = predict(SPACE, known, conditions(60, 3))
    return float(np.sqrt(np.mean([(p.mean - truth(p.condition)) ** 2 for p in found])))


def test_a_similar_experiment_on_another_scale_helps() -> None:
    assert error([*own(), *of_another()]) < 0.4 * error(own())


def test_an_unlike_one_does_no_harm() -> None:
    assert error([*own(30), *of_another(unlike)]) < 1.2 * error(own(30))


def test_answers_are_of_our_own_experiment() -> None:
    known = [*of_another(), *own()]
    found = recommend(SPACE, known, seed=1)
    assert found is not None
    assert -2 < found.mean < 3
    held_out = cross_validate(SPACE, known)
    assert [h.value for h in held_out] == [o.value for o in own()]
    fitted = fit(SPACE, known)
    assert fitted is not None
    assert len(fitted.observed) == len(fitted.model.outliers) == 10
    samples = fitted.model.posterior_samples(2000, 1)(fitted.encoding.features(fitted.observed))
    means, sds = fitted.model.predict(fitted.encoding.features(fitted.observed))
    assert samples.mean(axis=0) == pytest.approx(means, abs=0.1)
    assert (sds < 0.5).all()
    _, relevant = fitted.model.selecting_samples(64, 1)
    assert relevant.shape == (64, 3)


def test_what_was_tried_elsewhere_is_not_tried_here() -> None:
    everywhere = [o.model_copy(update={"study": ""}) for o in of_another()]
    space = SearchSpace(parameters=SPACE.parameters)
    again = propose(space, [*own(), *of_another()], number=4, seed=1)
    assert all("once more" not in proposal.reason for proposal in again)
    first = propose(space, of_another(), number=4, seed=1)
    assert {proposal.role for proposal in first} == {"initial"}
    assert first == propose(space, [], number=4, seed=1)
    assert propose(space, everywhere, number=4, seed=1) != first


def test_other_strategies_learn_from_our_own_results_alone() -> None:
    for strategy in ("sobol", "qlognei", "thompson"):
        alone = propose(SPACE, own(), number=2, seed=1, strategy=strategy)
        beside = propose(SPACE, [*own(), *of_another()], number=2, seed=1, strategy=strategy)
        same = [p.condition for p in alone] == [p.condition for p in beside]
        # Thompson sampling has the default model.
        assert same == (strategy != "thompson")


def test_ask_and_tell_takes_results_of_a_similar_experiment(tmp_path: Path) -> None:
    made = Optimizer(dict.fromkeys("xyz", (0.0, 1.0)), seed=2)
    made.tell([{**c.root, "value": 9 + truth(c)} for c in conditions(40, 2)], study="HEK")
    for _ in range(2):
        made.tell([{**c, "value": truth(Condition(c))} for c in made.ask(5)])
    assert [o.round for o in made.observations if not o.study] == [1] * 5 + [2] * 5
    assert not made.pending
    made.save(tmp_path / "study.json")
    again = Optimizer.load(tmp_path / "study.json")
    assert again.observations == made.observations
    assert again.recommend() == made.recommend()
    assert made.recommend().mean < 5
