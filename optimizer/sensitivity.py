"""Which parameters matter: the effect of each on the objective, with its uncertainty."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from SALib.analyze import sobol
from SALib.sample import sobol as saltelli
from scipy.special import expit, logit
from scipy.stats import qmc

from optimizer.cross_validation import cross_validate, r_squared
from optimizer.encoding import Encoding, Rows
from optimizer.fitting import fit
from optimizer.marginal_tests import MarginalTest, marginal_tests
from optimizer.model import PosteriorSamples
from protocols.conditions import Observation, Value
from protocols.search_space import SearchSpace

_BASE_EXPONENT = 5  # 2^5 base conditions
_MAX_VALUES = 9
_SAMPLES = 256
_BASE_POINTS = 512
_RESOLUTION = 0.01  # the least upper end of an index
_INTERVAL = (0.05, 0.95)
_WELL_EXPLAINED = 0.875  # R squared of held-out results
_WIDER = 1.6  # total-order intervals, for each 1 that it is less
_NEAR_ENDS = 1e-4  # a share, so that its logit is finite
_KEPT = 6  # of the campaigns that were asked for last


class SobolIndex(NamedTuple):
    """A share of what the model explains, 0..1: median and 90 % interval.

    That is of the variance of the true values over the search space; how much of the variance of
    results the model explains is another matter (`r_squared`).
    """

    median: float
    low: float
    high: float


class Effect(NamedTuple):
    """What one parameter does.

    `values` are levels of it, or points of its range. `mean` and `sd` are the objective at each of
    them, in its own unit, averaged over the other parameters. `first_order` is the share of the
    variance of the modelled function that the parameter has by itself, `total_order` the share with
    every interaction in which it takes part. `without_model` is what the results of conditions that
    were spread over the space say by themselves, where there are enough of them.
    """

    parameter: str
    values: tuple[Value, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    first_order: SobolIndex
    total_order: SobolIndex
    without_model: MarginalTest | None = None


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

    Indices are those of functions drawn from a posterior in which each parameter may also do
    nothing (`optimizer.model.relevance`), over values that are uniform on each parameter's own
    scale and independent of each other: constraints are not regarded. Each function has the
    estimators of Saltelli et al. (2010, Computer Physics Communications 181, 259-270), by SALib,
    on a bootstrap sample of 512 base points, so that intervals hold what is unknown of the
    function and the error of the estimator (Le Gratiet, Cannamela and Iooss 2014, SIAM/ASA Journal
    on Uncertainty Quantification 2, 336-363). Of a function that is constant all are 0.

    Where held-out results are poorly explained (R squared below 0.875), the model misses an
    interaction and gives its share to main effects: there the ends of total-order intervals lie
    farther from the median, on a logit scale by 16 % for each 0.1 that R squared is less.

    First-order indices sum to at most 1, and what is left are interactions. Total-order indices
    sum to 1 or more, since an interaction counts for each parameter that takes part.

    Args:
        space: the parameters and what each of them allows.
        observations: what is known so far.
        seed: decides the base points, the chains and the functions.

    Returns: one entry a parameter; empty with fewer than two usable observations.

    Raises:
        ValueError: a condition has a value that is not allowed.
    """
    return list(_effects(space, tuple(observations), seed))


@lru_cache(maxsize=_KEPT)  # pages, figures and reports of a campaign ask for the same
def _effects(
    space: SearchSpace, observations: tuple[Observation, ...], seed: int
) -> tuple[Effect, ...]:
    fitted = fit(space, observations)
    if fitted is None:
        return ()
    encoding, _, model = fitted
    samples, relevant = model.selecting_samples(_SAMPLES, seed)
    first, total = _indices(encoding, samples, relevant, seed)
    explained = max(0.0, r_squared(cross_validate(space, observations)))
    width = 1 + _WIDER * max(0.0, _WELL_EXPLAINED - explained)
    base = _base_conditions(encoding, seed)
    tests = marginal_tests(space, observations, seed)
    found = []
    for index, parameter in enumerate(space.parameters):
        grid = encoding.grid(index, _MAX_VALUES)
        values = samples(encoding.features(_varied(base, index, grid)))
        curves = values.reshape(_SAMPLES, len(base), len(grid)).mean(axis=1)
        found.append(
            Effect(
                parameter=parameter.name,
                values=_values(encoding, index, grid),
                mean=tuple(curves.mean(axis=0).tolist()),
                sd=tuple(curves.std(axis=0).tolist()),
                first_order=_sobol_index(first[:, index]),
                total_order=_sobol_index(total[:, index], width),
                without_model=tests.get(parameter.name),
            )
        )
    found.sort(key=lambda e: (-e.total_order.median, -e.total_order.high, -e.total_order.low))
    return tuple(found)


def _indices(
    encoding: Encoding, samples: PosteriorSamples, relevant: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First- and total-order indices (functions x p) of each function."""
    number = len(encoding.space.parameters)
    names = list(encoding.space.by_name)
    problem = {"num_vars": number, "names": names, "bounds": [[0.0, 1.0]] * number}
    points = saltelli.sample(problem, _BASE_POINTS, calc_second_order=False, seed=seed)
    rows = encoding.from_unit_cube(points, [{}] * len(points))
    values = samples(encoding.features(rows))
    rounding = 1e-13 * np.abs(values).max()
    values -= values.mean(axis=1, keepdims=True)
    # SALib takes values with little variance, such as moles, for constant ones.
    values /= np.maximum(values.std(axis=1, keepdims=True), rounding)
    blocks = values.reshape(len(values), _BASE_POINTS, number + 2).transpose(1, 0, 2)
    picks = np.random.default_rng([seed, 5]).integers(_BASE_POINTS, size=blocks.shape[:2])
    blocks = np.take_along_axis(blocks, picks[:, :, None], axis=0)
    a, b = blocks[:, :, 0], blocks[:, :, -1]
    first, total = np.zeros(relevant.shape), np.zeros(relevant.shape)
    for index in range(number):
        # Where none matters a function is constant but for rounding.
        which = relevant[:, index]
        if which.any():
            swapped = blocks[:, which, index + 1]
            first[which, index] = sobol.first_order(a[:, which], swapped, b[:, which])
            total[which, index] = sobol.total_order(a[:, which], swapped, b[:, which])
    return first, total


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


def _sobol_index(samples: NDArray[np.float64], width: float = 1.0) -> SobolIndex:
    """Median and interval, its ends `width` times as far from the median on a logit scale."""
    first, last = _INTERVAL
    low, median, high = np.quantile(np.clip(samples, 0.0, 1.0), [first, 0.5, last])
    if median > 0 and width > 1:
        low_, middle, high_ = logit(np.clip([low, median, high], _NEAR_ENDS, 1 - _NEAR_ENDS))
        # Where functions do without the parameter the interval begins at 0 as before.
        low = min(median, expit(middle + width * (low_ - middle))) if low > 0 else 0.0
        high = max(median, expit(middle + width * (high_ - middle)))
    # A parameter that hardly matters may be left out of every function.
    return SobolIndex(float(median), float(low), max(float(high), _RESOLUTION))
