"""What to try next. Pure: (space, observations, positions, seed) -> proposals."""

from optimizer.cross_validation import HeldOut, cross_validate, explained
from optimizer.effects import Effect, PairEffect, effects, pair_effect
from optimizer.encoding import Encoding
from optimizer.pareto import FrontPoint, pareto_front
from optimizer.propose import Prediction, noise_sd, predict, propose
from optimizer.recommendation import Recommendation, most_promising, recommend
from optimizer.surfaces import Surface

__all__ = [
    "Effect",
    "Encoding",
    "FrontPoint",
    "HeldOut",
    "PairEffect",
    "Prediction",
    "Recommendation",
    "Surface",
    "cross_validate",
    "effects",
    "explained",
    "most_promising",
    "noise_sd",
    "pair_effect",
    "pareto_front",
    "predict",
    "propose",
    "recommend",
]
