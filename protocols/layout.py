"""Layout: which condition is in which well.

Controls are where their decided parameter fits; the rest is balanced between blocks and plates.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from protocols.arrangements import Arranger, Part
from protocols.conditions import Condition, Proposal, Value
from protocols.plates import Well
from protocols.search_space import SearchSpace

_ARRANGEMENTS = 200


class Placement(BaseModel):
    """A proposal in its well."""

    model_config = ConfigDict(frozen=True)

    well: Well
    proposal: Proposal


class Layout(BaseModel):
    """Every well of a round with its proposal, plate by plate in processing order."""

    model_config = ConfigDict(frozen=True)

    round: int
    placements: tuple[Placement, ...]

    def on_plate(self, plate: int) -> tuple[Placement, ...]:
        """The placements of one plate, in processing order."""
        return tuple(placement for placement in self.placements if placement.well.plate == plate)


class Assignment(NamedTuple):
    """Which candidates are in which wells (both by index), and why others are in none."""

    by_well: dict[int, int]
    unassigned: dict[int, str]


def assign(
    candidates: Sequence[Condition],
    number: int,
    wells: Sequence[Well],
    decided: Sequence[Mapping[str, Value]],
    seed: int,
    taken: Collection[int] = (),
    blocks: Sequence[Mapping[str, str]] = (),
) -> Assignment:
    """Assign the first `number` candidates that fit a well, on different plates as far as possible.

    Before that, in different blocks.

    Args:
        candidates: conditions, best first; each may be assigned once.
        number: how many of them the round wants.
        wells: the wells of the round.
        decided: what each well decides, by parameter name; as long as `wells`.
        seed: decides among wells that fit equally well.
        taken: wells (by index) that are not free.
        blocks: the label of each block by its name, for each well; none if absent.

    Returns:
        by_well: well index -> candidate index.
        unassigned: candidate index -> what it needs, for each that no free well fits and that gave
            way to the next best.
    """
    rng = np.random.default_rng(seed)
    # Few values are decided and few units are there, however many wells.
    alike = defaultdict(list)
    for place, own in enumerate(decided):
        alike[tuple(own.items())].append(place)
    units, crowd = _units(wells, blocks), Counter[Part]()
    unit_of, distinct = _numbered(units), list(dict.fromkeys(units))
    free = np.ones(len(wells), dtype=bool)
    free[list(taken)] = False
    assigned: dict[int, int] = {}
    unassigned: dict[int, str] = {}
    for index, condition in enumerate(candidates):
        if len(assigned) == number:
            break
        fitting = np.zeros(len(wells), dtype=bool)
        for values, places in alike.items():
            fitting[places] = condition.agrees_with(dict(values))
        found = np.flatnonzero(fitting & free)
        if not len(found):
            needs = ", ".join(f"{name}={condition[name]}" for name in decided[0])
            why = f"has no {'free ' if fitting.any() else ''}well in this round"
            unassigned[index] = f"{why} ({needs})" if needs else why
            continue
        there = {unit: _crowding(distinct[unit], crowd) for unit in np.unique(unit_of[found])}
        fewest = min(there.values())
        best = [unit for unit, crowding in there.items() if crowding == fewest]
        place = int(rng.choice(found[np.isin(unit_of[found], best)]))
        assigned[place] = index
        free[place] = False
        crowd.update(units[place])
    return Assignment(assigned, unassigned)


def assign_standard(
    space: SearchSpace,
    number: int,
    wells: Sequence[Well],
    decided: Sequence[Mapping[str, Value]],
    seed: int,
    where: Collection[str] = (),
    blocks: Sequence[Mapping[str, str]] = (),
) -> dict[int, Condition]:
    """Assign the standard condition to `number` wells that it fits, over all blocks and plates.

    Args:
        space: with the standard condition.
        number: how many wells are wanted.
        wells: the wells of the round.
        decided: what each well decides; as long as `wells`.
        seed: decides among wells.
        where: names of the wells of each plate that may be taken; all if there are none.
        blocks: the label of each block by its name, for each well; none if absent.

    Returns: well index -> the standard condition with that well's decided values.
    """
    fitting = [
        index
        for index, well in enumerate(wells)
        if (not where or well.name in where) and space.standard_fits(decided[index])
    ]
    order = np.random.default_rng(seed).permutation(len(fitting))
    units, crowd = _units(wells, blocks), Counter[Part]()
    waiting: dict[tuple[Part, ...], deque[tuple[int, int]]] = defaultdict(deque)
    for turn, index in enumerate(order):
        place = fitting[index]
        waiting[units[place]].append((turn, place))
    assigned: dict[int, Condition] = {}
    for _ in range(min(number, len(fitting))):
        unit = min(
            (unit for unit, places in waiting.items() if places),
            key=lambda unit: (_crowding(unit, crowd), waiting[unit][0]),
        )
        _, place = waiting[unit].popleft()
        assigned[place] = space.standard(decided[place])
        crowd.update(unit)
    return assigned


def lay_out(
    space: SearchSpace,
    round_number: int,
    wells: Sequence[Well],
    decided: Sequence[Mapping[str, Value]],
    assigned: Mapping[int, Proposal],
    proposals: Sequence[Proposal],
    seed: int,
    blocks: Sequence[Mapping[str, str]] = (),
) -> Layout:
    """Put each proposal into a well that fits it, by restricted randomisation.

    Of a few hundred random arrangements the one is taken whose plates and blocks differ least in
    the mean of each parameter, so that what they have in common is not mistaken for a parameter's
    effect. Replicates of a condition are in different blocks and on different plates, as far as
    the free wells that fit it allow.

    Args:
        space: for the scale of each parameter.
        round_number: number of the round, from 1.
        wells: the wells of the round.
        decided: what each well decides; as long as `wells`.
        assigned: proposals that already have their well (controls, standard), by well index.
        proposals: one for each other well.
        seed: decides the arrangements that are tried.
        blocks: the label of each block by its name, for each well; none if absent.

    Raises:
        ValueError: the proposals do not fit the free wells one to one.
    """
    free: dict[tuple[tuple[str, Value], ...], list[int]] = defaultdict(list)
    for index, values in enumerate(decided):
        if index not in assigned:
            free[tuple(sorted(values.items()))].append(index)
    wanting: dict[tuple[tuple[str, Value], ...], dict[Condition, list[int]]] = defaultdict(dict)
    names = tuple(sorted(decided[0])) if decided else ()
    for number, proposal in enumerate(proposals):
        condition = proposal.condition
        same = wanting[tuple((name, condition[name]) for name in names)]
        same.setdefault(condition, []).append(number)
    if {key: len(group) for key, group in free.items()} != {
        key: sum(map(len, group.values())) for key, group in wanting.items()
    }:
        raise ValueError("the proposals do not fit the free wells of the round")

    features = np.array([space.shares(p.condition) for p in [*proposals, *assigned.values()]])
    assigned_rows = {index: len(proposals) + row for row, index in enumerate(assigned)}
    units = _units(wells, blocks)
    groupings = [_numbered(parts) for parts in zip(*units, strict=True)]
    rng = np.random.default_rng(seed)
    arrangers = [
        (group, Arranger([units[index] for index in group], list(wanting[key].values())))
        for key, group in free.items()
    ]
    best_score, best_rows = np.inf, np.empty(0, dtype=int)
    for rows in _arrangements(
        rng, arrangers, len(wells), _ARRANGEMENTS if len(set(units)) > 1 else 1
    ):
        for index, row in assigned_rows.items():
            rows[index] = row
        arranged = features[rows]
        score = sum(_imbalance(arranged, groups) for groups in groupings)
        if score < best_score:
            best_score, best_rows = score, rows
    everything = [*proposals, *assigned.values()]
    placements = [
        Placement(well=w, proposal=everything[row]) for w, row in zip(wells, best_rows, strict=True)
    ]
    return Layout(round=round_number, placements=tuple(placements))


def _units(wells: Sequence[Well], blocks: Sequence[Mapping[str, str]]) -> list[tuple[Part, ...]]:
    """What each well shares with others: its blocks, and its plate."""
    labels = blocks or [{}] * len(wells)
    return [
        (*found.items(), ("plate", well.plate)) for well, found in zip(wells, labels, strict=True)
    ]


def _crowding(unit: Sequence[Part], crowd: Counter[Part]) -> tuple[int, ...]:
    """How often each part of a unit is taken already, blocks before the plate."""
    return tuple(crowd[part] for part in unit)


def _numbered(parts: Sequence[Hashable]) -> NDArray[np.int_]:
    """The number of each part among those that there are."""
    numbers = {part: number for number, part in enumerate(dict.fromkeys(parts))}
    return np.array([numbers[part] for part in parts])


def _arrangements(
    rng: np.random.Generator,
    arrangers: Sequence[tuple[Sequence[int], Arranger]],
    wells: int,
    number: int,
) -> Iterator[NDArray[np.int_]]:
    """So many random arrangements: the proposal in each well that an arranger fills."""
    at_once = min((arranger.at_once for _, arranger in arrangers), default=number)
    for start in range(0, number, at_once):
        drawn = [
            [arranger.drawn(rng) for _, arranger in arrangers]
            for _ in range(start, min(start + at_once, number))
        ]
        several = [np.empty(wells, dtype=int) for _ in drawn]
        for place, (group, arranger) in enumerate(arrangers):
            found = arranger.arranged([one[place] for one in drawn])
            for rows, own in zip(several, found, strict=True):
                rows[group] = own
        yield from several


def _imbalance(features: NDArray[np.float64], groups: NDArray[np.int_]) -> float:
    """How far the means of groups are from that of all, squared and summed."""
    means = np.stack([features[groups == group].mean(axis=0) for group in np.unique(groups)])
    return float(((means - features.mean(axis=0)) ** 2).sum())
