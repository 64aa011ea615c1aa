"""What to try next. Pure: (search space, observations, positions, seed) -> proposals.

`propose` is the main function. The others say what the same model makes of the observations:
`predict`, `recommend`, `effects`, `cross_validate`, `pareto_front`; `Surface` simulates the
objective, and `discover_causes` looks for what causes what in a table of measurements. All of them
are imported when they are first used: what only wants the objectives needs no torch.
"""

from typing import TYPE_CHECKING

from protocols.public_names import lazily

if TYPE_CHECKING:
    from optimizer.ask_tell import Optimizer
    from optimizer.causes.discovery import CausalGraph, discover_causes, edge_stability
    from optimizer.causes.interventions import InterventionEffect, intervention_effects
    from optimizer.cross_validation import HeldOut, cross_validate, r_squared
    from optimizer.encoding import Encoding
    from optimizer.fitting import noise_sd, predict
    from optimizer.hypervolume import best_first, hypervolumes
    from optimizer.objective import Goals, Objective, OutcomeBounds
    from optimizer.pareto import pareto_front
    from optimizer.proposing import propose
    from optimizer.recommendation import best_tried, most_promising, recommend
    from optimizer.sensitivity import Effect, PairEffect, SobolIndex, effects, pair_effect
    from optimizer.surfaces import Surface
    from protocols.recommendations import FrontPoint, Prediction, Recommendation

__all__ = [
    "CausalGraph",
    "Effect",
    "Encoding",
    "FrontPoint",
    "Goals",
    "HeldOut",
    "InterventionEffect",
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
    "intervention_effects",
    "most_promising",
    "noise_sd",
    "pair_effect",
    "pareto_front",
    "predict",
    "propose",
    "r_squared",
    "recommend",
]

_NAMES = {
    "optimizer.ask_tell": "Optimizer",
    "optimizer.causes.discovery": "CausalGraph discover_causes edge_stability",
    "optimizer.cross_validation": "HeldOut cross_validate r_squared",
    "optimizer.sensitivity": "Effect PairEffect SobolIndex effects pair_effect",
    "optimizer.encoding": "Encoding",
    "optimizer.fitting": "noise_sd predict",
    "optimizer.hypervolume": "best_first hypervolumes",
    "optimizer.causes.interventions": "InterventionEffect intervention_effects",
    "optimizer.objective": "Goals Objective OutcomeBounds",
    "optimizer.pareto": "pareto_front",
    "optimizer.proposing": "propose",
    "optimizer.recommendation": "best_tried most_promising recommend",
    "optimizer.surfaces": "Surface",
    "protocols.recommendations": "FrontPoint Prediction Recommendation",
}

# A type checker sees the imports above; to it, __getattr__ would make every misspelt name valid.
if not TYPE_CHECKING:
    __getattr__ = lazily("optimizer", _NAMES, globals())
