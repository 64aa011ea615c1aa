"""Parameters with one value a plate, chosen by the optimiser: a split-plot design. Pure.

Such are the temperature of an incubator or the run of a centrifuge: hard to change, or shared by a
plate. The plates are chosen first, as a batch of one condition a plate; the wells of each plate
then keep its values (the whole plots and subplots of Fisher 1925, Jones and Nachtsheim 2009).
"""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np

import optimizer
from orchestrator.core.goals import goals_of
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation, Value


class WantedWells(NamedTuple):
    """A condition that is not the optimiser's, and for how many wells of the round.

    `needed`: it has a plate before the optimiser has one.
    """

    condition: Condition
    wells: int
    needed: bool = True


def plate_values(
    campaign: Campaign,
    round_number: int,
    observations: Sequence[Observation],
    wanted: Sequence[WantedWells],
    *,
    seed: int,
    pending: Sequence[Condition] = (),
) -> list[dict[str, Value]]:
    """What all wells of each plate of a round have, plate by plate; nothing where wells may differ.

    Conditions that are wanted get as many plates of their values as their wells need, in their
    order; the optimiser has the other plates. Which plate gets which values is random.

    Args:
        campaign: with its space, plates and strategy.
        round_number: number of the round, from 1.
        observations: everything observed so far.
        wanted: conditions that are not the optimiser's, the most wanted first. Those that are not
            `needed` leave it one plate at least; those that have another value than is fixed for
            the round have none.
        seed: decides.
        pending: conditions of other rounds that are under way.
    """
    names = [parameter.name for parameter in campaign.space.one_a_plate]
    plates = campaign.plates.count
    if not names:
        return [{}] * plates
    space, fixed = campaign.space, campaign.rounds.wanted_of(round_number).fixed
    kept = {name: space.by_name[name].snap(fixed[name]) for name in names if name in fixed}
    possible = [one for one in wanted if kept.items() <= one.condition.root.items()]
    found = _of_wanted(names, possible, plates, campaign.plates.wells_per_plate)
    if len(found) < plates:
        proposals = optimizer.propose(
            space,
            observations,
            positions=[fixed] * (plates - len(found)),
            number=plates - len(found),
            seed=seed,
            pending=pending,
            strategy=campaign.strategy,
            objective=goals_of(campaign),
        )
        found += [{name: one.condition[name] for name in names} for one in proposals]
    order = np.random.default_rng(seed).permutation(plates)
    return [found[index] for index in order]


def _of_wanted(
    names: Sequence[str], wanted: Sequence[WantedWells], plates: int, wells_per_plate: int
) -> list[dict[str, Value]]:
    """The values of the plates that conditions which are wanted need."""
    wells: dict[tuple[Value, ...], int] = {}
    needed: dict[tuple[Value, ...], bool] = {}
    for one in wanted:
        if one.wells and all(name in one.condition.root for name in names):
            key = tuple(one.condition[name] for name in names)
            wells[key] = wells.get(key, 0) + one.wells
            needed[key] = needed.get(key, False) or one.needed
    found: list[dict[str, Value]] = []
    for key, number in wells.items():
        room = plates if needed[key] else plates - 1
        more = min(ceil(number / wells_per_plate), max(room - len(found), 0))
        found += [dict(zip(names, key, strict=True))] * more
    return found
