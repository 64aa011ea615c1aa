"""Causal discovery: causal order and graph of variables measured, or set, in the same wells.

Post-nonlinear model: each variable is g(f(its causes) + noise), with g increasing and noise
independent of the causes. The search removes one sink after another, the variable whose noise
depends least on all others (Uemura et al. 2022, "A Multivariate Causal Discovery based on
Post-Nonlinear Model"). Three things differ from that paper: g increases by construction, so that no
decoder has to keep it invertible; the simplest of three models (linear, additive, post-nonlinear)
whose noise is independent of all others for any variable is the one that counts; and edges are
pruned by F tests at a rate of false edges (see `causal_pruning`).

Where no model leaves independent noise, a hidden variable may act on both ends of an edge: that is
said in place of an arrow (as in Maeda and Shimizu 2020, "RCD: repetitive causal discovery").
"""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import gamma, norm, rankdata

from optimizer.causal_pruning import edge_tests, kept_edges, smooth_terms, without_blocks
from optimizer.single_thread import single_threaded

Array = NDArray[np.float64]

_MIN_ROWS = 50
_SIGNIFICANCE = 0.05
_HIDDEN = 0.001
_MODELS = ("linear", "additive", "post-nonlinear")
_MAX_TRAINED = 1000
_MAX_TESTED = 500
_MAX_TESTED_ALL = 600
_FITTED_EVERYWHERE = frozenset({"linear", "additive"})
"""So few coefficients are fitted that the wells of the fit can be tested too."""

_HIDDEN_UNITS = 16
_LIKELIHOOD_STEPS = 150
_DEPENDENCE_STEPS = 150
_LEARNING_RATE = 0.03
_FOURIER_FEATURES = 64


class CausalGraph(NamedTuple):
    """A causal order (indices of variables, causes first) and a graph (variables x variables).

    `graph[i, j]` says that i causes j; `hidden[i, j]` that i and j depend on each other, and no
    model tells whether i causes j or a hidden variable causes both.
    """

    order: tuple[int, ...]
    graph: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


class _Sink(NamedTuple):
    """A variable with a model of it: p value of the independence of its noise, noise, g^-1 (n)."""

    variable: int
    model: str
    p: float
    noise: Array
    transformed: Array


def discover_causes(
    data: Array, fixed: Collection[int] = (), seed: int = 0, blocks: Array | None = None
) -> CausalGraph:
    """The causal order and graph of the columns of `data`.

    Args:
        data: measured values (n x variables), one row a well, in any units; the wells should be as
            alike as those of one round.
        fixed: columns that somebody set, such as the parameters of a design: nothing causes them.
        seed: decides how the wells are split and where the models start.
        blocks: a label a row (n), such as round and plate: what a block shifts as a whole is taken
            out first.

    Raises:
        ValueError: there are fewer than 50 rows or two columns, a value is missing, or a column is
            constant.
    """
    rows, count = data.shape
    if blocks is not None and np.isfinite(data).all():
        data = without_blocks(data, blocks)
    constant = (data.std(axis=0) < 1e-12 * (1 + np.abs(data).max(axis=0))).any()
    if rows < _MIN_ROWS or count < 2 or not np.isfinite(data).all() or constant:
        raise ValueError(
            f"{rows} x {count} values (expected 50 or more rows, two or more columns that vary, "
            "none missing)"
        )
    wells = _Wells(data, seed)
    order, sinks = _causal_order(wells, count, fixed)
    earlier = {sink.variable: order[: order.index(sink.variable)] for sink in sinks}
    tests = {}
    for sink in sinks:
        causes = earlier[sink.variable]
        terms = [wells.terms(cause) for cause in causes]
        for cause, test in zip(causes, edge_tests(sink.transformed, terms), strict=True):
            tests[cause, sink.variable] = test
    edges = kept_edges(tests)
    graph, hidden = (np.zeros((count, count), dtype=bool) for _ in range(2))
    for sink in sinks:
        causes = [cause for cause in earlier[sink.variable] if (cause, sink.variable) in edges]
        causes = [cause for cause in causes if wells.needs(sink, cause, causes)]
        for cause in causes:
            doubtful = (
                cause not in fixed
                and sink.p < _HIDDEN
                and wells.independence(sink.noise, [cause]) < _HIDDEN / len(causes)
            )
            (hidden if doubtful else graph)[cause, sink.variable] = True
    return CausalGraph(tuple(order), graph, hidden)


def _causal_order(
    wells: "_Wells", count: int, fixed: Collection[int]
) -> tuple[list[int], list[_Sink]]:
    """Variables, causes first, and the sinks as they were found with all others as causes."""
    free = [index for index in range(count) if index not in fixed]
    roots = [index for index in range(count) if index in fixed]
    order: list[int] = []
    sinks: list[_Sink] = []
    while len(free) + len(roots) > 1 and free:
        best = None
        for model in _MODELS:
            tried = [wells.sink(sink, sorted({*free, *roots} - {sink}), model) for sink in free]
            best = max([*tried, *([] if best is None else [best])], key=lambda found: found.p)
            if best.p > _SIGNIFICANCE:
                break
        assert best is not None
        sinks.append(best)
        order.insert(0, best.variable)
        free.remove(best.variable)
    return [*roots, *free, *order], sinks


