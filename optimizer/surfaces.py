"""Plausible surfaces: true values of every condition, for campaigns that are only simulated."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from optimizer.encoding import Encoding
from optimizer.evolution import maximise
from optimizer.fitting import FittedModel, fit
from optimizer.kernel import Kernel
from protocols.conditions import Condition, Observation
from protocols.search_space import SearchSpace

_FOURIER_FEATURES = 512
_LENGTHSCALE = 0.5  # times the root of the number of parameters, in ranges of a parameter
_LOG_LENGTHSCALE_SD = 0.7
_CONDITIONS = 2000
_TYPICAL = (0.03, 0.35)
_HIGHEST = (0.7, 0.99)
_PRIOR_NOISE_SD = 0.07  # the published campaign's
# The mean distance of an objective's maximum from 1: from what campaigns on the tuning functions
# reached.
_MEAN_DISTANCE_TO_1 = 0.044
_GENERATIONS = 8
_SHRINK = 0.7


class Surface:
    """A function that gives every permitted condition a true value of at most 1.

    With two or more usable observations it is a posterior sample. Its deviation from the mean is
    multiplied by a random power, from 0 to 1, of the model's sd inflation, since of one surface
    nobody knows how overconfident the model is. A posterior says little of how high the surface
    rises where nothing was tried: values above all that was observed are therefore rescaled to end
    at 1 less an exponentially distributed distance.

    Without observations it is sampled from what is assumed of any objective before a result: a
    Gaussian process with random lengthscales, through a logistic link, such that a typical
    condition has from 0.03 to 0.35 and the best of 2,000 from 0.7 to 0.99. (The published campaign:
    median 0.06 and maximum 0.86 of 47 in the first round.)
    """

    def __init__(self, space: SearchSpace, observations: Sequence[Observation], seed: int) -> None:
        """Another surface for each seed.

        Raises:
            ValueError: a condition has a value that is not allowed.
        """
        fitted = fit(space, observations)
        self._encoding = fitted.encoding if fitted else Encoding(space)
        rng = np.random.default_rng([seed, 3])
        if fitted is None:
            self._values = _sample_prior(self._encoding, rng)
            self.noise_sd = _PRIOR_NOISE_SD
            return
        model = fitted.model
        sample = model.posterior_samples(1, seed)
        inflation = model.sd_inflation ** rng.uniform()
        self.noise_sd = model.noise_sd

        def values(features: NDArray[np.float64]) -> NDArray[np.float64]:
            mean = model.mean(features)
            return np.asarray(mean + inflation * (sample(features)[0] - mean))

        maximum = 1 - rng.exponential(_MEAN_DISTANCE_TO_1)
        self._values = _with_maximum(maximum, values, fitted, rng)

    noise_sd: float
    """The sd of a measurement of a true value: as fitted, or 0.07 without observations."""

    def truths(self, conditions: Sequence[Condition]) -> list[float]:
        """The true value of each condition, at most 1.

        Raises:
            ValueError: a condition has a value that is not allowed.
        """
        if not conditions:
            return []
        values = self._values(self._encoding.features(self._encoding.rows(conditions)))
        return [float(value) for value in np.minimum(values, 1)]


_Values = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _with_maximum(
    maximum: float, values: _Values, fitted: FittedModel, rng: np.random.Generator
) -> _Values:
    """The same function, its values above the highest observed rescaled to end at `maximum`."""
    encoding, observed, model = fitted
    best_row = maximise(encoding, observed, values, rng, _GENERATIONS, _SHRINK)
    highest = float(values(encoding.features(best_row))[0])
    highest_observed = float(values(encoding.features(observed)).max())
    threshold = min(highest_observed, maximum) - model.noise_sd
    factor = (maximum - threshold) / max(highest - threshold, 1e-9)

    def rescaled(features: NDArray[np.float64]) -> NDArray[np.float64]:
        found = values(features)
        return np.where(found > threshold, threshold + factor * (found - threshold), found)

    return rescaled


def _sample_prior(encoding: Encoding, rng: np.random.Generator) -> _Values:
    count = len(encoding.levels)
    deviations = np.exp(rng.normal(0, _LOG_LENGTHSCALE_SD, count))
    kernel = Kernel(
        lengthscales=_LENGTHSCALE * math.sqrt(count) * deviations,
        signal_sd=1.0,
        interaction=1.0,
        levels=encoding.levels,
    )
    sample = kernel.sample_prior(_FOURIER_FEATURES, 1, rng)
    conditions = encoding.random(_CONDITIONS, {}, rng)
    latent = sample(encoding.features(conditions))[:, 0]
    typical, highest = logit((rng.uniform(*_TYPICAL), rng.uniform(*_HIGHEST)))
    median = float(np.median(latent))
    slope = (highest - typical) / max(float(latent.max()) - median, 1e-9)

    def values(features: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(expit(typical + slope * (sample(features)[:, 0] - median)))

    return values
