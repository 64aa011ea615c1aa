"""Which parameters matter: the effect of each on the objective, as the model sees it, with its uncertainty."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from optimizer.encoding import Encoding, Rows
from optimizer.propose import learn
from protocols.conditions import Observation, Value
from protocols.parameters import SearchSpace

_BASE_EXPONENT = 5
_VALUES = 9
_DRAWS = 300
_LOW, _HIGH = 0.05, 0.95


class Share(NamedTuple):
    """A share of the objective's variance over the search space, 0..1: its median and where it lies with 90 %."""

    median: float
    low: float
    high: float


class Effect(NamedTuple):
    """What one parameter does.

    `values` are levels of it, or points of its range. `mean` and `sd` are the objective at each of them, averaged over
    the other parameters. `alone` is the share of the variance that it explains by itself (first-order Sobol index),
    `in_all` the share with every interaction in which it takes part (total index).
    """

    parameter: str
    values: tuple[Value, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    alone: Share
    in_all: Share


class PairEffect(NamedTuple):
    """What two parameters do together.

    `mean` and `sd` (one row a value of the first, one column a value of the second) are the objective, averaged over
    the other parameters.
    """

    first: str
    second: str
    first_values: tuple[Value, ...]
    second_values: tuple[Value, ...]
    mean: tuple[tuple[float, ...], ...]
    sd: tuple[tuple[float, ...], ...]


def pair_effect(
    space: SearchSpace, observations: Sequence[Observation], first: str, second: str, seed: int = 0
) -> PairEffect | None:
    """What two parameters do together, over up to nine values of each; None with too little to learn from.

    Arguments and errors as for `effects`.

    Raises:
        KeyError: there is no such parameter.
    """
    learnt = learn(space, observations)
    if learnt is None:
        return None
    encoding, _, model = learnt
    places = {name: index for index, name in enumerate(space.by_name)}
    one, two = places[first], places[second]
    across, down = encoding.grid(one, _VALUES), encoding.grid(two, _VALUES)
    pairs = np.stack(np.meshgrid(across, down, indexing="ij"), axis=-1).reshape(-1, 2)
    base = _base(encoding, seed)
    rows = np.repeat(base, len(pairs), axis=0)
    rows[:, [one, two]] = np.tile(pairs, (len(base), 1))
    drawn = model.functions(_DRAWS, seed)(encoding.features(rows))
    surfaces = drawn.reshape(_DRAWS, len(base), len(across), len(down)).mean(axis=1)
    return PairEffect(
        first,
        second,
        _values(encoding, one, across),
        _values(encoding, two, down),
        tuple(map(tuple, surfaces.mean(axis=0).tolist())),
        tuple(map(tuple, surfaces.std(axis=0).tolist())),
    )


def effects(space: SearchSpace, observations: Sequence[Observation], seed: int = 0) -> list[Effect]:
    """The effect of each parameter, the most important first; empty when there is too little to learn from.

    Each of 32 conditions, spread over the space, is taken through up to nine values of each parameter; of 300
    functions drawn from the model's posterior the means and variances are taken (for the indices see Saltelli et
    al. 2010, Computer Physics Communications 181, 259-270).

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        seed: decides the conditions and the draws.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    learnt = learn(space, observations)
    if learnt is None:
        return []
    encoding, _, model = learnt
    base = _base(encoding, seed)
    grids = [encoding.grid(index, _VALUES) for index in range(len(space.parameters))]
    blocks = []
    for index, grid in enumerate(grids):
        block = np.repeat(base, len(grid), axis=0)
        block[:, index] = np.tile(grid, len(base))
        blocks.append(block)
    draws = model.functions(_DRAWS, seed)(encoding.features(np.vstack([base, *blocks])))
    variance = np.maximum(draws.var(axis=1), 1e-12)
    found = []
    begin = len(base)
    for index, (parameter, grid) in enumerate(zip(space.parameters, grids, strict=True)):
        length = len(base) * len(grid)
        block = draws[:, begin : begin + length].reshape(_DRAWS, len(base), len(grid))
        begin += length
        curves = block.mean(axis=1)
        found.append(
            Effect(
                parameter=parameter.name,
                values=_values(encoding, index, grid),
                mean=tuple(curves.mean(axis=0).tolist()),
                sd=tuple(curves.std(axis=0).tolist()),
                alone=_share(curves.var(axis=1) / variance),
                in_all=_share(block.var(axis=2).mean(axis=1) / variance),
            )
        )
    return sorted(found, key=lambda effect: -effect.in_all.median)


def _base(encoding: Encoding, seed: int) -> Rows:
    """Conditions spread over the space, in which parameters are then set."""
    number = len(encoding.space.parameters)
    points = qmc.Sobol(number, rng=np.random.default_rng(seed)).random_base2(_BASE_EXPONENT)
    return encoding.from_unit_cube(points, [{}] * len(points))


def _values(encoding: Encoding, index: int, entries: NDArray[np.float64]) -> tuple[Value, ...]:
    """The values of the parameter at `index` that entries of its column stand for."""
    rows = np.zeros((len(entries), len(encoding.space.parameters)))
    rows[:, index] = entries
    name = encoding.space.parameters[index].name
    return tuple(condition[name] for condition in encoding.conditions(rows))


def _share(values: NDArray[np.float64]) -> Share:
    low, median, high = np.quantile(np.clip(values, 0.0, 1.0), [_LOW, 0.5, _HIGH])
    return Share(float(median), float(low), float(high))
