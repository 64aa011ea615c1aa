"""Layout: which condition is in which well.

Controls are where their decided parameter fits; the rest is balanced between plates.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

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
) -> Assignment:
    """Assign the first `number` candidates that fit a well, on different plates as far as possible.

    Args:
        candidates: conditions, best first; each may be assigned once.
        number: how many of them the round wants.
        wells: the wells of the round.
        decided: what each well decides, by parameter name; as long as `wells`.
        seed: decides among wells that fit equally well.
        taken: wells (by index) that are not free.

    Returns:
        by_well: well index -> candidate index.
        unassigned: candidate index -> what it needs, for each that no free well fits and that gave
            way to the next best.
    """
    rng = np.random.default_rng(seed)
    assigned: dict[int, int] = {}
    unassigned: dict[int, str] = {}
    for index, condition in enumerate(candidates):
        if len(assigned) == number:
            break
        fitting = [place for place in range(len(wells)) if condition.agrees_with(decided[place])]
        free = [place for place in fitting if place not in assigned and place not in taken]
        if not free:
            needs = ", ".join(f"{name}={condition[name]}" for name in decided[0])
            unassigned[index] = f"has no {'free ' if fitting else ''}well in this round ({needs})"
            continue
        crowd = Counter(wells[place].plate for place in assigned)
        fewest = min(crowd[wells[place].plate] for place in free)
        assigned[
            int(rng.choice([place for place in free if crowd[wells[place].plate] == fewest]))
        ] = index
    return Assignment(assigned, unassigned)


def assign_standard(
    space: SearchSpace,
    number: int,
    wells: Sequence[Well],
    decided: Sequence[Mapping[str, Value]],
    seed: int,
) -> dict[int, Condition]:
    """Assign the standard condition to `number` wells that it fits, spread over the plates.

    Returns: well index -> the standard condition with that well's decided values.
    """
    fitting = [index for index in range(len(wells)) if space.standard_fits(decided[index])]
    standards = [space.standard(decided[index]) for index in fitting]
    assigned: dict[int, Condition] = {}
    order = np.random.default_rng(seed).permutation(len(fitting))
    per_plate: Counter[int] = Counter()
    for _ in range(min(number, len(fitting))):
        place = min(
            (int(index) for index in order if fitting[index] not in assigned),
            key=lambda index: per_plate[wells[fitting[index]].plate],
        )
        assigned[fitting[place]] = standards[place]
        per_plate[wells[fitting[place]].plate] += 1
    return assigned


def lay_out(
    space: SearchSpace,
    round_number: int,
    wells: Sequence[Well],
    decided: Sequence[Mapping[str, Value]],
    assigned: Mapping[int, Proposal],
    proposals: Sequence[Proposal],
    seed: int,
) -> Layout:
    """Put each proposal into a well that fits it, by restricted randomisation.

    Of a few hundred random arrangements the one is taken whose plates differ least in the mean of
    each parameter, so that a plate effect is not mistaken for a parameter's. Replicates of a
    condition are on different plates, as far as the free wells that fit it allow.

    Args:
        space: for the scale of each parameter.
        round_number: number of the round, from 1.
        wells: the wells of the round.
        decided: what each well decides; as long as `wells`.
        assigned: proposals that already have their well (controls, standard), by well index.
        proposals: one for each other well.
        seed: decides the arrangements that are tried.

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
    plates = np.array([well.plate for well in wells])
    rng = np.random.default_rng(seed)
    best_score, best_rows = np.inf, np.empty(0, dtype=int)
    for _ in range(_ARRANGEMENTS if len(set(plates)) > 1 else 1):
        rows = np.empty(len(wells), dtype=int)
        for index, row in assigned_rows.items():
            rows[index] = row
        for key, group in free.items():
            rows[group] = _arranged(rng, plates[group], list(wanting[key].values()))
        arranged = features[rows]
        means = np.stack([arranged[plates == plate].mean(axis=0) for plate in np.unique(plates)])
        score = float(((means - arranged.mean(axis=0)) ** 2).sum())
        if score < best_score:
            best_score, best_rows = score, rows
    everything = [*proposals, *assigned.values()]
    placements = [
        Placement(well=w, proposal=everything[row]) for w, row in zip(wells, best_rows, strict=True)
    ]
    return Layout(round=round_number, placements=tuple(placements))


def _arranged(
    rng: np.random.Generator,
    plates: NDArray[np.int_],
    groups: Sequence[Sequence[int]],
) -> NDArray[np.int_]:
    """The members of groups of replicates in random order, one for each well.

    Each replicated condition in turn takes one well of every plate with most free wells: that
    separates its replicates wherever it is possible at all (Ryser 1957, for a 0-1 matrix with given
    sums of rows and columns).

    Args:
        rng: decides the order, and among plates with as many free wells.
        plates: the plate of each well; as long as all groups together.
        groups: indices of the proposals of each condition.
    """
    if len(groups) == len(plates):
        return rng.permutation([member for (member,) in groups])
    order = rng.permutation(len(plates))
    left = {int(plate): [int(w) for w in order if plates[w] == plate] for plate in set(plates)}
    rows = np.empty(len(plates), dtype=int)
    shuffled = [groups[index] for index in rng.permutation(len(groups))]
    for group in sorted(shuffled, key=len, reverse=True):
        used: Counter[int] = Counter()
        for member in rng.permutation(group):
            ties = {plate: rng.random() for plate in left}
            plate = min(
                (plate for plate in left if left[plate]),
                key=lambda plate: (used[plate], -len(left[plate]), ties[plate]),
            )
            used[plate] += 1
            rows[left[plate].pop()] = member
    return rows
