"""What to try next. Pure: (search space, observations, positions, seed) -> proposals.

`propose` is the main function. The others say what the same model makes of the observations:
`predict`, `recommend`, `effects`, `cross_validate`, `pareto_front`; `Surface` simulates the
objective, and `discover_causes` looks for what causes what in a table of measurements.
"""

from optimizer.ask_tell import Optimizer
from optimizer.causal_discovery import CausalGraph, discover_causes, edge_stability
from optimizer.cross_validation import HeldOut, cross_validate, r_squared
from optimizer.effects import Effect, PairEffect, SobolIndex, effects, pair_effect
from optimizer.encoding import Encoding
from optimizer.fitting import Prediction, noise_sd, predict
from optimizer.hypervolume import best_first, hypervolumes
from optimizer.objective import Goals, Objective, OutcomeBounds
from optimizer.pareto import FrontPoint, pareto_front
from optimizer.propose import propose
from optimizer.recommendation import Recommendation, best_tried, most_promising, recommend
from optimizer.surfaces import Surface

__all__ = [
    "CausalGraph",
    "Effect",
    "Encoding",
    "FrontPoint",
    "Goals",
    "HeldOut",
    "Objective",
    "Optimizer",
    "OutcomeBounds",
    "PairEffect",
    "Prediction",
    "Recommendation",
    "SobolIndex",
    "Surface",
    "best_first",
    "best_tried",
    "cross_validate",
    "discover_causes",
    "edge_stability",
    "effects",
    "hypervolumes",
    "most_promising",
    "noise_sd",
    "pair_effect",
    "pareto_front",
    "predict",
    "propose",
    "r_squared",
    "recommend",
]
