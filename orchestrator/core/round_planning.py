"""Planning a round: observations -> proposals -> layout. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import optimizer
from optimizer.cost_weights import expenses
from optimizer.objective import ONE_HIGH, Goals
from orchestrator.core.goals import goals_of
from orchestrator.core.plate_values import WantedWells, plate_values
from orchestrator.core.state import Requeued
from protocols.addresses import WellAddress
from protocols.campaign import Campaign, Chosen
from protocols.conditions import Condition, Observation, Proposal, Value
from protocols.layout import Layout, Placement, assign, assign_standard, lay_out


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
        return Plan(_part_of_design(campaign, round_number), ())
    wells = campaign.plates.all_wells()
    wanted = campaign.rounds.wanted_of(round_number)
    values_of_plate = plate_values(
        campaign,
        round_number,
        observations,
        _wanted_conditions(campaign, round_number, observations, requeued)
        if campaign.space.one_a_plate
        else (),
        seed=_seed(campaign, round_number, 6),
        pending=pending,
    )
    decided = [
        values | values_of_plate[well.plate - 1]
        for values, well in zip(campaign.decided_values(round_number), wells, strict=True)
    ]
    assigned: dict[int, Proposal] = {}
    notices: list[str] = []
    if round_number == 1:
        number, seed = campaign.rounds.first.standard, _seed(campaign, round_number, 1)
        for index, condition in assign_standard(
            campaign.space, number, wells, decided, seed
        ).items():
            assigned[index] = Proposal(
                condition=condition, role="standard", reason="the standard condition"
            )
        chosen, notices = assign_chosen(campaign, assigned, decided)
        assigned |= chosen
    else:
        assigned, notices = _controls(campaign, round_number, observations, decided)
    if wanted.chosen:
        chosen, more = assign_chosen(campaign, assigned, decided, round_number, wanted.chosen)
        assigned |= chosen
        notices += more
    again = assign(
        [place.condition for place in requeued],
        len(requeued),
        wells,
        decided,
        _seed(campaign, round_number, 4),
        taken=assigned.keys(),
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
        seed=_seed(campaign, round_number, 2),
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
        _seed(campaign, round_number, 3),
    )
    tried_again = tuple(requeued[number].address for number in again.by_well.values())
    return Plan(layout, tuple(notices), tried_again, sum(gains) if gains else None)


def _part_of_design(campaign: Campaign, round_number: int) -> Layout:
    """The wells of one of the first rounds, where the initial design is spread over several."""
    first = campaign.rounds.first
    standard = Proposal(
        condition=campaign.space.standard({}) if first.standard else Condition({}),
        role="standard",
        reason="the standard condition",
    )
    chosen = [
        Proposal(
            condition=chosen_condition(campaign, entry),
            role="chosen",
            reason=f"chosen by a person, for {entry.wells} wells",
        )
        for entry in first.chosen
        for _ in range(entry.wells)
    ]
    design = optimizer.propose(
        campaign.space,
        [],
        number=first.initial,
        seed=_seed(campaign, 1, 2),
        replicates=first.replicates,
        strategy=campaign.strategy,
        objective=goals_of(campaign),
    )
    proposals = [*[standard] * first.standard, *chosen, *design]
    order = np.random.default_rng(_seed(campaign, 1, 3)).permutation(len(proposals))
    wells = campaign.plates.all_wells()
    part = order[(round_number - 1) * len(wells) : round_number * len(wells)]
    placements = tuple(
        Placement(well=well, proposal=proposals[index])
        for well, index in zip(wells, part, strict=True)
    )
    return Layout(round=round_number, placements=placements)


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
    for number, chosen in enumerate(several):
        condition = chosen_condition(campaign, chosen)
        assignment = assign(
            [condition] * chosen.wells,
            chosen.wells,
            campaign.plates.all_wells(),
            decided,
            _seed(campaign, round_number, (5 if wanted is None else 1005) + number),
            taken,
        )
        taken |= assignment.by_well.keys()
        reason = f"chosen by a person, for {chosen.wells} wells"
        found |= {
            place: Proposal(condition=condition, role="chosen", reason=reason)
            for place in assignment.by_well
        }
        if assignment.unassigned:
            why = next(iter(assignment.unassigned.values()))
            short = f"{len(assignment.unassigned)} of {chosen.wells} wells"
            notices.append(f"A chosen condition ({condition}) {why}: {short} go to others.")
    return found, notices


def chosen_condition(campaign: Campaign, chosen: Chosen) -> Condition:
    """The condition that a person wrote, on exact levels."""
    condition = campaign.space.snap(chosen.condition)
    assert condition is not None, "checked when the file was read"
    return condition


def _wanted_conditions(
    campaign: Campaign,
    round_number: int,
    observations: Sequence[Observation],
    requeued: Sequence[Requeued],
) -> list[WantedWells]:
    """The conditions of a round that are not the optimiser's, and for how many wells."""
    first, wanted = campaign.rounds.first, campaign.rounds.wanted_of(round_number)
    found = []
    if round_number == 1:
        found.append(WantedWells(campaign.space.standard({}), first.standard))
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


def _controls(
    campaign: Campaign,
    round_number: int,
    observations: Sequence[Observation],
    decided: Sequence[Mapping[str, Value]],
) -> tuple[dict[int, Proposal], list[str]]:
    """The best of the round before, by well index, and notes for the operator."""
    wanted = campaign.rounds.later.controls
    candidates = _candidates(campaign, round_number, observations)
    assignment = assign(
        [observation.condition for observation in candidates],
        wanted,
        campaign.plates.all_wells(),
        decided,
        _seed(campaign, round_number, 1),
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


def _seed(campaign: Campaign, round_number: int, purpose: int) -> int:
    return int(np.random.SeedSequence([campaign.seed, round_number, purpose]).generate_state(1)[0])
