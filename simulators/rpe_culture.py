"""A model of iPS cells becoming pigment epithelium: a well's history -> coloured-cell ratio.

It knows nothing of conditions or parameters. It reads the operations that robots really did and
computes exposures: inhibitor days, trypsin minutes, strokes, serum days, factor days. Its constants
are fitted to the published campaign (random conditions: mean 0.16, median 0.06, best of 47 about
0.86; standard condition 0.45; best reachable 0.95) and to the 47 published wells of round 1; they
are not biology.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from protocols.operations import Detach, Dispense
from simulators.robot_log import Performed

INHIBITOR = "FGF-receptor inhibitor"
SERUM = "serum replacement"
FACTORS = "three factors"
ENZYME = "trypsin"

_DAY = timedelta(days=1)
_NEGLECT_AFTER_DAYS = 4.0


def rpe_culture(history: Sequence[Performed]) -> float:
    """The coloured-cell ratio that the history of a well leads to, without chance; 0..1.

    A well that was never seeded, or never detached and passed on, has no pigmented cells.
    """
    dispensed = [(p.ended_at, p.operation) for p in history if isinstance(p.operation, Dispense)]
    detached = next((p for p in history if isinstance(p.operation, Detach)), None)
    passed_on = any(p.operation.kind == "transfer" for p in history)
    if not dispensed or detached is None or not passed_on:
        return 0.0
    assert isinstance(detached.operation, Detach)
    added = [
        moment for moment, op in dispensed if op.liquid == ENZYME and moment <= detached.started_at
    ]
    trypsin_min = (detached.started_at - max(added)).total_seconds() / 60 if added else 0.0
    end = history[-1].ended_at
    inhibitor_days, inhibitor_nm = _exposure(dispensed, INHIBITOR, end)
    serum_days, _ = _exposure(dispensed, SERUM, end)
    factor_days, _ = _exposure(dispensed, FACTORS, end)
    return (
        0.9684
        * _competence(inhibitor_nm, inhibitor_days)
        * _survival(trypsin_min, detached.operation.speed_mm_s, detached.operation.stroke)
        * _induction(serum_days, factor_days)
        * _care([moment for moment, _ in dispensed], end)
    )


def _exposure(
    dispensed: Sequence[tuple[datetime, Dispense]], substance: str, end: datetime
) -> tuple[float, float]:
    """Days with a substance, and its mean concentration over those days."""
    days = dose = 0.0
    until = [moment for moment, _ in dispensed[1:]] + [end]
    for (begin, operation), finish in zip(dispensed, until, strict=True):
        span = (finish - begin) / _DAY
        for supplement in operation.supplements:
            if supplement.substance == substance and supplement.concentration > 0:
                days += span
                dose += span * supplement.concentration
    return days, dose / days if days else 0.0


def _competence(nm: float, days: float) -> float:
    """How many cells are ready: the inhibitor acts by dose and by days, and kills by both."""
    dose = nm * (days / 6) ** 0.4157
    works = (
        0.1496 + 0.8504 * _rises((math.log(dose) - math.log(101.67)) / 0.2134)
        if dose > 0
        else 0.1496
    )
    poisoned = _rises((nm - 339.44 + 12 * (days - 4)) / 11.083)
    enough_days = 0.185 + 0.815 * _rises((days - 3.5645) / 0.3412)
    return works * (1 - 0.97 * poisoned) * enough_days


def _survival(trypsin_min: float, speed_mm_s: float, stroke: str) -> float:
    """How many cells come off alive: too gentle leaves them behind, too strong kills."""
    long = float(stroke == "long")
    force = math.log10(max(speed_mm_s, 1.0) / 10)
    strain = force * (1 + 0.258 * long) * (0.55 + 0.3042 * trypsin_min / 26) + 0.093 * long
    alive = 1 - 0.95 * _rises((strain + 0.01 * (trypsin_min - 8) - 1.0549) / 0.0513)
    loose = _rises((trypsin_min + 10 * force + 4 * long - 1.6435) / 1.5)
    return alive * loose


def _induction(serum_days: float, factor_days: float) -> float:
    """How many cells turn: the more days of factors, the fewer of serum are wanted."""
    wanted = 12.346 - 0.6091 * (factor_days - 11)
    width = 7.3655 if serum_days < wanted else 10.1171
    by_serum = 0.267 + 0.733 * math.exp(-0.5 * ((serum_days - wanted) / width) ** 2)
    by_factors = 0.2706 + 0.7294 * math.exp(-0.5 * ((factor_days - 12.915) / 8.7721) ** 2)
    return by_serum * by_factors


def _care(changes: Sequence[datetime], end: datetime) -> float:
    """Cells that wait longer than four days for fresh medium lose pigment."""
    neglect = sum(max(0.0, gap - _NEGLECT_AFTER_DAYS) for gap in _gaps([*changes, end]))
    return math.exp(-0.25 * neglect)


def _gaps(moments: Sequence[datetime]) -> Iterator[float]:
    return ((later - earlier) / _DAY for earlier, later in pairwise(moments))


def _rises(x: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, x))))
