"""Plausible surfaces: before any result as is assumed, afterwards through the observations."""

import numpy as np
import pytest

import optimizer
from protocols.campaign import Campaign
from tests.optimizer.known_objective import observed_rising


@pytest.mark.parametrize("seed", range(5))
def test_a_surface_before_any_result_is_as_is_assumed(
    assay: Campaign, rpe: Campaign, seed: int
) -> None:
    for space in (assay.space, rpe.space):
        surface = optimizer.Surface(space, (), seed)
        conditions = [p.condition for p in optimizer.propose(space, [], number=400, seed=seed)]
        values = surface.truths(conditions)
        assert 0 < min(values) < max(values) < 1
        assert 0.02 < np.median(values) < 0.4
        assert surface.truths(conditions) == values
        assert optimizer.Surface(space, (), seed + 100).truths(conditions) != values
        assert surface.truths([]) == []


def test_surfaces_after_results_go_through_them_and_differ_elsewhere(assay: Campaign) -> None:
    observed = observed_rising(assay)
    conditions = [observation.condition for observation in observed]
    elsewhere = [p.condition for p in optimizer.propose(assay.space, observed, number=60, seed=2)]
    drawn = [optimizer.Surface(assay.space, observed, seed, (0.0, 1.0)) for seed in range(4)]
    off = np.array([surface.truths(conditions) for surface in drawn]) - [o.value for o in observed]
    assert np.abs(off).mean() < 0.05
    apart = [
        np.array([surface.truths(some) for surface in drawn]).std(axis=0)
        for some in (elsewhere, conditions)
    ]
    assert apart[0].max() > apart[1].mean() > 0


@pytest.mark.parametrize(("low", "height"), [(0.0, 0.4), (-300.0, 2500.0), (5.0, 0.001)])
def test_surfaces_after_results_exceed_the_best_by_the_same_on_any_scale(
    assay: Campaign, low: float, height: float
) -> None:
    known = observed_rising(assay)
    shown = [o.model_copy(update={"value": low + height * (o.value or 0)}) for o in known]
    conditions = [p.condition for p in optimizer.propose(assay.space, known, number=60, seed=2)]
    for seed in range(2):
        plain = np.array(optimizer.Surface(assay.space, known, seed).truths(conditions))
        other = np.array(optimizer.Surface(assay.space, shown, seed).truths(conditions))
        assert (other - low) / height == pytest.approx(plain, abs=0.02)


def test_surfaces_do_not_rise_to_the_top_of_a_range_that_nothing_came_near(assay: Campaign) -> None:
    little = [
        o.model_copy(update={"value": 0.012 * (o.value or 0)}) for o in observed_rising(assay)
    ]
    conditions = [p.condition for p in optimizer.propose(assay.space, little, number=60, seed=2)]
    drawn = [optimizer.Surface(assay.space, little, seed, (0.0, 1.0)) for seed in range(6)]
    highest = [max(surface.truths(conditions)) for surface in drawn]
    assert np.median(highest) < 0.05
    assert max(highest) < 0.3
