"""Planning a round: observations -> proposals -> layout. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import optimizer
from optimizer.cost_weights import expenses
from optimizer.objective import ONE_HIGH, Goals
from orchestrator.core.first_design import chosen_condition, part_of_design, seed_of
from orchestrator.core.goals import goals_of
from orchestrator.core.plate_values import WantedWells, plate_values
from orchestrator.core.state import Requeued
from protocols.addresses import WellAddress
from protocols.blocks import labels_of
from protocols.campaign import Campaign
from protocols.campaign_parts import Chosen
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.layout import Layout, assign, assign_standard, lay_out
from protocols.number_words import counted


@dataclass(frozen=True)
class Plan:
    """The layout of a round, notes for the operator, and lost wells that are tried again.

    `expected_gain`: by how much the round is expected to raise the best true value; None where no
        model was asked.
    """

    layout: Layout
    notices: tuple[str, ...]
    requeued: tuple[WellAddress, ...] = ()
    expected_gain: float | None = None

    def too_little(self, campaign: Campaign) -> str:
        """Why the round is not worth its wells by the stop rule, or nothing."""
        least, gain = campaign.stop.least_gain, self.expected_gain
        if least is None or gain is None or gain >= least:
            return ""
        scale = campaign.outcome.scale
        by = f"{gain:.4f}" if scale.is_ratio else scale.number(gain)
        better = {"maximise": "raise the best", "minimise": "lower the best"}.get(
            campaign.objective.direction, "bring the best nearer"
        )
        reason = f"round {self.layout.round} is expected to {better} by {by} < {least:g}"
        return f"{reason} {scale.unit}".rstrip()


def plan_round(
    campaign: Campaign,
    round_number: int,
    observations: Sequence[Observation],
    requeued: Sequence[Requeued] = (),
    rough: bool = False,
    pending: Sequence[Condition] = (),
) -> Plan:
    """Fill the wells of a round: standards or controls, retried conditions, then proposals.

    Retried are the conditions of lost wells. The optimiser chooses given what the wells that are
    left decide.

    Args:
        campaign: with its round plan, plates and seed.
        round_number: number of the round, from 1.
        observations: everything observed so far, past results included.
        requeued: lost wells whose conditions are to be tried again.
        rough: less work for the optimiser, for campaigns that are only simulated.
        pending: conditions of other rounds that are under way.
    """
    if campaign.first_rounds >= round_number and campaign.first_rounds > 1:
        return Plan(part_of_design(campaign, round_number), ())
    wells = campaign.plates.all_wells()
    wanted = campaign.rounds.wanted_of(round_number)
    values_of_plate = plate_values(
        campaign,
        round_number,
        observations,
        _wanted_conditions(campaign, round_number, observations, requeued)
        if campaign.space.one_a_plate
        else (),
        seed=seed_of(campaign, round_number, 6),
        pending=pending,
    )
    decided = [
        values | values_of_plate[well.plate - 1]
        for values, well in zip(campaign.decided_values(round_number), wells, strict=True)
    ]
    blocks = labels_of(campaign.covariates, wells)
    assigned, notices = _standards(campaign, round_number, decided, blocks)
    if round_number == 1:
        found, more = assign_chosen(campaign, assigned, decided)
    else:
        found, more = _controls(
            campaign, round_number, observations, decided, assigned.keys(), blocks
        )
    assigned |= found
    notices += more
    if wanted.chosen:
        found, more = assign_chosen(campaign, assigned, decided, round_number, wanted.chosen)
        assigned |= found
        notices += more
    again = assign(
        [place.condition for place in requeued],
        len(requeued),
        wells,
        decided,
        seed_of(campaign, round_number, 4),
        taken=assigned.keys(),
        blocks=blocks,
    )
    for index, number in again.by_well.items():
        place = requeued[number]
        lost = place.address
        reason = f"once more: lost in round {lost.round_number}, plate {lost.plate}, {lost.well}"
        assigned[index] = Proposal(condition=place.condition, role="requeued", reason=reason)
    for number, why in again.unassigned.items():
        notices.append(
            f"The requeued condition ({requeued[number].condition}) {why}: it stays for a later "
            "round."
        )
    open_wells = [index for index in range(len(wells)) if index not in assigned]
    proposals = optimizer.propose(
        campaign.space,
        observations,
        positions=[decided[index] | wanted.fixed for index in open_wells],
        number=len(open_wells),
        seed=seed_of(campaign, round_number, 2),
        pending=[
            *(requeued[number].condition for number in again.by_well.values()),
            *pending,
        ],
        replicates=campaign.rounds.first.replicates
        if round_number == 1
        else campaign.rounds.later.replicates,
        rough=rough,
        strategy=campaign.strategy,
        objective=goals_of(campaign),
        costs=expenses(
            campaign.costs,
            campaign.stop.spend,
            [*(o.condition for o in observations if o.round >= 1), *pending],
        ),
    )
    gains = [proposal.gain for proposal in proposals if proposal.gain is not None]
    layout = lay_out(
        campaign.space,
        round_number,
        wells,
        decided,
        assigned,
        proposals,
        seed_of(campaign, round_number, 3),
        blocks,
    )
    tried_again = tuple(requeued[number].address for number in again.by_well.values())
    return Plan(layout, tuple(notices), tried_again, sum(gains) if gains else None)


def assign_chosen(
    campaign: Campaign,
    assigned: Mapping[int, Proposal],
    decided: Sequence[Mapping[str, Value]],
    round_number: int = 1,
    wanted: Sequence[Chosen] | None = None,
) -> tuple[dict[int, Proposal], list[str]]:
    """A person's conditions of a round, by well index, and notes for the operator.

    Those of the file's first round unless others are wanted. `decided` is what each well decides.
    """
    taken = set(assigned)
    found: dict[int, Proposal] = {}
    notices = []
    several = campaign.rounds.first.chosen if wanted is None else wanted
    wells = campaign.plates.all_wells()
    blocks = labels_of(campaign.covariates, wells)
    for number, chosen in enumerate(several):
        condition = chosen_condition(campaign, chosen)
        assignment = assign(
            [condition] * chosen.wells,
            chosen.wells,
            wells,
            decided,
            seed_of(campaign, round_number, (5 if wanted is None else 1005) + number),
            taken,
            blocks,
        )
        taken |= assignment.by_well.keys()
        reason = f"chosen by a person, for {counted(chosen.wells, 'well')}"
        found |= {
            place: Proposal(condition=condition, role="chosen", reason=reason)
            for place in assignment.by_well
        }
        if assignment.unassigned:
            why = next(iter(assignment.unassigned.values()))
            short = f"{len(assignment.unassigned)} of {chosen.wells} wells"
            notices.append(f"A chosen condition ({condition}) {why}: {short} go to others.")
    return found, notices


def _wanted_conditions(
    campaign: Campaign,
    round_number: int,
    observations: Sequence[Observation],
    requeued: Sequence[Requeued],
) -> list[WantedWells]:
    """The conditions of a round that are not the optimiser's, and for how many wells."""
    first, wanted = campaign.rounds.first, campaign.rounds.wanted_of(round_number)
    found = []
    standard = _wanted_standards(campaign, round_number)
    if round_number == 1 or standard:
        found.append(WantedWells(campaign.space.standard({}), standard))
    for chosen in (*(first.chosen if round_number == 1 else ()), *wanted.chosen):
        found.append(WantedWells(chosen_condition(campaign, chosen), chosen.wells))
    found += [WantedWells(place.condition, 1, needed=False) for place in requeued]
    if round_number > 1:
        best = _candidates(campaign, round_number, observations)[: campaign.rounds.later.controls]
        found += [WantedWells(one.condition, 1, needed=False) for one in best]
    return found


