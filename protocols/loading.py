"""Loading: jobs -> what a person loads each day: plates, liquids, substances, tips."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from protocols.jobs import Job
from protocols.quantities import conversion

TIP_SIZES_UL = (20.0, 200.0, 300.0, 1000.0)
"""The tips that most pipettes have."""


class Substance(NamedTuple):
    """How much of a supplement goes into the liquids of a day, in `unit` (pmol, ug, uL ...)."""

    name: str
    amount: float
    unit: str


class Load(NamedTuple):
    """What one day takes, without dead volumes.

    `plates` are new ones by labware, `liquids_ul` the volumes dispensed, `tips` the fresh tips by
    their size in uL: one for each liquid, well and operation, which is the careful use.
    """

    day: date
    plates: dict[str, int]
    liquids_ul: dict[str, float]
    substances: tuple[Substance, ...]
    tips: dict[float, int]


def loads(jobs: Iterable[Job], tip_sizes_ul: Sequence[float] = TIP_SIZES_UL) -> list[Load]:
    """The loads of all days on which something is needed, in order.

    Args:
        jobs: of one round or of several.
        tip_sizes_ul: what the pipettes can hold; a larger volume takes several strokes of the
            largest tip.
    """
    sizes = sorted(tip_sizes_ul)
    by_day: dict[date, list[Job]] = defaultdict(list)
    for job in jobs:
        by_day[job.due_at.date()].append(job)
    seen: set[str] = set()
    found = []
    for day in sorted(by_day):
        load = _load(day, by_day[day], sizes, seen)
        if load.plates or load.liquids_ul or load.tips:
            found.append(load)
    return found


def _load(day: date, jobs: Sequence[Job], sizes: Sequence[float], seen: set[str]) -> Load:
    plates: Counter[str] = Counter()
    liquids: defaultdict[str, float] = defaultdict(float)
    amounts: defaultdict[tuple[str, str], float] = defaultdict(float)
    tips: Counter[float] = Counter()
    for job in jobs:
        if job.plate_id not in seen:
            seen.add(job.plate_id)
            plates[job.labware] += 1
        # Cells that are passed on need a fresh plate, which takes the old one's place.
        if any(operation.fresh_plate for operation in job.operations):
            plates[job.labware] += 1
        for operation in job.operations:
            if (liquid := operation.added) is not None:
                liquids[liquid.name] += liquid.volume_ul
                for supplement in liquid.supplements:
                    unit, factor = _amount_unit(supplement.unit)
                    amounts[supplement.substance, unit] += (
                        supplement.concentration * liquid.volume_ul * factor
                    )
            if operation.tip_ul is not None:
                tips[_tip(operation.tip_ul, sizes)] += 1
    substances = (
        Substance(name, amount, unit) for (name, unit), amount in sorted(amounts.items()) if amount
    )
    return Load(
        day,
        dict(plates),
        dict(sorted(liquids.items())),
        tuple(substances),
        dict(sorted(tips.items())),
    )


def _tip(volume_ul: float, sizes: Sequence[float]) -> float:
    return next((size for size in sizes if size >= volume_ul), sizes[-1])


def _amount_unit(concentration: str) -> tuple[str, float]:
    """The unit of amount for a unit of concentration, and what (concentration x uL) is of it."""
    for amount in ("pmol", "ug", "uL"):
        try:
            return amount, conversion(1.0, f"{concentration} * uL", amount)
        except ValueError:
            continue
    # What is counted: U of an enzyme, cells.
    for volume in ("mL", "uL", "L"):
        if concentration.endswith(f"/{volume}"):
            return concentration.removesuffix(f"/{volume}"), conversion(1.0, "uL", volume)
    return f"{concentration} uL", 1.0
