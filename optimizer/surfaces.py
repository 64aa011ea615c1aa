"""Plausible surfaces: what may truly be, for campaigns that are only simulated."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from optimizer.encoding import Encoding
from optimizer.evolution import highest as highest_of
from optimizer.kernel import Kernel
from optimizer.propose import Learnt, learn
from protocols.conditions import Condition, Observation
from protocols.parameters import SearchSpace

_WAVES = 512
_LENGTH = 0.5  # times the root of the number of parameters, in ranges of a parameter
_LENGTH_SD = 0.7  # of its log
_ACROSS = 2000
_TYPICAL = (0.03, 0.35)
_HIGHEST = (0.7, 0.99)
_MISSING = 0.044  # to 1, of the highest value, in the mean: from what campaigns on the tuning functions reached
_GENERATIONS = 8
_SHRINK = 0.7


class Surface:
    """A function that gives every permitted condition a true value of at most 1.

    With something to learn from it is drawn from the posterior, and widened by a random power, from 0 to 1, of the
    model's widening: nobody knows of one surface how far beyond the model it goes. What a posterior says least of is
    how high the surface rises where nothing was tried: what lies above all that was observed is therefore stretched or
    pressed to end at 1 less an exponentially distributed rest. Without results, it is drawn from what is
    assumed of any objective before a result: a Gaussian process with a length of its own for each parameter, through
    a logistic link, such that a typical condition has from 0.03 to 0.35 and the best of 2,000 from 0.7 to 0.99. (The
    published campaign: median 0.06 and maximum 0.86 of 47 in the first round.)
    """

    def __init__(self, space: SearchSpace, observations: Sequence[Observation], seed: int) -> None:
        """Drawn anew for each seed."""
        learnt = learn(space, observations)
        self._encoding = learnt.encoding if learnt else Encoding(space)
        rng = np.random.default_rng([seed, 3])
        if learnt is None:
            self._values = _from_prior(self._encoding, rng)
            self.noise_sd = 0.07
            return
        function, model = learnt.model.functions(1, seed), learnt.model
        widening = model.widening ** rng.uniform()
        self.noise_sd = model.noise_sd

        def values(features: NDArray[np.float64]) -> NDArray[np.float64]:
            mean = model.mean(features)
            return np.asarray(mean + widening * (function(features)[0] - mean))

        self._values = _with_highest(1 - rng.exponential(_MISSING), values, learnt, rng)

    noise_sd: float
    """The sd of a measurement of a true value: as learnt, or 0.07, the published campaign's."""

    def truths(self, conditions: Sequence[Condition]) -> list[float]:
        """The true value of each condition, at most 1."""
        if not conditions:
            return []
        values = self._values(self._encoding.features(self._encoding.rows(conditions)))
        return [float(value) for value in np.minimum(values, 1)]


_Values = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _with_highest(highest: float, values: _Values, learnt: Learnt, rng: np.random.Generator) -> _Values:
    """The same function, but for what lies above all that was observed: stretched or pressed to end at `highest`."""
    encoding, observed, model = learnt
    top = float(values(encoding.features(highest_of(encoding, observed, values, rng, _GENERATIONS, _SHRINK)))[0])
    seen = float(values(encoding.features(observed)).max())
    bend = min(seen, highest) - model.noise_sd
    steepness = (highest - bend) / max(top - bend, 1e-9)

    def bent(features: NDArray[np.float64]) -> NDArray[np.float64]:
        found = values(features)
        return np.where(found > bend, bend + steepness * (found - bend), found)

    return bent


def _from_prior(encoding: Encoding, rng: np.random.Generator) -> _Values:
    count = len(encoding.levels)
    lengths = _LENGTH * math.sqrt(count) * np.exp(rng.normal(0, _LENGTH_SD, count))
    waves = Kernel(lengths, 1.0, 1.0, encoding.levels).waves(_WAVES, 1, rng)
    across = waves(encoding.features(encoding.random(_ACROSS, {}, rng)))[:, 0]
    typical, highest = logit((rng.uniform(*_TYPICAL), rng.uniform(*_HIGHEST)))
    middle = float(np.median(across))
    steepness = (highest - typical) / max(float(across.max()) - middle, 1e-9)

    def values(features: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(expit(typical + steepness * (waves(features)[:, 0] - middle)))

    return values
