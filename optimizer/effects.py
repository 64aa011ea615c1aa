"""Which parameters matter: the effect of each on the objective, with its uncertainty."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from optimizer.encoding import Encoding, Rows
from optimizer.fitting import fit
from protocols.conditions import Observation, Value
from protocols.search_space import SearchSpace

_BASE_EXPONENT = 5  # 2^5 base conditions
_MAX_VALUES = 9
_SAMPLES = 300
_INTERVAL = (0.05, 0.95)


class SobolIndex(NamedTuple):
    """A share of the objective's variance over the search space, 0..1: median and 90 % interval."""

    median: float
    low: float
    high: float


class Effect(NamedTuple):
    """What one parameter does.

    `values` are levels of it, or points of its range. `mean` and `sd` are the objective at each of
    them, in its own unit, averaged over the other parameters. `first_order` is the share of the
    variance that the parameter explains by itself, `total_order` the share with every interaction
    in which it takes part.
    """

    parameter: str
    values: tuple[Value, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    first_order: SobolIndex
    total_order: SobolIndex


class PairEffect(NamedTuple):
    """What two parameters do together.

    `mean` and `sd` (one row a value of the first, one column a value of the second) are the
    objective, in its own unit, averaged over the other parameters.
    """

    first: str
    second: str
    first_values: tuple[Value, ...]
    second_values: tuple[Value, ...]
    mean: tuple[tuple[float, ...], ...]
    sd: tuple[tuple[float, ...], ...]


def pair_effect(
    space: SearchSpace,
    observations: Sequence[Observation],
    first: str,
    second: str,
    seed: int = 0,
) -> PairEffect | None:
    """What two parameters do together, over up to nine values of each.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        first: the name of a parameter.
        second: the name of another.
        seed: decides the base conditions and the posterior samples.

    Returns: None with fewer than two usable observations.

    Raises:
        KeyError: there is no such parameter.
        ValueError: a condition has a value that is not allowed.
    """
    fitted = fit(space, observations)
    if fitted is None:
        return None
    encoding, _, model = fitted
    columns = {name: index for index, name in enumerate(space.by_name)}
    first_column, second_column = columns[first], columns[second]
    first_entries = encoding.grid(first_column, _MAX_VALUES)
    second_entries = encoding.grid(second_column, _MAX_VALUES)
    grid = np.meshgrid(first_entries, second_entries, indexing="ij")
    pairs = np.stack(grid, axis=-1).reshape(-1, 2)
    base = _base_conditions(encoding, seed)
    rows = np.repeat(base, len(pairs), axis=0)
    rows[:, [first_column, second_column]] = np.tile(pairs, (len(base), 1))
    values = model.posterior_samples(_SAMPLES, seed)(encoding.features(rows))
    shape = (_SAMPLES, len(base), len(first_entries), len(second_entries))
    surfaces = values.reshape(shape).mean(axis=1)
    return PairEffect(
        first=first,
        second=second,
        first_values=_values(encoding, first_column, first_entries),
        second_values=_values(encoding, second_column, second_entries),
        mean=tuple(map(tuple, surfaces.mean(axis=0).tolist())),
        sd=tuple(map(tuple, surfaces.std(axis=0).tolist())),
    )


def effects(space: SearchSpace, observations: Sequence[Observation], seed: int = 0) -> list[Effect]:
    """The effect of each parameter, the highest total-order Sobol index first.

    In each of 32 conditions, spread over the space, each parameter in turn takes up to nine
    values. Means and variances are those of 300 functions sampled from the model's posterior (for
    the indices see Saltelli et al. 2010, Computer Physics Communications 181, 259-270).

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        seed: decides the base conditions and the posterior samples.

    Returns: one entry a parameter; empty with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    fitted = fit(space, observations)
    if fitted is None:
        return []
    encoding, _, model = fitted
    base = _base_conditions(encoding, seed)
    grids = [encoding.grid(index, _MAX_VALUES) for index in range(len(space.parameters))]
    blocks = [_varied(base, index, grid) for index, grid in enumerate(grids)]
    rows = np.vstack([base, *blocks])
    samples = model.posterior_samples(_SAMPLES, seed)(encoding.features(rows))
    variance = np.maximum(samples.var(axis=1), 1e-12)
    ends = np.cumsum([len(base), *(len(block) for block in blocks)])
    found = []
    for index, (parameter, grid) in enumerate(zip(space.parameters, grids, strict=True)):
        block = samples[:, ends[index] : ends[index + 1]].reshape(_SAMPLES, len(base), len(grid))
        curves = block.mean(axis=1)
        found.append(
            Effect(
                parameter=parameter.name,
                values=_values(encoding, index, grid),
                mean=tuple(curves.mean(axis=0).tolist()),
                sd=tuple(curves.std(axis=0).tolist()),
                # Variance of the conditional mean, and mean of the conditional variance.
                first_order=_sobol_index(curves.var(axis=1) / variance),
                total_order=_sobol_index(block.var(axis=2).mean(axis=1) / variance),
            )
        )
    return sorted(found, key=lambda effect: -effect.total_order.median)


def _base_conditions(encoding: Encoding, seed: int) -> Rows:
    """Conditions (32 x p) spread over the space, in which parameters are then varied."""
    number = len(encoding.space.parameters)
    sobol = qmc.Sobol(number, rng=np.random.default_rng(seed))
    points = sobol.random_base2(_BASE_EXPONENT)
    return encoding.from_unit_cube(points, [{}] * len(points))


def _varied(base: Rows, index: int, grid: NDArray[np.float64]) -> Rows:
    """Each of the base conditions with every entry of the grid in one column."""
    rows = np.repeat(base, len(grid), axis=0)
    rows[:, index] = np.tile(grid, len(base))
    return rows


def _values(encoding: Encoding, index: int, entries: NDArray[np.float64]) -> tuple[Value, ...]:
    """The values of the parameter at `index` that entries of its column stand for."""
    parameter = encoding.space.parameters[index]
    return tuple(parameter.value_of(float(entry)) for entry in entries)


def _sobol_index(samples: NDArray[np.float64]) -> SobolIndex:
    low, high = _INTERVAL
    quantiles = np.quantile(np.clip(samples, 0.0, 1.0), [low, 0.5, high])
    return SobolIndex(low=float(quantiles[0]), median=float(quantiles[1]), high=float(quantiles[2]))