def _candidates(
    campaign: Campaign, round_number: int, observations: Sequence[Observation]
) -> list[Observation]:
    """The best of the round before that may be tried again."""
    return [
        observation
        for observation in best_of_round(observations, round_number - 1, goals_of(campaign))
        if campaign.space.snap(observation.condition.root) is not None
    ]


def _wanted_standards(campaign: Campaign, round_number: int) -> int:
    rounds = campaign.rounds
    return rounds.first.standard if round_number == 1 else rounds.later.standard


def _standards(
    campaign: Campaign,
    round_number: int,
    decided: Sequence[Mapping[str, Value]],
    blocks: Sequence[Mapping[str, str]],
) -> tuple[dict[int, Proposal], list[str]]:
    """The standard condition, by well index, and notes for the operator."""
    wanted = _wanted_standards(campaign, round_number)
    found = assign_standard(
        campaign.space,
        wanted,
        campaign.plates.all_wells(),
        decided,
        seed_of(campaign, round_number, 1 if round_number == 1 else 7),
        campaign.plates.standards_in,
        blocks,
    )
    assigned = {
        index: Proposal(condition=condition, role="standard", reason="the standard condition")
        for index, condition in found.items()
    }
    few = f"Only {len(found)} of {wanted} standards found a well: the optimiser fills the others."
    return assigned, [few] if len(found) < wanted else []


