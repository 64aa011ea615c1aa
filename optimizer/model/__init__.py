"""The model: a BoTorch `Model`, and what is decided before it is fitted.

`ConditionGP` is the model, with `ConditionKernel` and `MeasurementNoise`; `Surrogate` makes it of
observations.
"""

from optimizer.model.gp import ConditionGP
from optimizer.model.kernel import ConditionKernel
from optimizer.model.noise import MeasurementLikelihood
from optimizer.model.posterior_samples import PosteriorSamples
from optimizer.model.surrogate import Data, Surrogate

__all__ = [
    "ConditionGP",
    "ConditionKernel",
    "Data",
    "MeasurementLikelihood",
    "PosteriorSamples",
    "Surrogate",
]