def edge_stability(
    data: Array,
    fixed: Collection[int] = (),
    draws: int = 20,
    seed: int = 0,
    blocks: Array | None = None,
) -> Array:
    """In which share of resamples (0..1) each edge is found (variables x variables).

    Arguments and errors as for `discover_causes`.

    Args:
        data: measured values (n x variables), 100 rows or more.
        fixed: columns that somebody set.
        draws: how many resamples, each half of the rows, without replacement.
        seed: decides the resamples and the search in each.
        blocks: a label a row.
    """
    size = len(data) // 2
    if size < _MIN_ROWS:
        raise ValueError(
            f"{len(data)} rows (expected {2 * _MIN_ROWS} or more: half of them are a resample)"
        )
    rng = np.random.default_rng(seed)
    graphs = []
    for draw in range(draws):
        rows = rng.permutation(len(data))[:size]
        chosen = None if blocks is None else blocks[rows]
        graphs.append(discover_causes(data[rows], fixed, seed + draw, chosen).graph)
    return np.asarray(np.mean(graphs, axis=0))


class _Wells:
    """Values as normal scores and standardised (n x variables); half train, the other half test."""

    def __init__(self, data: Array, seed: int) -> None:
        self._scores = norm.ppf(rankdata(data, axis=0) / (len(data) + 1))
        self._standardised = (data - data.mean(axis=0)) / data.std(axis=0)
        self._seed = seed
        order = np.random.default_rng([seed, 7]).permutation(len(data))
        half = len(data) // 2
        self._all = order[:_MAX_TESTED_ALL]
        self._train, self._test = order[:half][:_MAX_TRAINED], order[half:][:_MAX_TESTED]

    def terms(self, variable: int) -> Array:
        """The terms of a smooth function of a variable (n x a)."""
        return smooth_terms(self._standardised[:, variable], self._scores[:, variable])

    def independence(self, noise: Array, others: Sequence[int], everywhere: bool = False) -> float:
        """The p value of the independence of noise (n) and variables, on the test wells or all."""
        rows = self._all if everywhere else self._test
        return hsic_p_value(noise[rows, None], self._scores[rows][:, list(others)])

    def sink(self, variable: int, others: Sequence[int], model: str) -> _Sink:
        """A variable with a model of it whose inputs are the others."""
        transformed = self._standardised[:, variable]
        if model == "linear":
            noise = self._regression_noise(variable, self._standardised[:, others])
        elif model == "additive":
            noise = self._regression_noise(
                variable, np.column_stack([self.terms(other) for other in others])
            )
        else:
            noise, transformed = self._network_noise(variable, list(others))
        p = self.independence(noise, others, everywhere=model in _FITTED_EVERYWHERE)
        return _Sink(variable, model, p, noise, transformed)

    def needs(self, sink: _Sink, cause: int, causes: Sequence[int]) -> bool:
        """Whether the noise of a sink depends on a cause that its model does not have."""
        fewer = [other for other in causes if other != cause]
        if not fewer:
            noise = self._scores[:, sink.variable]
        else:
            noise = self.sink(sink.variable, fewer, sink.model).noise
        everywhere = sink.model in _FITTED_EVERYWHERE
        return self.independence(noise, [cause], everywhere) <= _SIGNIFICANCE

    def _regression_noise(self, variable: int, columns: Array) -> Array:
        values = self._standardised[:, variable]
        design = np.column_stack([columns, np.ones(len(values))])
        weights = np.linalg.lstsq(design, values, rcond=1e-9)[0]
        return np.asarray(values - design @ weights)

    def _network_noise(self, variable: int, others: Sequence[int]) -> tuple[Array, Array]:
        """Noise of every row (n) after a smooth f and a g that increases, and g^-1 of it (n)."""
        generator = torch.Generator().manual_seed(self._seed * 1009 + variable)
        with single_threaded(), torch.enable_grad():
            return _fit_noise(
                values=torch.as_tensor(self._scores[:, variable]),
                others=torch.as_tensor(self._scores[:, others]),
                train=torch.as_tensor(self._train),
                generator=generator,
            )


class _Network:
    """noise = g^-1(y) - f(x): f a network with one hidden layer, g^-1 a sum of increasing tanhs."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
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

    @property
    def parameters(self) -> list[torch.Tensor]:
        of_f = [self._hidden, self._bias, self._output, self._skip]
        of_g = [self._heights, self._steepness, self._centres]
        return of_f + of_g

    def noise(
        self, x: torch.Tensor, y: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Noise, g^-1 and its log derivative (n each) at causes x (n x a) and values y (n)."""
        f = torch.tanh(x @ self._hidden + self._bias) @ self._output + x @ self._skip
        softplus = torch.nn.functional.softplus
        steepness = softplus(self._steepness) + 0.1
        tanh = torch.tanh((y[:, None] - self._centres) * steepness)
        heights = softplus(self._heights - 1)
        derivative = 0.3 + ((1 - tanh**2) * steepness * heights).sum(dim=1)
        transformed = 0.3 * y + (tanh * heights).sum(dim=1)
        return transformed - f, transformed, derivative.log()


def _fit_noise(
    values: torch.Tensor, others: torch.Tensor, train: torch.Tensor, generator: torch.Generator
) -> tuple[Array, Array]:
    """Noise and g^-1 (n each) of values (n), by a network of others (n x a) fitted to `train`."""
    network = _Network(others.shape[1], generator)
    width = others.shape[1]
    noise_frequencies = torch.randn(_FOURIER_FEATURES, generator=generator, dtype=torch.float64)
    frequencies = torch.randn(width, _FOURIER_FEATURES, generator=generator, dtype=torch.float64)
    others_features = _fourier_features(others[train], frequencies / math.sqrt(width))
    optimiser = torch.optim.Adam(network.parameters, lr=_LEARNING_RATE)
    for step in range(_LIKELIHOOD_STEPS + _DEPENDENCE_STEPS):
        optimiser.zero_grad()
        noise, _, log_derivative = network.noise(others[train], values[train])
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
    with torch.no_grad():
        noise, transformed, _ = network.noise(others, values)
    return np.asarray(noise.numpy()), np.asarray(transformed.numpy())


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
