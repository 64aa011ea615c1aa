"""What causes what: the causal order and graph of variables that were measured, or set, in the same wells.

Post-nonlinear model: each variable is g(f(its causes) + noise), with g rising and noise independent of the causes. The
search takes away one sink after the other, the variable whose noise is least dependent on all others, and then prunes
(Uemura et al. 2022, "A Multivariate Causal Discovery based on Post-Nonlinear Model"). Different from there: g rises
by construction, so that no decoder has to keep it invertible; and the simplest of three models counts with which the
noise is independent: linear, additive, post-nonlinear.
"""

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import gamma, norm, rankdata

from optimizer.evidence import one_thread

Array = NDArray[np.float64]

_HIDDEN = 16
_STEPS = (150, 150)
_RATE = 0.03
_FEATURES = 64
_INDEPENDENT = 0.05
_MOST_TAUGHT = 1000
_MOST_TESTED = 500
_MODELS = ("linear", "additive", "post-nonlinear")


class Causes(NamedTuple):
    """A causal order (indices of variables, causes first), and the graph: `graph[i, j]` says that i causes j."""

    order: tuple[int, ...]
    graph: NDArray[np.bool_]


class _Fit(NamedTuple):
    model: int
    p: float

    @property
    def rank(self) -> tuple[int, float]:
        """Higher is a better sink: independent with a simple model, then by p value."""
        return (len(_MODELS) - self.model, self.p) if self.p > _INDEPENDENT else (0, self.p)


def causes(data: Array, fixed: Collection[int] = (), seed: int = 0) -> Causes:
    """The causal order and graph of the columns of `data` (n x variables).

    Args:
        data: measured values, one row a well; the wells should be as alike as one round's.
        fixed: columns that somebody set, such as the parameters of a design: nothing causes them.
        seed: decides how the wells are split and the models begin.

    Raises:
        ValueError: there are fewer than 50 rows or two columns, a value is missing, or a column is constant.
    """
    rows, count = data.shape
    if rows < 50 or count < 2 or not np.isfinite(data).all() or (data.std(axis=0) == 0).any():
        raise ValueError(
            f"{rows} x {count} values (expected 50 or more rows, two or more columns that vary, none missing)"
        )
    wells = _Wells(data, seed)
    left = [place for place in range(count) if place not in fixed]
    roots = [place for place in range(count) if place in fixed]
    order: list[int] = []
    known: dict[tuple[int, tuple[int, ...]], _Fit] = {}
    while len(left) + len(roots) > 1 and left:
        candidates = {sink: tuple(sorted({*left, *roots} - {sink})) for sink in left}
        for sink, others in candidates.items():
            known[sink, others] = wells.fit(sink, others)
        sink = max(left, key=lambda place: known[place, candidates[place]].rank)
        order.insert(0, sink)
        left.remove(sink)
    order = [*roots, *left, *order]
    graph = np.zeros((count, count), dtype=bool)
    for place, sink in enumerate(order):
        if sink in fixed:
            continue
        parents = tuple(sorted(order[:place]))
        best = known.get((sink, parents)) or (wells.fit(sink, parents) if parents else _Fit(0, 1.0))
        for parent in sorted(parents, key=lambda other: -wells.alone(sink, other)):
            fewer = tuple(other for other in parents if other != parent)
            if not fewer:
                keeps = wells.alone(sink, parent) > _INDEPENDENT
            else:
                without = wells.fit(sink, (*fewer, parent), use=fewer, most=best.model)
                keeps = without.p > _INDEPENDENT
            if keeps:
                parents = fewer
        graph[list(parents), sink] = True
    return Causes(tuple(order), graph)


