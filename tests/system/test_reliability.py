"""What is said with a probability comes true as often: the benchmark of reliability in short."""

import numpy as np
import pytest

from benchmarks.beside_peers import Observations, measured
from benchmarks.effects import covered, trial
from benchmarks.forecasts import brier, claims, families
from benchmarks.forecasts import campaign as forecast_of
from benchmarks.functions import Function, hartmann6, levy7
from benchmarks.known_indices import REPORTED
from benchmarks.reliability import Said, campaign
from optimizer import Prediction, propose, recommend

_ROUNDS, _WELLS = 2, 16


@pytest.fixture(scope="module")
def said() -> list[Said]:
    """After each round of a campaign on each of ten families, on which no setting was chosen."""
    return [one for family in families(0) for one in campaign(family, 0, _ROUNDS, _WELLS, True)]


def test_better_than_the_standard_is_true_as_often_as_was_said(said: list[Said]) -> None:
    stated = np.array([one.beats for one in said])
    true = np.array([one.better for one in said], dtype=float)
    # Nearer than to say how often it is true on the whole, and right where it is sure.
    assert np.mean((stated - true) ** 2) < np.mean((true.mean() - true) ** 2)
    assert true[stated >= 0.95].mean() >= 0.8
    assert abs(stated.mean() - true.mean()) < 0.15


def test_of_noise_alone_nothing_is_said_to_be_sure(said: list[Said]) -> None:
    assert all(one.beats < 0.9 for one in said if one.family == "noise alone")


def test_intervals_of_the_recommended_condition_hold_its_true_value(said: list[Said]) -> None:
    # Of 20 intervals of 90 %, fewer than 15 has a probability of 0.01.
    assert sum(one.within for one in said) >= 15


def test_what_a_forecast_says_is_reached_is_reached_as_often() -> None:
    said = claims([forecast_of(family, 0, surfaces=0) for family in families(0)], by_rule=True)
    score, constant = brier(said)
    assert score < constant
    assert abs(said[:, 0].mean() - said[:, 1].mean()) < 0.15


@pytest.mark.parametrize("function", [hartmann6(), levy7()], ids=lambda function: function.name)
def test_they_hold_it_where_wells_are_noisy_and_no_condition_repeats(function: Function) -> None:
    held = 0
    for seed in range(5):
        known: Observations = []
        for number in (1, 2):
            batch = propose(function.space, known, number=12, seed=seed, rough=True)
            conditions = [proposal.condition for proposal in batch]
            known += measured(function, conditions, number, seed, noise_sd=0.15)
        best = recommend(function.space, known, seed=seed)
        assert best is not None
        low, high = Prediction(best.condition, best.mean, best.sd).interval(0.9)
        held += low <= function.truth(best.condition.root) <= high
    # Of five intervals of 90 %, fewer than 4 has a probability of 0.08.
    assert held >= 4


def test_intervals_of_effects_hold_the_indices_that_are_known() -> None:
    found = [trial(name, 0.2, seed=31) for name in REPORTED]
    held = [
        covered(found, None, order, zero) for order in ("first", "total") for zero in (False, True)
    ]
    assert sum(hits for hits, _ in held) >= 0.8 * sum(number for _, number in held)
    by_name = {one.family: one for one in found}
    assert by_name["additive"].r_squared > 0.8
    widths = np.subtract(by_name["additive"].high, by_name["additive"].low)
    assert np.median(widths) < 0.2


def test_they_hold_them_where_an_interaction_is_hardly_seen() -> None:
    found = [trial("ishigami", 0.1, seed) for seed in range(4)]
    assert max(one.r_squared for one in found) < 0.875
    hits, number = covered(found, None, "total", False)
    assert (hits, number) >= (10, 12)