def _controls(
    campaign: Campaign,
    round_number: int,
    observations: Sequence[Observation],
    decided: Sequence[Mapping[str, Value]],
    taken: Collection[int],
    blocks: Sequence[Mapping[str, str]],
) -> tuple[dict[int, Proposal], list[str]]:
    """The best of the round before, by well index, and notes for the operator."""
    wanted = campaign.rounds.later.controls
    wells, where = campaign.plates.all_wells(), campaign.plates.controls_in
    elsewhere = [index for index, well in enumerate(wells) if where and well.name not in where]
    candidates = _candidates(campaign, round_number, observations)
    assignment = assign(
        [observation.condition for observation in candidates],
        wanted,
        wells,
        decided,
        seed_of(campaign, round_number, 1),
        {*taken, *elsewhere},
        blocks,
    )
    notices = [
        f"Control ({candidates[rank].condition}) {why}: the next best takes its place."
        for rank, why in assignment.unassigned.items()
    ]
    if len(assignment.by_well) < wanted:
        notices.append(
            f"Only {len(assignment.by_well)} of {wanted} controls found a well: the optimiser "
            "fills the others."
        )
    predictions = {
        prediction.condition: prediction
        for prediction in optimizer.predict(
            campaign.space,
            observations,
            [candidates[rank].condition for rank in assignment.by_well.values()],
        )
    }
    assigned = {}
    for index, rank in assignment.by_well.items():
        observation = candidates[rank]
        prediction = predictions.get(observation.condition)
        assigned[index] = Proposal(
            condition=observation.condition,
            role="control",
            reason=(
                f"control: number {rank + 1} of round {round_number - 1}, where it gave "
                f"{campaign.outcome.scale.text(observation.value)}"
            ),
            mean=None if prediction is None else _rounded(prediction.mean),
            sd=None if prediction is None else _rounded(prediction.sd),
        )
    return assigned, notices


def best_of_round(
    observations: Sequence[Observation], round_number: int, goals: Goals = ONE_HIGH
) -> list[Observation]:
    """The trusted observations of a round, the best first, each condition once."""
    seen: set[Condition] = set()
    ranked = []
    of_round = [observation for observation in observations if observation.round == round_number]
    for observation in optimizer.best_first(of_round, goals):
        if observation.condition not in seen:
            seen.add(observation.condition)
            ranked.append(observation)
    return ranked


def _rounded(value: float) -> float:
    """Five digits: finer than any well can be read, on any scale."""
    return float(f"{value:.5g}")
