"""The first rounds of a campaign whose initial design is spread over several."""

from collections.abc import Sequence

import numpy as np

import optimizer
from orchestrator.core.goals import goals_of
from protocols.blocks import labels_of
from protocols.campaign import Campaign
from protocols.campaign_parts import Chosen
from protocols.conditions import Condition, Proposal
from protocols.layout import Layout, Placement, lay_out
from protocols.number_words import counted


def part_of_design(campaign: Campaign, round_number: int) -> Layout:
    """The wells of one of the rounds over which the initial design is spread."""
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
            reason=f"chosen by a person, for {counted(entry.wells, 'well')}",
        )
        for entry in first.chosen
        for _ in range(entry.wells)
    ]
    design = optimizer.propose(
        campaign.space,
        [],
        number=first.initial,
        seed=seed_of(campaign, 1, 2),
        replicates=first.replicates,
        strategy=campaign.strategy,
        objective=goals_of(campaign),
    )
    proposals = [*[standard] * first.standard, *chosen, *design]
    wells = campaign.plates.all_wells()
    if any(covariate.blocks for covariate in campaign.covariates):
        part = _blocked_part(campaign, round_number, proposals)
    else:
        order = np.random.default_rng(seed_of(campaign, 1, 3)).permutation(len(proposals))
        of_round = order[(round_number - 1) * len(wells) : round_number * len(wells)]
        part = [proposals[index] for index in of_round]
    placements = tuple(
        Placement(well=well, proposal=proposal) for well, proposal in zip(wells, part, strict=True)
    )
    return Layout(round=round_number, placements=placements)


def _blocked_part(
    campaign: Campaign, round_number: int, proposals: Sequence[Proposal]
) -> list[Proposal]:
    """What the wells of one of the first rounds get, where they are in blocks: rounds are, too."""
    plates = campaign.plates
    of_round = plates.all_wells()
    labels = labels_of(campaign.covariates, of_round)
    rounds = range(campaign.first_rounds)
    wells = [
        well.model_copy(update={"plate": well.plate + number * plates.count})
        for number in rounds
        for well in of_round
    ]
    layout = lay_out(
        campaign.space,
        1,
        wells,
        [{} for _ in wells],
        {},
        proposals,
        seed_of(campaign, 1, 3),
        [{"round": str(number), **found} for number in rounds for found in labels],
    )
    start = (round_number - 1) * len(of_round)
    return [place.proposal for place in layout.placements[start : start + len(of_round)]]


def chosen_condition(campaign: Campaign, chosen: Chosen) -> Condition:
    """The condition that a person wrote, on exact levels."""
    condition = campaign.space.snap(chosen.condition)
    assert condition is not None, "checked when the file was read"
    return condition


def seed_of(campaign: Campaign, round_number: int, purpose: int) -> int:
    """A seed for one purpose in one round, from that of the campaign."""
    return int(np.random.SeedSequence([campaign.seed, round_number, purpose]).generate_state(1)[0])
