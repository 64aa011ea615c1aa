"""How high a campaign will get: less is promised where most conditions are nearly the best."""

from collections.abc import Callable

import numpy as np
import pytest

import optimizer
from optimizer.attainable import Attainable, attainable, shape_of
from optimizer.fitting import fit
from protocols.conditions import Observation
from protocols.parameters import ContinuousParameter
from protocols.search_space import SearchSpace

_SPACE = SearchSpace(
    parameters=tuple(
        ContinuousParameter(name=name, step="A", kind="continuous", low=0, high=1, standard=0.5)
        for name in "abcd"
    )
)


def _peak(point: np.ndarray) -> float:
    """Its top is 1; of so few conditions at random none is near it."""
    return float(np.exp(-8 * ((point - 0.2) ** 2).sum()))


def _bowl(point: np.ndarray) -> float:
    """Its top is 1, and most conditions are nearly as good: the best of so few is at the top."""
    return float(1 - ((point - 0.45) ** 2).sum())


def _known(
    truth: Callable[[np.ndarray], float], rounds: int = 1, low: float = 0.0, height: float = 1.0
) -> list[Observation]:
    proposals = optimizer.propose(_SPACE, [], number=48, seed=3)
    noise = np.random.default_rng(4).normal(0, 0.03, 48)
    return [
        Observation(
            condition=proposal.condition,
            value=low + height * (truth(np.array([*proposal.condition.root.values()])) + error),
            round=1 + index * rounds // 48,
        )
        for index, (proposal, error) in enumerate(zip(proposals, noise, strict=True))
    ]


def _reach(known: list[Observation]) -> Attainable:
    fitted = fit(_SPACE, known)
    assert fitted is not None
    return attainable(shape_of(fitted, known))


def test_more_is_left_to_gain_of_a_peak_than_where_most_conditions_are_good() -> None:
    chances = []
    for truth in (_peak, _bowl):
        known = _known(truth)
        fitted = fit(_SPACE, known)
        assert fitted is not None
        shape = shape_of(fitted, known)
        chances.append(attainable(shape).exceeds(shape.best + 0.5 * shape.span))
        assert _reach(known).quantile(0.1) < 1 < _reach(known).quantile(0.9)
    assert chances[0] > 2 * chances[1]


def test_after_more_rounds_it_is_surer() -> None:
    first, third = (_reach(_known(_peak, rounds)) for rounds in (1, 3))
    assert third.scale < first.scale


@pytest.mark.parametrize(("low", "height"), [(-300.0, 2500.0), (5.0, 1e-6)])
def test_it_is_the_same_in_any_unit(low: float, height: float) -> None:
    plain, other = _reach(_known(_peak)), _reach(_known(_peak, low=low, height=height))
    assert (other.location - low) / height == pytest.approx(plain.location, abs=0.02)
    assert other.scale / height == pytest.approx(plain.scale, rel=0.05)


def test_surfaces_end_where_campaigns_get_to() -> None:
    known = _known(_peak)
    reach = _reach(known)
    everywhere = [p.condition for p in optimizer.propose(_SPACE, known, number=40, seed=9)]
    everywhere += [p.condition for p in optimizer.propose(_SPACE, [], number=400, seed=9)]
    surfaces = [optimizer.Surface(_SPACE, known, seed) for seed in range(8)]
    tops = np.array([max(surface.truths(everywhere)) for surface in surfaces])
    # Eight consecutive seeds are spread over the distribution; conditions miss the very top.
    assert tops.max() > reach.quantile(0.6)
    assert reach.quantile(0.05) < np.median(tops) < reach.quantile(0.8)
    assert tops.max() < reach.quantile(0.99) + 0.2 * reach.scale
