"""Replay: every batch of a campaign proposed once more from what was known then, beside what was proposed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.control.operators import Place
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import CampaignState, Requeued, RoundState
from orchestrator.journal.tables import EventRow
from protocols.conditions import Observation
from protocols.layout import Layout


class Replayed(NamedTuple):
    """A round that was proposed once more: how many wells got the same proposal, and which others did not.

    Wells that a person edited before the approval are in neither.
    """

    round: int
    same: int
    edited: int
    different: tuple[str, ...]


@dataclass
class _Known:
    """What is known of a well at some moment."""

    value: float | None = None
    flags: tuple[str, ...] = ()
    scored: bool = False
    by_hand: bool = False
    lost: bool = False
    requeued: bool = False


def replay(state: CampaignState, events: Sequence[EventRow]) -> list[Replayed]:
    """Propose every batch once more.

    What was known when a round was planned comes from the events before it, so later corrections do not disturb. The
    same versions of wellwise and its packages give the same proposals, to the last bit.

    Args:
        state: the campaign, as it stands now.
        events: all of its events, oldest first.
    """
    known: dict[Place, _Known] = {}
    found = []
    for event in events:
        if event.kind == "round_planned":
            found.append(_again(state, event.data["round"], known))
        else:
            _learn(known, event)
    return found


def _learn(known: dict[Place, _Known], event: EventRow) -> None:
    named = Place.named(event.subject)
    if named is None:
        return
    well = known.setdefault(named[1], _Known())
    match event.kind:
        case "observation":
            well.scored = True
            if not well.by_hand:
                well.value, well.flags = event.data["value"], tuple(event.data["flags"])
        case "value_entered":
            well.value, well.flags, well.lost = event.data["value"], (), False
            well.scored = well.by_hand = True
        case "well_excluded":
            well.flags = ("excluded",)
            well.scored = well.by_hand = True
        case "well_lost":
            well.lost = True
        case "well_requeued":
            well.requeued = True


def _again(state: CampaignState, number: int, known: dict[Place, _Known]) -> Replayed:
    before = [round for round in state.rounds if round.number < number]
    observations = list(state.past)
    requeued = []
    for round in before:
        for well in round.wells:
            place = Place(round.number, well.well.plate, well.well.name)
            now = known.get(place, _Known())
            condition = well.proposal.condition
            if now.scored and not now.lost:
                observations.append(
                    Observation(condition=condition, value=now.value, round=round.number, flags=now.flags)
                )
            if now.requeued:
                requeued.append(Requeued(*place, condition))
    plan = plan_round(state.campaign, number, observations, requeued)
    for seated in plan.requeued:
        known[Place(*seated)].requeued = False
    return _compared(state.rounds[number - 1], plan.layout)


def _compared(round: RoundState, layout: Layout) -> Replayed:
    again = {placement.well: placement.proposal for placement in layout.placements}
    same, edited, different = 0, 0, []
    for well in round.wells:
        if well.proposal.role == "edited":
            edited += 1
        elif again.get(well.well) == well.proposal:
            same += 1
        else:
            different.append(f"p{well.well.plate}/{well.well.name}")
    return Replayed(round.number, same, edited, tuple(different))
