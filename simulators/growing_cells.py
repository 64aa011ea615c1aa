"""Cells that grow: how full of them a well is, by the time since they were seeded.

Logistic growth (Verhulst 1838) from what was seeded; a growth factor speeds it up, and too much of
it slows it down again. After a detachment what is left grows on. The camera shows the share of the
well that is covered.
"""

import math
from collections.abc import Sequence

from protocols.operations import Detach, Dispense
from simulators.robot_log import Performed

_COVERED_BY_ML = 0.2
"""Share of the well that the cells of a millilitre of suspension cover."""

_DOUBLING_H = 20.0
_BEST_NM, _SPEED_UP = 80.0, 0.6
_LEFT_AFTER_DETACHMENT = 0.15


def growing_cells(history: Sequence[Performed]) -> float:
    """The share of the well that is covered with cells when its history ends, 0 to 1."""
    covered, rate, since = 0.0, math.log(2) / _DOUBLING_H, None
    for done in history:
        if since is not None and covered > 0:
            hours = (done.ended_at - since).total_seconds() / 3600
            covered = 1 / (1 + (1 / covered - 1) * math.exp(-rate * hours))
        since = done.ended_at
        if isinstance(done.operation, Dispense):
            if "cells" in done.operation.liquid:
                seeded = _COVERED_BY_ML * done.operation.volume_ul / 1000
                covered = min(covered + seeded, 0.99)
            for supplement in done.operation.supplements:
                if supplement.substance == "growth factor":
                    octaves = math.log2(max(supplement.concentration, 1e-3) / _BEST_NM)
                    faster = 1 + _SPEED_UP * math.exp(-((octaves / 2) ** 2))
                    rate = faster * math.log(2) / _DOUBLING_H
        elif isinstance(done.operation, Detach):
            covered *= _LEFT_AFTER_DETACHMENT
    return covered