def stability(data: Array, fixed: Collection[int] = (), draws: int = 20, seed: int = 0) -> Array:
    """In which share of resamples each edge is found (variables x variables); half of the rows are drawn each time."""
    rng = np.random.default_rng(seed)
    found = [
        causes(data[rng.permutation(len(data))[: max(len(data) // 2, 50)]], fixed, seed + draw).graph
        for draw in range(draws)
    ]
    return np.asarray(np.mean(found, axis=0))


class _Wells:
    """Values as normal scores (n x variables); half of the rows teach, the other half tests."""

    def __init__(self, data: Array, seed: int) -> None:
        scores = norm.ppf(rankdata(data, axis=0) / (len(data) + 1))
        raw = (data - data.mean(axis=0)) / data.std(axis=0)
        order = np.random.default_rng([seed, 7]).permutation(len(data))
        half = len(data) // 2
        self._teach, self._test = order[:half][:_MOST_TAUGHT], order[half:][:_MOST_TESTED]
        self._scores, self._raw, self._seed = scores, raw, seed

    def alone(self, one: int, other: int) -> float:
        """The p value of independence of two variables."""
        return independence(self._scores[self._test][:, [one]], self._scores[self._test][:, [other]])

    def fit(self, sink: int, others: Sequence[int], use: Sequence[int] | None = None, most: int = 2) -> _Fit:
        """The simplest model, up to `most`, of a variable from `use` whose noise is independent of `others`."""
        use = list(others if use is None else use)
        seen = self._scores[:, list(others)]
        best = _Fit(0, 0.0)
        for model in range(most + 1):
            residual = self._linear(sink, use) if model == 0 else self._network(sink, use, list(others), model == 2)
            found = _Fit(model, independence(residual[self._test, None], seen[self._test]))
            if found.p > _INDEPENDENT:
                return found
            best = max(best, found, key=lambda fit: fit.p)
        return best

    def _linear(self, sink: int, use: Sequence[int]) -> Array:
        inputs = np.column_stack([self._raw[:, use], np.ones(len(self._raw))])
        weights = np.linalg.lstsq(inputs[self._teach], self._raw[self._teach, sink], rcond=None)[0]
        return np.asarray(self._raw[:, sink] - inputs @ weights)

    def _network(self, sink: int, use: Sequence[int], others: Sequence[int], rising: bool) -> Array:
        """Noise of every row after a model with a smooth f, and a g that rises or is the identity."""
        generator = torch.Generator().manual_seed(self._seed * 1009 + sink)
        values = torch.as_tensor((self._scores if rising else self._raw)[:, sink])
        inputs = torch.as_tensor(self._scores[:, use])
        seen = torch.as_tensor(self._scores[:, others])
        with one_thread(), torch.enable_grad():
            return _learn(values, inputs, seen, torch.as_tensor(self._teach), rising, generator)


def _learn(
    values: torch.Tensor,
    inputs: torch.Tensor,
    seen: torch.Tensor,
    teach: torch.Tensor,
    rising: bool,
    generator: torch.Generator,
) -> NDArray[np.float64]:
    def drawn(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return (scale * torch.randn(*shape, generator=generator, dtype=torch.float64)).requires_grad_()

    width = inputs.shape[1]
    first, bias = drawn(width, _HIDDEN, scale=1 / math.sqrt(width)), drawn(_HIDDEN)
    second, skip = drawn(_HIDDEN, scale=0.1), drawn(width, scale=0.1)
    heights, steepness, centres = drawn(_HIDDEN, scale=0.1), drawn(_HIDDEN, scale=0.3), drawn(_HIDDEN, scale=1.5)
    parameters = [first, bias, second, skip, *([heights, steepness, centres] if rising else [])]
    waves = torch.randn(_FEATURES, generator=generator, dtype=torch.float64)
    others = torch.randn(seen.shape[1], _FEATURES, generator=generator, dtype=torch.float64) / math.sqrt(seen.shape[1])

    def noise(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise, and the log of the slope of g."""
        x, y = inputs[rows], values[rows]
        f = torch.tanh(x @ first + bias) @ second + x @ skip
        if not rising:
            return y - f, torch.zeros_like(y)
        steep = torch.nn.functional.softplus(steepness) + 0.1
        tanh = torch.tanh((y[:, None] - centres) * steep)
        up = torch.nn.functional.softplus(heights - 1)
        slope = 0.3 + ((1 - tanh**2) * steep * up).sum(dim=1)
        return 0.3 * y + (tanh * up).sum(dim=1) - f, slope.log()

    fixed_waves = _waves(seen[teach], others)
    optimiser = torch.optim.Adam(parameters, lr=_RATE)
    for step in range(sum(_STEPS)):
        optimiser.zero_grad()
        e, slope = noise(teach)
        scaled = (e - e.mean()) / e.std().clamp_min(1e-9)
        # First as if the noise were normal (the mutual information of noise and causes is the same up to a constant),
        # then dependence itself.
        likelihood = e.std().clamp_min(1e-9).log() - slope.mean()
        ours = _waves(scaled[:, None], waves[None, :])
        dependence = ((ours.T @ fixed_waves / len(teach)) ** 2).sum()
        loss = likelihood if step < _STEPS[0] else 0.1 * likelihood + 10 * dependence
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        return np.asarray(noise(torch.arange(len(values)))[0].numpy())


def _waves(x: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """Centred random features of a normal kernel (Rahimi and Recht 2007)."""
    angles = x @ frequencies
    features = torch.cat([angles.cos(), angles.sin()], dim=1) / math.sqrt(_FEATURES)
    return features - features.mean(dim=0)


def independence(left: Array, right: Array) -> float:
    """The p value of the independence of two sets of columns (HSIC with normal kernels; n x a and n x b).

    (Gretton et al. 2007, "A Kernel Statistical Test of Independence": the gamma approximation.)
    """
    one, other = _kernel(left), _kernel(right)
    count = len(one)
    centre = np.eye(count) - 1 / count
    centred_one, centred_other = centre @ one @ centre, centre @ other @ centre
    statistic = (centred_one * centred_other).sum() / count
    product = (centred_one * centred_other / 6) ** 2
    variance = (product.sum() - np.trace(product)) / count / (count - 1)
    variance *= 72 * (count - 4) * (count - 5) / count / (count - 1) / (count - 2) / (count - 3)
    apart = count * (count - 1)
    mean_one, mean_other = ((kernel.sum() - np.trace(kernel)) / apart for kernel in (one, other))
    mean = (1 + mean_one * mean_other - mean_one - mean_other) / count
    return float(gamma.sf(statistic, mean**2 / variance, scale=variance * count / mean))


def _kernel(columns: Array) -> Array:
    scaled = (columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-12)
    squares = (scaled**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares[None, :] - 2 * scaled @ scaled.T, 0)
    width = np.median(apart[apart > 0])
    return np.asarray(np.exp(-apart / width))
