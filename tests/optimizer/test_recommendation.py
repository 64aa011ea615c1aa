import pytest

from benchmarks.forecasts import families
from benchmarks.reliability import campaign
from optimizer import best_tried, predict, recommend
from optimizer.objective import Objective
from protocols.campaign import Campaign
from tests.optimizer.known_objective import bowl, observed


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
    for standard, low, high in ((rpe.standards, 0.9, 1.0), ([recommended.condition], 0.0, 0.05)):
        best = recommend(rpe.space, observations, standard)
        assert best is not None
        assert best.beats_standard is not None
        assert low <= best.beats_standard <= high


def test_the_best_tried_condition_stands_beside_an_untried_one(rpe: Campaign) -> None:
    observations = observed(rpe)
    best = best_tried(rpe.space, observations)
    assert best is not None
    assert best.condition in {observation.condition for observation in observations}
    every = predict(rpe.space, observations, [o.condition for o in observations])
    assert best.mean == pytest.approx(max(prediction.mean for prediction in every), abs=0.02)
    lowest = best_tried(rpe.space, observations, Objective("minimise"))
    assert lowest is not None
    assert lowest.mean < best.mean
    assert best_tried(rpe.space, observations[:1]) is None


def test_an_interval_stays_within_the_natural_range(rpe: Campaign) -> None:
    best = best_tried(rpe.space, observed(rpe))
    assert best is not None
    low, high = best._replace(mean=1.06, sd=0.7).interval(0.9, (0.0, 1.0))
    assert (low, high) == (0.0, 1.0)
    low, high = best._replace(mean=3.0, sd=1.0).interval(0.9)
    assert low == pytest.approx(3 - 1.645, abs=1e-3)
    assert high == pytest.approx(3 + 1.645, abs=1e-3)


def test_of_noise_alone_nothing_is_surely_better_than_the_standard() -> None:
    *_, nothing = families(0)
    [said] = campaign(nothing, seed=3, rounds=1, wells=16)
    assert not said.better
    assert said.beats < 0.95
