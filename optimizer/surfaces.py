"""Plausible surfaces: true values of every condition, for campaigns that are only simulated."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from botorch.sampling.pathwise.features.generators import gen_kernel_features
from botorch.utils.sampling import manual_seed
from numpy.typing import NDArray
from scipy.special import expit, logit

from optimizer.attainable import attainable, shape_of
from optimizer.encoding import Encoding
from optimizer.evolution import maximise
from optimizer.fitting import FittedModel, fit
from optimizer.model import ConditionKernel
from protocols.conditions import Condition, Observation
from protocols.search_space import SearchSpace

_FOURIER_FEATURES = 512
_FULL_INTERACTION = 20.0  # a logit
_LENGTHSCALE = 0.5  # times the root of the number of parameters, in ranges of a parameter
_LOG_LENGTHSCALE_SD = 0.7
_CONDITIONS = 2000
_TYPICAL = (0.03, 0.35)
_HIGHEST = (0.4, 0.99)
_PRIOR_NOISE_SD = 0.07  # the published campaign's
# Consecutive seeds spread evenly over 0..1 by multiples of the golden ratio.
_GOLDEN = (math.sqrt(5) - 1) / 2
_GENERATIONS = 8
_SHRINK = 0.7
_LEAST_RISE = 0.05
_FOUND = 0.9  # of what a surface exceeds the best by, simulated campaigns find in two rounds


class Surface:
    """A function that gives every permitted condition a true value.

    With two or more usable observations it is a posterior sample. Its deviation from the mean is
    multiplied by a random power, from 0 to 1, of the model's sd inflation, since of one surface
    nobody knows how overconfident the model is. A posterior says little of how high the surface
    rises where nothing was tried, and its best tried conditions are worse than it says: what lies
    above a typical condition is therefore rescaled to end where campaigns do that begin like this
    one (`optimizer.attainable`). Surfaces of consecutive seeds have tops spread evenly over that
    distribution. No scale, range or top is assumed, and a natural range only ends a surface.

    Without observations it is sampled from what is assumed of any objective before a result: a
    Gaussian process with random lengthscales, through a logistic link, such that a typical
    condition has from 0.03 to 0.35 of the natural range, and the best of 2,000 from 0.4 to 0.99.
    (The published campaign: median 0.06 and maximum 0.86 of 47 in the first round.)
    """

    def __init__(
        self,
        space: SearchSpace,
        observations: Sequence[Observation],
        seed: int,
        natural_range: tuple[float, float] | None = None,
    ) -> None:
        """Another surface for each seed.

        Args:
            space: the parameters and what each of them allows.
            observations: what is known so far.
            seed: decides the surface.
            natural_range: the lowest and the highest value that the objective can have; None: it
                has no ends. Without observations the values are then from 0 to 1.

        Raises:
            ValueError: a condition has a value that is not allowed.
        """
        fitted = fit(space, observations)
        self._encoding = fitted.encoding if fitted else Encoding(space)
        rng = np.random.default_rng([seed, 3])
        self._range = natural_range
        low, high = natural_range or (0.0, 1.0)
        if fitted is None:
            prior = _sample_prior(self._encoding, rng)
            self._values: _Values = lambda features: low + (high - low) * prior(features)
            self.noise_sd = _PRIOR_NOISE_SD * (high - low)
            return
        model = fitted.model
        sample = model.posterior_samples(1, seed)
        inflation = model.sd_inflation ** rng.uniform()
        self.noise_sd = model.noise_sd

        def values(features: NDArray[np.float64]) -> NDArray[np.float64]:
            mean = model.mean(features)
            return np.asarray(mean + inflation * (sample(features)[0] - mean))

        self._values = values
        share = (0.5 + seed * _GOLDEN) % 1
        shape = shape_of(fitted, observations)
        top = attainable(shape).quantile(share)
        top += (1 / _FOUND - 1) * max(0.0, top - shape.best)
        self._values = _reaching(top, values, fitted, rng)

    noise_sd: float
    """The sd of a measurement of a true value: as fitted.

    Without observations 0.07 of the natural range.
    """

    def truths(self, conditions: Sequence[Condition]) -> list[float]:
        """The true value of each condition, at most the top of the natural range.

        Raises:
            ValueError: a condition has a value that is not allowed.
        """
        if not conditions:
            return []
        values = self._values(self._encoding.features(self._encoding.rows(conditions)))
        top = np.inf if self._range is None else self._range[1]
        return [float(value) for value in np.minimum(values, top)]


_Values = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _reaching(
    top: float, values: _Values, fitted: FittedModel, rng: np.random.Generator
) -> _Values:
    """The same function, its values above a typical one rescaled so that the highest is `top`.

    What was observed stays as it is where the top is higher, and shrinks with it where it is lower.
    """
    encoding, observed, model = fitted
    typical = float(np.median(values(encoding.features(encoding.random(_CONDITIONS, {}, rng)))))
    best_row = maximise(encoding, observed, values, rng, _GENERATIONS, _SHRINK)
    highest = float(values(encoding.features(best_row))[0])
    observed_best = float(values(encoding.features(observed)).max())
    known = max(observed_best - model.noise_sd, (typical + observed_best) / 2)
    if not typical < known < highest:
        return values
    top = max(top, typical + _LEAST_RISE * (observed_best - typical))
    share = min(1.0, (top - typical) / (observed_best - typical))
    knots, reached = [typical, known, highest], [typical, typical + share * (known - typical), top]

    def rescaled(features: NDArray[np.float64]) -> NDArray[np.float64]:
        found = values(features)
        return np.where(found > typical, np.interp(found, knots, reached), found)

    return rescaled


def _sample_prior(encoding: Encoding, rng: np.random.Generator) -> _Values:
    """Of values 0..1."""
    count = len(encoding.levels)
    deviations = np.exp(rng.normal(0, _LOG_LENGTHSCALE_SD, count))
    kernel = ConditionKernel(torch.as_tensor(encoding.levels)).double()
    kernel.lengthscale = torch.as_tensor(_LENGTHSCALE * math.sqrt(count) * deviations)
    kernel.initialize(raw_interaction=torch.full((1,), _FULL_INTERACTION, dtype=torch.float64))
    with torch.no_grad(), manual_seed(int(rng.integers(2**31))):
        sampled = gen_kernel_features(kernel, count, _FOURIER_FEATURES)
    weights = torch.as_tensor(rng.standard_normal(_FOURIER_FEATURES))

    def sample(features: NDArray[np.float64]) -> NDArray[np.float64]:
        with torch.no_grad():
            return np.asarray((sampled(torch.as_tensor(features)) @ weights).numpy())

    latent = sample(encoding.features(encoding.random(_CONDITIONS, {}, rng)))
    typical, highest = logit((rng.uniform(*_TYPICAL), rng.uniform(*_HIGHEST)))
    median = float(np.median(latent))
    slope = (highest - typical) / max(float(latent.max()) - median, 1e-9)

    def values(features: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(expit(typical + slope * (sample(features) - median)))

    return values
