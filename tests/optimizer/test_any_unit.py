"""What a model says does not depend on the unit of an outcome: moles or nanomoles, cells or 1e6."""

import numpy as np
import pytest

import optimizer
from optimizer.surfaces import Surface
from protocols.conditions import Condition, Observation
from protocols.parameters import ContinuousParameter
from protocols.search_space import SearchSpace

SPACE = SearchSpace(
    parameters=[
        ContinuousParameter(name=name, step="s", kind="continuous", low=0, high=1)
        for name in ("strong", "weak")
    ]
)
RNG = np.random.default_rng(3)
POINTS = RNG.uniform(size=(20, 2))
NOISE = RNG.normal(0, 0.02, len(POINTS))


def _observations(unit: float) -> list[Observation]:
    """Values of about 1 to 3, in a unit."""
    return [
        Observation(
            condition=Condition({"strong": round(float(a), 3), "weak": round(float(b), 3)}),
            value=float(unit * (3 - 2 * (a - 0.7) ** 2 + 0.3 * b + error)),
            round=1,
        )
        for (a, b), error in zip(POINTS, NOISE, strict=True)
    ]


@pytest.mark.parametrize("unit", [1e-15, 1e-9, 1e6])
def test_effects_and_what_is_explained_are_the_same_in_every_unit(unit: float) -> None:
    ones, others = (_observations(each) for each in (1.0, unit))
    for found, expected in zip(
        optimizer.effects(SPACE, others), optimizer.effects(SPACE, ones), strict=True
    ):
        assert found.parameter == expected.parameter
        assert found.total_order == pytest.approx(expected.total_order, abs=1e-3)
        assert found.first_order == pytest.approx(expected.first_order, abs=1e-3)
    assert expected.total_order.median < 0.3
    explained = [
        optimizer.r_squared(optimizer.cross_validate(SPACE, each)) for each in (ones, others)
    ]
    assert explained[1] == pytest.approx(explained[0], abs=1e-3)
    assert 0.9 < explained[0] < 0.9999


@pytest.mark.parametrize("unit", [1e-15, 1e-9, 1e6])
def test_plausible_surfaces_are_the_same_in_every_unit(unit: float) -> None:
    conditions = [each.condition for each in _observations(1.0)]
    ones, others = (Surface(SPACE, _observations(each), seed=4) for each in (1.0, unit))
    assert np.array(others.truths(conditions)) / unit == pytest.approx(
        np.array(ones.truths(conditions)), rel=1e-3
    )


def test_nothing_is_explained_of_values_that_are_all_equal() -> None:
    equal = [each.model_copy(update={"value": 2.5e-9}) for each in _observations(1.0)]
    assert optimizer.r_squared(optimizer.cross_validate(SPACE, equal)) == 0.0
