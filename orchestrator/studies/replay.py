"""Replay: every batch proposed again from what was known then, to compare. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.core.events import EventKind
from orchestrator.core.round_planning import plan_round
from orchestrator.core.state import CampaignState, Requeued, RoundState
from orchestrator.journal.tables import EventRow
from protocols.addresses import RoundAddress, WellAddress, parse_address
from protocols.blocks import by_place
from protocols.campaign import Campaign
from protocols.combine import combined
from protocols.computed import with_computed
from protocols.conditions import Condition, Observation
from protocols.layout import Layout
from protocols.outcomes import Rule
from protocols.scoring import Score
from protocols.search_space import SearchSpace


class Replayed(NamedTuple):
    """A round that was proposed again: wells with the same proposal, and the others.

    Wells that a person edited before the approval are in neither.
    """

    round: int
    same: int
    edited: int
    different: tuple[str, ...]
    version: str = ""
    """The wellwise that proposed the batch; empty where that was not recorded (before 0.2)."""


@dataclass
class _Known:
    """What is known of a well at some moment."""

    value: float | None = None
    flags: tuple[str, ...] = ()
    scored: bool = False
    by_hand: bool = False
    lost: bool = False
    requeued: bool = False
    outcomes: dict[str, float | None] = field(default_factory=dict)
    covariates: dict[str, float | str] = field(default_factory=dict)
    scores: dict[str, dict[int, Score]] = field(default_factory=lambda: defaultdict(dict))
    """By outcome and reading; journals from before 0.2 do not say of which reading a score is."""

    def counted(self, event: EventRow, name: str, rule: Rule) -> Score:
        """The score that counts of an outcome, with one more."""
        found = Score(value=event.data["value"], flags=tuple(event.data["flags"]))
        scores = self.scores[name]
        scores[event.data.get("reading", 0)] = found
        return combined([scores[reading] for reading in sorted(scores)], rule)


def replay(state: CampaignState, events: Sequence[EventRow]) -> list[Replayed]:
    """Propose every batch again from what was known when it was planned.

    That is taken from the events before it, so later corrections do not disturb. The same versions
    of wellwise and its packages give the same proposals, to the last bit.

    Args:
        state: the campaign's present state.
        events: all of its events, oldest first.
    """
    known: dict[WellAddress, _Known] = {}
    over: set[int] = set()
    found = []
    campaign = _as_launched(state, events)
    for event in events:
        if event.kind == EventKind.CAMPAIGN_CHANGED:
            campaign = _with(campaign, event.data["after"])
        elif event.kind == EventKind.ROUND_PLANNED:
            again = _again(state, campaign, event.data["round"], known, over)
            found.append(again._replace(version=event.data.get("version", "")))
        elif event.kind == EventKind.ROUND_FINISHED:
            finished = parse_address(event.subject)
            assert isinstance(finished, RoundAddress)
            over.add(finished.round_number)
        else:
            _apply(known, event, state.campaign)
    return found


def campaigns_by_round(
    state: CampaignState, events: Sequence[EventRow]
) -> list[tuple[int, Campaign]]:
    """From which round on the campaign was as it then was; the first is that of the launch.

    Args:
        state: the campaign's present state.
        events: all of its events, oldest first.
    """
    found = {1: _as_launched(state, events)}
    for event in events:
        if event.kind == EventKind.CAMPAIGN_CHANGED:
            # What was changed again before the round was planned never held.
            found[event.data["round"]] = _with(list(found.values())[-1], event.data["after"])
    return list(found.items())


def _as_launched(state: CampaignState, events: Sequence[EventRow]) -> Campaign:
    """The campaign before anything of it was changed."""
    campaign = state.campaign
    for event in reversed(events):
        if event.kind == EventKind.CAMPAIGN_CHANGED:
            campaign = _with(campaign, event.data["before"])
    return campaign


def _with(campaign: Campaign, parts: Mapping[str, Any]) -> Campaign:
    written = campaign.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return Campaign.model_validate(written | dict(parts))


def _apply(known: dict[WellAddress, _Known], event: EventRow, campaign: Campaign) -> None:
    address = parse_address(event.subject)
    if not isinstance(address, WellAddress):
        return
    well = known.setdefault(address, _Known())
    match event.kind:
        case EventKind.OBSERVATION:
            well.scored = True
            score = well.counted(event, "", campaign.outcome.combine)
            if not well.by_hand:
                well.value, well.flags = score.value, score.flags
        case EventKind.MEASUREMENT:
            rule = campaign.scored(event.message).combine
            score = well.counted(event, event.message, rule)
            well.outcomes[event.message] = None if score.flags else score.value
        case EventKind.VALUE_ENTERED | EventKind.WELL_EXCLUDED if event.data.get("outcome"):
            well.outcomes[event.data["outcome"]] = event.data.get("value")
        case EventKind.VALUE_ENTERED:
            well.value, well.flags, well.lost = event.data["value"], (), False
            well.scored = well.by_hand = True
        case EventKind.WELL_EXCLUDED:
            well.flags = ("excluded",)
            well.scored = well.by_hand = True
        case EventKind.COVARIATE_RECORDED:
            well.covariates[event.data["covariate"]] = event.data["value"]
        case EventKind.WELL_LOST:
            well.lost = True
        case EventKind.WELL_REQUEUED:
            well.requeued = True


def _again(
    state: CampaignState,
    campaign: Campaign,
    number: int,
    known: dict[WellAddress, _Known],
    over: AbstractSet[int],
) -> Replayed:
    before = [batch for batch in state.rounds if batch.number < number]
    observations = [
        found.model_copy(update={"condition": _then(campaign, found.condition)})
        for found in state.past
    ]
    requeued, pending = [], []
    blocks = by_place(campaign.covariates, campaign.plates)
    for batch in before:
        for well in batch.wells:
            address = WellAddress(state.id, batch.number, well.well.plate, well.well.name)
            now = known.get(address, _Known())
            condition = _then(campaign, well.proposal.condition)
            entered = Score(value=now.value, flags=now.flags) if now.scored else None
            score, outcomes = with_computed(
                campaign.computed, campaign.outcome.name, entered, now.outcomes
            )
            if score is not None and not now.lost:
                observations.append(
                    Observation(
                        condition=condition,
                        value=score.value,
                        round=batch.number,
                        flags=score.flags,
                        outcomes=outcomes,
                        plate=well.well.plate,
                        edge=well.edge,
                        covariates={
                            **blocks.get((well.well.plate, well.well.name), {}),
                            **now.covariates,
                        },
                    )
                )
            elif not now.lost and batch.number not in over:
                pending.append(condition)
            if now.requeued:
                requeued.append(Requeued(address, condition))
    plan = plan_round(campaign, number, observations, requeued, pending=pending)
    for address in plan.requeued:
        known[address].requeued = False
    return _compared(state.rounds[number - 1], plan.layout, state.campaign.space)


def _then(campaign: Campaign, condition: Condition) -> Condition:
    """A condition as it was when the campaign had these parameters."""
    names = campaign.space.by_name
    return Condition({name: value for name, value in condition.root.items() if name in names})


def _compared(batch: RoundState, layout: Layout, space: SearchSpace) -> Replayed:
    again = {
        placement.well: placement.proposal.model_copy(
            update={"condition": space.completed(placement.proposal.condition)}
        )
        for placement in layout.placements
    }
    same, edited, different = 0, 0, []
    for well in batch.wells:
        if well.proposal.role == "edited":
            edited += 1
        elif again.get(well.well) == well.proposal:
            same += 1
        else:
            different.append(f"p{well.well.plate}/{well.well.name}")
    return Replayed(batch.number, same, edited, tuple(different))
