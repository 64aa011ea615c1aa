"""Models of a variable by its causes, whose noise is to be independent of them.

Linear, additive (a natural cubic spline of each cause) and post-nonlinear: g(f(causes) + noise)
with g increasing by construction, so that no decoder has to keep it invertible.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import f as f_distribution
from scipy.stats import norm, rankdata

from optimizer.causes.independence import Array, CentredKernel, independence_p
from optimizer.causes.replicates import Conditions
from optimizer.single_thread import single_threaded

MODELS = ("linear", "additive", "post-nonlinear")
"""The simplest first."""

_KNOTS = 5
_LEAST_BENT = 0.05
_MAX_TRAINED = 1000
_MAX_TESTED = 500
_MAX_JUDGING = 2000
_HIDDEN_UNITS = 16
_LIKELIHOOD_STEPS = 150
_DEPENDENCE_STEPS = 150
_LEARNING_RATE = 0.03
_FOURIER_FEATURES = 64


class Fit(NamedTuple):
    """A variable after a model: `target` = additive in its causes + `noise`, and noise's p values.

    `rows` are those that the target was not fitted to (all of them where nothing was), and
    `independence` the p value of the independence of noise and each of the other variables.
    """

    model: int
    target: Array
    noise: Array
    rows: NDArray[np.intp]
    independence: tuple[float, ...]

    @property
    def p(self) -> float:
        """That the noise is independent of all others: the least p, by Bonferroni."""
        return min(1.0, max(1, len(self.independence)) * min(self.independence, default=1.0))


class CausalModels:
    """Models of the columns of a table (n x variables), blocks of rows taken out.

    Args:
        table: values, as normal scores and standardised, and the blocks of each row. What a block
            adds to a variable is an input of its models.
        seed: decides which rows train a network and where it starts.
    """

    def __init__(self, table: Conditions, seed: int) -> None:
        data = table.values
        self._scores = norm.ppf((rankdata(data, axis=0) - 0.5) / len(data))
        self._standardised = (data - data.mean(axis=0)) / data.std(axis=0)
        self._splines = [_spline(column) for column in self._scores.T]
        self._blocks = table.blocks
        self._seed = seed
        order = np.random.default_rng([seed, 7]).permutation(len(data))
        half = len(data) // 2
        self._train, self._held_out = order[:half][:_MAX_TRAINED], order[half:]
        self._tested, self._judging = order[: 2 * _MAX_TESTED], order[-_MAX_JUDGING:]
        self._bent: dict[tuple[int, frozenset[int]], bool] = {}
        self._kernels: dict[tuple[int, int], CentredKernel] = {}

    def simplest(self, sink: int, others: Sequence[int], alpha: float) -> Fit:
        """The first of `MODELS` whose noise is independent at `alpha`; else the highest p."""
        tried: list[Fit] = []
        for model in range(len(MODELS)):
            if model > 0 and not self.is_bent(sink, others):
                break
            tried.append(self.fit(sink, others, model))
            if tried[-1].p > alpha:
                break
        return max(tried, key=lambda fit: fit.p)

    def is_bent(self, sink: int, others: Sequence[int]) -> bool:
        """Whether splines of the others explain clearly more of a variable than straight lines.

        Where they do not, a bent model would only make noise look independent that has a hidden
        cause.
        """
        key = sink, frozenset(others)
        if key not in self._bent:
            values = self._standardised[:, sink]
            left = []
            for model in (0, 1):
                design = self._design(others, model)
                weights, _, rank, _ = np.linalg.lstsq(design, values, rcond=1e-10)
                degrees = max(len(values) - int(rank), 1)
                left.append(float(((values - design @ weights) ** 2).sum()) / degrees)
            self._bent[key] = left[0] - left[1] > _LEAST_BENT
        return self._bent[key]

    def fit(self, sink: int, others: Sequence[int], model: int) -> Fit:
        """A model of a variable, by its index in `MODELS`, with the others as its causes."""
        every = np.arange(len(self._scores))
        if MODELS[model] == "post-nonlinear":
            target, noise = self._network(sink, list(others))
            rows, tested = self._held_out, self._held_out[:_MAX_TESTED]
        else:
            target, rows, tested = self._standardised[:, sink], every, self._tested
            design = self._design(others, model)
            noise = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        kernel = CentredKernel.of(noise[tested, None])
        found = tuple(independence_p(kernel, self._kernel(other, tested)) for other in others)
        return Fit(model, target, noise, rows, found)

    def independence(self, fit: Fit, other: int) -> tuple[float, int]:
        """The p value of the independence of a model's noise and a variable, and by how many rows.

        They are up to 2,000; the search tests by fewer, since it tests far more often.
        """
        rows = np.intersect1d(fit.rows, self._judging)
        columns = fit.noise[rows, None], self._scores[rows][:, [other]]
        return independence_p(*(CentredKernel.of(column) for column in columns)), len(rows)

    def entropy(self, variable: int, causes: Sequence[int], model: int) -> float:
        """Differential entropy (nats) of a variable's noise, up to a constant of the variable.

        In place of a network it is additive in normal scores, which takes out most of a g.

        The maximum-entropy approximation of Hyvarinen and Smith 2013, "Pairwise Likelihood Ratios
        for Estimation of Non-Gaussian Structural Equation Models".
        """
        network = MODELS[model] == "post-nonlinear"
        values = (self._scores if network else self._standardised)[:, variable]
        design = self._design(causes, model)
        noise = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
        sd = float(max(noise.std(), 1e-9))
        u = noise / sd
        log_cosh = float(np.mean(np.logaddexp(u, -u) - math.log(2)))
        skewed = float(np.mean(u * np.exp(-(u**2) / 2)))
        normal = (1 + math.log(2 * math.pi)) / 2 + math.log(sd)
        return normal - 79.047 * (log_cosh - 0.37457) ** 2 - 7.4129 * skewed**2

    def cause_p_values(self, fit: Fit, causes: Sequence[int]) -> list[float]:
        """For each cause, the p value of an F test of a variable's model without it.

        With all others and the blocks in the model (Seber and Lee, "Linear Regression Analysis",
        chapter 4).
        """
        target = fit.target[fit.rows]
        full, degrees = self._unexplained(fit, causes, target)
        found = []
        for cause in causes:
            fewer, more_degrees = self._unexplained(fit, [c for c in causes if c != cause], target)
            between = more_degrees - degrees
            if between <= 0:
                found.append(1.0)
                continue
            statistic = (fewer - full) / between / max(full / degrees, 1e-12)
            found.append(float(f_distribution.sf(statistic, between, degrees)))
        return found

    def _unexplained(self, fit: Fit, causes: Sequence[int], target: Array) -> tuple[float, int]:
        """Sum of squares that a model leaves, and its degrees of freedom."""
        design = self._design(causes, fit.model)[fit.rows]
        weights, _, rank, _ = np.linalg.lstsq(design, target, rcond=1e-10)
        return float(((target - design @ weights) ** 2).sum()), len(target) - int(rank)

    def _design(self, causes: Sequence[int], model: int) -> Array:
        """Columns of a model that is linear in its coefficients (n x any)."""
        columns = [np.ones((len(self._scores), 1)), self._blocks]
        if MODELS[model] == "linear":
            columns.append(self._standardised[:, list(causes)])
        else:
            columns += [self._splines[cause] for cause in causes]
        return np.hstack(columns)

    def _kernel(self, variable: int, rows: NDArray[np.intp]) -> CentredKernel:
        key = variable, len(rows)
        if key not in self._kernels:
            self._kernels[key] = CentredKernel.of(self._scores[rows][:, [variable]])
        return self._kernels[key]

    def _network(self, sink: int, others: list[int]) -> tuple[Array, Array]:
        """g^-1(values) and noise of every row, after a network fitted to the rows that train."""
        generator = torch.Generator().manual_seed(self._seed * 1009 + sink)
        with single_threaded(), torch.enable_grad():
            return _fitted(
                values=_single(self._scores[:, sink]),
                inputs=_single(np.hstack([self._scores[:, others], self._blocks])),
                others=_single(self._scores[:, others]),
                train=torch.as_tensor(self._train),
                generator=generator,
            )


def _spline(scores: Array) -> Array:
    """A natural cubic spline of a column, its knots at quantiles (n x as many as knots less 1).

    (Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", section 5.2.1.)
    """
    knots = np.unique(np.quantile(scores, np.linspace(0.02, 0.98, _KNOTS + 1)))
    if len(knots) < 3:
        return scores[:, None]

    def cubic(knot: float) -> Array:
        above = [np.maximum(scores - it, 0) ** 3 for it in (knot, knots[-1])]
        return np.asarray((above[0] - above[1]) / (knots[-1] - knot))

    last = cubic(knots[-2])
    columns = np.column_stack([scores, *(cubic(knot) - last for knot in knots[:-2])])
    return np.asarray((columns - columns.mean(axis=0)) / np.maximum(columns.std(axis=0), 1e-12))


class _Network:
    """noise = g^-1(y) - f(x): f a network with one hidden layer, g^-1 a sum of increasing tanhs."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        def initial(*shape: int, scale: float = 1.0) -> torch.Tensor:
            start = torch.randn(*shape, generator=generator, dtype=torch.float32)
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
        return [*of_f, self._heights, self._steepness, self._centres]

    def effect(self, x: torch.Tensor) -> torch.Tensor:
        """The effect f (n) of (n x a)."""
        return torch.tanh(x @ self._hidden + self._bias) @ self._output + x @ self._skip

    def target(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """g^-1 and the logarithm of its derivative (n each) at values y (n)."""
        softplus = torch.nn.functional.softplus
        steepness = softplus(self._steepness) + 0.1
        tanh = torch.tanh((y[:, None] - self._centres) * steepness)
        heights = softplus(self._heights - 1)
        derivative = 0.3 + ((1 - tanh**2) * steepness * heights).sum(dim=1)
        return 0.3 * y + (tanh * heights).sum(dim=1), derivative.log()


def _fitted(
    values: torch.Tensor,
    inputs: torch.Tensor,
    others: torch.Tensor,
    train: torch.Tensor,
    generator: torch.Generator,
) -> tuple[Array, Array]:
    """g^-1 of values and noise (n each), after a network of inputs (n x a) fitted to some rows."""
    network = _Network(inputs.shape[1], generator)
    width = others.shape[1]
    noise_frequencies = torch.randn(_FOURIER_FEATURES, generator=generator, dtype=torch.float32)
    frequencies = torch.randn(width, _FOURIER_FEATURES, generator=generator, dtype=torch.float32)
    others_features = _fourier_features(others[train], frequencies / math.sqrt(width))
    optimiser = torch.optim.Adam(network.parameters, lr=_LEARNING_RATE)
    for step in range(_LIKELIHOOD_STEPS + _DEPENDENCE_STEPS):
        optimiser.zero_grad()
        target, log_derivative = network.target(values[train])
        noise = target - network.effect(inputs[train])
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
        target = network.target(values)[0]
        noise = target - network.effect(inputs)
        return target.numpy().astype(float), noise.numpy().astype(float)


def _single(values: Array) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float32)


def _sd(noise: torch.Tensor) -> torch.Tensor:
    return noise.std().clamp_min(1e-9)


def _fourier_features(x: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """Centred random Fourier features of a Gaussian kernel (Rahimi and Recht 2007)."""
    angles = x @ frequencies
    features = torch.cat([angles.cos(), angles.sin()], dim=1) / math.sqrt(_FOURIER_FEATURES)
    return features - features.mean(dim=0)
