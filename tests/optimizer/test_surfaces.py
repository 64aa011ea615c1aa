"""Plausible surfaces: before any result as is assumed, afterwards through the observations."""

import numpy as np
import pytest

import optimizer
from optimizer.encoding import Rows
from optimizer.evolution import evolve
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


def test_surfaces_after_results_end_where_objectives_are_assumed_to_end(assay: Campaign) -> None:
    low = [o.model_copy(update={"value": 0.4 * (o.value or 0)}) for o in observed_rising(assay)]
    assert max(o.value or 0 for o in low) < 0.5
    encoding = optimizer.Encoding(assay.space)

    def highest(seed: int) -> float:
        surface = optimizer.Surface(assay.space, low, seed, (0.0, 1.0))

        def select(rows: Rows) -> Rows:
            return rows[np.argsort(surface.truths(encoding.conditions(rows)))[::-1][:20]]

        observed = encoding.rows([o.condition for o in low])
        rows = evolve(encoding, observed, select, np.random.default_rng(seed), 4, 0.6)
        return max(surface.truths(encoding.conditions(rows)))

    found = [highest(seed) for seed in range(4)]
    assert 0.8 < np.median(found) < 1
    assert max(found) < 1
