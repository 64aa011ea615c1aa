"""Causal discovery: causal order and graph of variables measured, or set, in the same wells.

Post-nonlinear model: each variable is g(f(its causes) + noise), with g increasing and noise
independent of the causes. The search removes one sink after another, the variable whose noise
depends least on all others, and then prunes (Uemura et al. 2022, "A Multivariate Causal Discovery
based on Post-Nonlinear Model"). Two things differ from that paper: g increases by construction, so
that no decoder has to keep it invertible; and the simplest of three models (linear, additive,
post-nonlinear) whose noise is independent is the one that counts.
"""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import gamma, norm, rankdata

from optimizer.single_thread import single_threaded

Array = NDArray[np.float64]

_MIN_ROWS = 50
_SIGNIFICANCE = 0.05
_MODELS = ("linear", "additive", "post-nonlinear")
_MAX_TRAINED = 1000
_MAX_TESTED = 500

_HIDDEN_UNITS = 16
_LIKELIHOOD_STEPS = 150
_DEPENDENCE_STEPS = 150
_LEARNING_RATE = 0.03
_FOURIER_FEATURES = 64


class CausalGraph(NamedTuple):
    """A causal order (indices of variables, causes first) and a graph (variables x variables).

    `graph[i, j]` says that i causes j.
    """

    order: tuple[int, ...]
    graph: NDArray[np.bool_]


class _SinkTest(NamedTuple):
    """The model of a variable, by its index in `_MODELS`, and the p value of its independence."""

    model: int
    p: float

    @property
    def rank(self) -> tuple[int, float]:
        """Higher is a better sink: independent with a simple model, then by p value."""
        if self.p > _SIGNIFICANCE:
            return len(_MODELS) - self.model, self.p
        return 0, self.p


_SinkTests = dict[tuple[int, tuple[int, ...]], _SinkTest]


def discover_causes(data: Array, fixed: Collection[int] = (), seed: int = 0) -> CausalGraph:
    """The causal order and graph of the columns of `data`.

    Args:
        data: measured values (n x variables), one row a well, in any units; the wells should be as
            alike as those of one round.
        fixed: columns that somebody set, such as the parameters of a design: nothing causes them.
        seed: decides how the wells are split and where the models start.

    Raises:
        ValueError: there are fewer than 50 rows or two columns, a value is missing, or a column is
            constant.
    """
    rows, count = data.shape
    constant = (data.std(axis=0) == 0).any()
    if rows < _MIN_ROWS or count < 2 or not np.isfinite(data).all() or constant:
        raise ValueError(
            f"{rows} x {count} values (expected 50 or more rows, two or more columns that vary, "
            "none missing)"
        )
    wells = _Wells(data, seed)
    tests: _SinkTests = {}
    order = _causal_order(wells, count, fixed, tests)
    graph = np.zeros((count, count), dtype=bool)
    for index, sink in enumerate(order):
        if sink not in fixed:
            candidates = tuple(sorted(order[:index]))
            graph[list(_pruned(wells, sink, candidates, tests)), sink] = True
    return CausalGraph(tuple(order), graph)


def _causal_order(
    wells: "_Wells", count: int, fixed: Collection[int], tests: _SinkTests
) -> list[int]:
    """Variables, causes first. Each test that was made is added to `tests`."""
    free = [index for index in range(count) if index not in fixed]
    roots = [index for index in range(count) if index in fixed]
    order: list[int] = []
    while len(free) + len(roots) > 1 and free:
        others = {sink: tuple(sorted({*free, *roots} - {sink})) for sink in free}
        for sink in free:
            tests[sink, others[sink]] = wells.test_sink(sink, others[sink])
        ranks = {sink: tests[sink, others[sink]].rank for sink in free}
        sink = max(free, key=ranks.__getitem__)
        order.insert(0, sink)
        free.remove(sink)
    return [*roots, *free, *order]


def _pruned(
    wells: "_Wells", sink: int, parents: tuple[int, ...], tests: _SinkTests
) -> tuple[int, ...]:
    """Those of the parents without which the noise of `sink` depends on what was left out."""
    best = tests.get((sink, parents))
    if best is None:
        best = wells.test_sink(sink, parents) if parents else _SinkTest(0, 1.0)
    # The least dependent first.
    for parent in sorted(parents, key=lambda other: -wells.pairwise_p(sink, other)):
        fewer = tuple(other for other in parents if other != parent)
        if fewer:
            p = wells.test_sink(sink, (*fewer, parent), inputs=fewer, max_model=best.model).p
        else:
            p = wells.pairwise_p(sink, parent)
        if p > _SIGNIFICANCE:
            parents = fewer
    return parents


def edge_stability(
    data: Array, fixed: Collection[int] = (), draws: int = 20, seed: int = 0
) -> Array:
    """In which share of resamples (0..1) each edge is found (variables x variables).

    Arguments and errors as for `discover_causes`.

    Args:
        data: measured values (n x variables).
        fixed: columns that somebody set.
        draws: how many resamples, each half of the rows but at least 50, without replacement.
        seed: decides the resamples and the search in each.
    """
    rng = np.random.default_rng(seed)
    size = max(len(data) // 2, _MIN_ROWS)
    graphs = []
    for draw in range(draws):
        resample = data[rng.permutation(len(data))[:size]]
        graphs.append(discover_causes(resample, fixed, seed + draw).graph)
    return np.asarray(np.mean(graphs, axis=0))


class _Wells:
    """Values as normal scores and standardised (n x variables); half train, the other half test."""

    def __init__(self, data: Array, seed: int) -> None:
        self._scores = norm.ppf(rankdata(data, axis=0) / (len(data) + 1))
        self._standardised = (data - data.mean(axis=0)) / data.std(axis=0)
        self._seed = seed
        order = np.random.default_rng([seed, 7]).permutation(len(data))
        half = len(data) // 2
        self._train, self._test = order[:half][:_MAX_TRAINED], order[half:][:_MAX_TESTED]

    def pairwise_p(self, one: int, other: int) -> float:
        """The p value of independence of two variables."""
        scores = self._scores[self._test]
        return hsic_p_value(scores[:, [one]], scores[:, [other]])

    def test_sink(
        self,
        sink: int,
        others: Sequence[int],
        inputs: Sequence[int] | None = None,
        max_model: int = len(_MODELS) - 1,
    ) -> _SinkTest:
        """The simplest model of a variable whose noise is independent of `others`.

        Where none is, the one with the highest p value.

        Args:
            sink: the variable.
            others: the variables of which its noise should be independent.
            inputs: the variables that the model may use; None: `others`.
            max_model: the last of `_MODELS` that is tried.
        """
        inputs = list(others if inputs is None else inputs)
        scores = self._scores[:, list(others)]
        best = _SinkTest(0, 0.0)
        for model in range(max_model + 1):
            if _MODELS[model] == "linear":
                residual = self._linear_residual(sink, inputs)
            else:
                post_nonlinear = _MODELS[model] == "post-nonlinear"
                residual = self._network_residual(sink, inputs, list(others), post_nonlinear)
            p = hsic_p_value(residual[self._test, None], scores[self._test])
            found = _SinkTest(model, p)
            if found.p > _SIGNIFICANCE:
                return found
            best = max(best, found, key=lambda test: test.p)
        return best

    def _linear_residual(self, sink: int, inputs: Sequence[int]) -> Array:
        values = self._standardised[:, sink]
        design = np.column_stack([self._standardised[:, inputs], np.ones(len(values))])
        weights = np.linalg.lstsq(design[self._train], values[self._train], rcond=None)[0]
        return np.asarray(values - design @ weights)

    def _network_residual(
        self, sink: int, inputs: Sequence[int], others: Sequence[int], post_nonlinear: bool
    ) -> Array:
        """Noise of every row (n) after a smooth f, and a g that increases or is the identity."""
        generator = torch.Generator().manual_seed(self._seed * 1009 + sink)
        values = (self._scores if post_nonlinear else self._standardised)[:, sink]
        with single_threaded(), torch.enable_grad():
            return _fit_residual(
                values=torch.as_tensor(values),
                inputs=torch.as_tensor(self._scores[:, inputs]),
                others=torch.as_tensor(self._scores[:, others]),
                train=torch.as_tensor(self._train),
                post_nonlinear=post_nonlinear,
                generator=generator,
            )


class _Network:
    """noise = g^-1(y) - f(x): f a network with one hidden layer, g^-1 a sum of increasing tanhs."""

    def __init__(self, width: int, post_nonlinear: bool, generator: torch.Generator) -> None:
        def initial(*shape: int, scale: float = 1.0) -> torch.Tensor:
            start = torch.randn(*shape, generator=generator, dtype=torch.float64)
            return (scale * start).requires_grad_()

        self._hidden = initial(width, _HIDDEN_UNITS, scale=1 / math.sqrt(width))
        self._bias = initial(_HIDDEN_UNITS)
        self._output = initial(_HIDDEN_UNITS, scale=0.1)
        self._skip = initial(width, scale=0.1)
        self._heights = initial(_HIDDEN_UNITS, scale=0.1)
        self._steepness = initial(_HIDDEN_UNITS, scale=0.3)
        self._centres = initial(_HIDDEN_UNITS, scale=1.5)
        self._post_nonlinear = post_nonlinear

    @property
    def parameters(self) -> list[torch.Tensor]:
        of_f = [self._hidden, self._bias, self._output, self._skip]
        of_g = [self._heights, self._steepness, self._centres]
        return of_f + of_g if self._post_nonlinear else of_f

    def noise(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise and log derivative of g^-1 (n each) at causes x (n x a) and values y (n)."""
        f = torch.tanh(x @ self._hidden + self._bias) @ self._output + x @ self._skip
        if not self._post_nonlinear:
            return y - f, torch.zeros_like(y)
        softplus = torch.nn.functional.softplus
        steepness = softplus(self._steepness) + 0.1
        tanh = torch.tanh((y[:, None] - self._centres) * steepness)
        heights = softplus(self._heights - 1)
        derivative = 0.3 + ((1 - tanh**2) * steepness * heights).sum(dim=1)
        return 0.3 * y + (tanh * heights).sum(dim=1) - f, derivative.log()


def _fit_residual(
    values: torch.Tensor,
    inputs: torch.Tensor,
    others: torch.Tensor,
    train: torch.Tensor,
    post_nonlinear: bool,
    generator: torch.Generator,
) -> Array:
    """Noise (n) of values (n), after a network of inputs (n x a) was fitted to the rows `train`."""
    network = _Network(inputs.shape[1], post_nonlinear, generator)
    width = others.shape[1]
    noise_frequencies = torch.randn(_FOURIER_FEATURES, generator=generator, dtype=torch.float64)
    frequencies = torch.randn(width, _FOURIER_FEATURES, generator=generator, dtype=torch.float64)
    others_features = _fourier_features(others[train], frequencies / math.sqrt(width))
    optimiser = torch.optim.Adam(network.parameters, lr=_LEARNING_RATE)
    for step in range(_LIKELIHOOD_STEPS + _DEPENDENCE_STEPS):
        optimiser.zero_grad()
        noise, log_derivative = network.noise(inputs[train], values[train])
        standardised = (noise - noise.mean()) / _sd(noise)
        # First as if the noise were normal (the mutual information of noise and causes is the same
        # up to a constant), then dependence itself, as HSIC in random features.
        loss = _sd(noise).log() - log_derivative.mean()
        if step >= _LIKELIHOOD_STEPS:
            features = _fourier_features(standardised[:, None], noise_frequencies[None, :])
            dependence = ((features.T @ others_features / len(train)) ** 2).sum()
            loss = 0.1 * loss + 10 * dependence
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    every = torch.arange(len(values))
    with torch.no_grad():
        return np.asarray(network.noise(inputs[every], values[every])[0].numpy())


def _sd(noise: torch.Tensor) -> torch.Tensor:
    return noise.std().clamp_min(1e-9)


def _fourier_features(x: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """Centred random Fourier features of a Gaussian kernel (Rahimi and Recht 2007)."""
    angles = x @ frequencies
    features = torch.cat([angles.cos(), angles.sin()], dim=1) / math.sqrt(_FOURIER_FEATURES)
    return features - features.mean(dim=0)


def hsic_p_value(left: Array, right: Array) -> float:
    """The p value of the independence of two sets of columns (n x a and n x b, n > 5).

    The Hilbert-Schmidt independence criterion with Gaussian kernels, by its gamma approximation
    (Gretton et al. 2007, "A Kernel Statistical Test of Independence").
    """
    left_kernel, right_kernel = _gaussian_kernel(left), _gaussian_kernel(right)
    n = len(left_kernel)
    centring = np.eye(n) - 1 / n
    left_centred = centring @ left_kernel @ centring
    right_centred = centring @ right_kernel @ centring
    statistic = (left_centred * right_centred).sum() / n

    product = (left_centred * right_centred / 6) ** 2
    variance = (product.sum() - np.trace(product)) / n / (n - 1)
    variance *= 72 * (n - 4) * (n - 5) / n / (n - 1) / (n - 2) / (n - 3)
    left_mean, right_mean = _off_diagonal_mean(left_kernel), _off_diagonal_mean(right_kernel)
    mean = (1 + left_mean * right_mean - left_mean - right_mean) / n
    return float(gamma.sf(statistic, mean**2 / variance, scale=variance * n / mean))


def _off_diagonal_mean(kernel: Array) -> float:
    n = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def _gaussian_kernel(columns: Array) -> Array:
    """Kernel (n x n) of standardised columns, its width the median squared distance."""
    standardised = (columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-12)
    squares = (standardised**2).sum(axis=1)
    products = 2 * standardised @ standardised.T
    squared_distances = np.maximum(squares[:, None] + squares[None, :] - products, 0)
    width = np.median(squared_distances[squared_distances > 0])
    return np.asarray(np.exp(-squared_distances / width))
