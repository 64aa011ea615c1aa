from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer import propose
from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.campaign_file import read_campaign
from protocols.campaign_parts import FirstRound
from protocols.conditions import Condition, Observation, Proposal
from protocols.layout import assign, assign_standard, lay_out
from protocols.plates import Plates
from protocols.search_space import SearchSpace
from tests.conftest import ASSAY_FILE, RPE_FILE


def proposals(campaign: Campaign, round_number: int, seed: int = 0) -> list[Proposal]:
    decided = campaign.decided_values(round_number)
    return propose(campaign.space, [], positions=decided, number=len(decided), seed=seed)


def test_well_names_are_those_of_slas_labware() -> None:
    assert Plates(count=1, labware="6-well").well_names == ("A1", "A2", "A3", "B1", "B2", "B3")
    assert Plates(count=1, labware="96-well", wells="A1:B2", order="columns").well_names == (
        "A1",
        "B1",
        "A2",
        "B2",
    )
    assert Plates(count=1, labware="384-well").well_names[-1] == "P24"


@given(st.integers(0, 2**32 - 1))
def test_every_well_gets_a_condition_that_fits_it(seed: int) -> None:
    campaign = _rpe()
    decided, wells = campaign.decided_values(3), campaign.plates.all_wells()
    layout = lay_out(campaign.space, 3, wells, decided, {}, proposals(campaign, 3), seed)
    assert [placement.well for placement in layout.placements] == list(wells)
    for placement, values in zip(layout.placements, decided, strict=True):
        assert placement.proposal.condition.agrees_with(values)
    before = Counter(str(proposal.condition) for proposal in proposals(campaign, 3))
    assert Counter(str(placement.proposal.condition) for placement in layout.placements) == before


def test_plates_resemble_each_other_more_than_at_random(rpe: Campaign) -> None:
    def imbalance(seed: int, tries: int) -> float:
        import protocols.layout as module

        before, module._ARRANGEMENTS = module._ARRANGEMENTS, tries
        try:
            layout = lay_out(
                rpe.space,
                1,
                rpe.plates.all_wells(),
                rpe.decided_values(1),
                {},
                proposals(rpe, 1),
                seed,
            )
        finally:
            module._ARRANGEMENTS = before
        means = [
            np.mean(
                [float(p.proposal.condition["fgfri_concentration"]) for p in layout.on_plate(plate)]
            )
            for plate in range(1, 9)
        ]
        return float(np.std(means))

    assert np.mean([imbalance(s, 200) for s in range(8)]) < np.mean(
        [imbalance(s, 1) for s in range(8)]
    )


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
def test_replicates_are_on_different_plates_wherever_the_free_wells_allow_it(
    free: list[int], replicates: int, seed: int
) -> None:
    wells = [
        well
        for plate, number in enumerate(free, 1)
        for well in Plates(count=5, labware="24-well").all_wells()
        if well.plate == plate and well.number <= number
    ]
    proposed = propose(
        _ASSAY.space,
        [],
        number=len(wells),
        replicates=replicates,
        seed=seed,
        strategy="random",
    )
    layout = lay_out(_ASSAY.space, 1, wells, [{}] * len(wells), {}, proposed, seed)
    plates = defaultdict(list)
    for placement in layout.placements:
        plates[placement.proposal.condition].append(placement.well.plate)
    sizes = Counter(len(found) for found in plates.values())
    together = sum(len(found) - len(set(found)) for found in plates.values())
    # Gale and Ryser: the fullest k plates have no more wells than k plates can take.
    fullest = sorted(free, reverse=True)
    possible = all(
        sum(fullest[:k]) <= sum(min(size, k) * count for size, count in sizes.items())
        for k in range(1, len(free) + 1)
    )
    assert (together == 0) == possible


def test_layouts_of_earlier_campaigns_are_planned_again_as_they_were() -> None:
    """Replay rests on it; the order was that of the first release with blocks."""
    wells = Plates(count=4, labware="24-well", wells="A1:B3").all_wells()
    heads = [{"head": "left" if well.name[1] == "1" else "right"} for well in wells]
    proposed = propose(_ASSAY.space, [], number=20, replicates=3, seed=1, strategy="random")
    standards = assign_standard(_ASSAY.space, 4, wells, [{}] * 24, 1, blocks=heads)
    assigned = {
        place: Proposal(condition=condition, role="standard", reason="standard")
        for place, condition in standards.items()
    }
    layout = lay_out(_ASSAY.space, 1, wells, [{}] * 24, assigned, proposed, 1, heads)
    numbers = {p.condition: n for n, p in enumerate([*assigned.values(), *proposed])}
    assert [numbers[p.proposal.condition] for p in layout.placements] == [
        18,
        3,
        6,
        12,
        23,
        21,
        15,
        3,
        9,
        21,
        12,
        23,
        9,
        18,
        6,
        3,
        21,
        15,
        6,
        18,
        15,
        3,
        9,
        12,
    ]


def test_replicates_with_a_period_of_their_wells_are_on_different_plates(rpe: Campaign) -> None:
    rounds = rpe.rounds.model_copy(
        update={"first": FirstRound(initial=40, standard=8, replicates=2)}
    )
    plan = plan_round(rpe.model_copy(update={"rounds": rounds}), 1, [])
    plates = defaultdict(list)
    for placement in plan.layout.placements:
        if placement.proposal.role == "initial":
            plates[placement.proposal.condition].append(placement.well.plate)
    assert {len(found) for found in plates.values()} >= {2}
    assert all(len(set(found)) == len(found) for found in plates.values())


def test_controls_sit_in_wells_with_their_own_period_on_different_plates(rpe: Campaign) -> None:
    first = rpe.space.standard({"detachment_period": 8.0})
    second = rpe.space.standard({"detachment_period": 17.0})
    wells, decided = rpe.plates.all_wells(), rpe.decided_values(2)
    assignment = assign([first, second], 2, wells, decided, seed=3)
    assert [wells[index].number for index in assignment.by_well] == [1, 4]
    assert len({wells[index].plate for index in assignment.by_well}) == 2
    assert assignment.unassigned == {}


def test_a_control_that_no_well_fits_gives_way_and_the_operator_is_notified(rpe: Campaign) -> None:
    observations = [
        Observation(
            condition=rpe.space.standard({"detachment_period": period}), value=value, round=2
        )
        for period, value in ((23.0, 0.9), (8.0, 0.8), (20.0, 0.7), (11.0, 0.6))
    ]
    plan = plan_round(rpe, 3, observations)
    controls = [p.proposal for p in plan.layout.placements if p.proposal.role == "control"]
    assert sorted(control.condition["detachment_period"] for control in controls) == [8.0, 20.0]
    (notice,) = plan.notices
    assert "detachment_period=23" in notice
    assert "the next best takes its place" in notice


def test_a_condition_is_assigned_once_where_every_well_is_taken() -> None:
    condition = Condition({"p": 1.0})
    wells = Plates(count=1, labware="6-well").all_wells()[:1]
    assignment = assign([condition, condition], 2, wells, [{"p": 1.0}], seed=0)
    assert len(assignment.by_well) == 1
    assert "no free well" in assignment.unassigned[1]


def test_the_standard_takes_the_value_of_its_well(rpe: Campaign) -> None:
    wells, decided = rpe.plates.all_wells(), rpe.decided_values(1)
    assigned = assign_standard(rpe.space, 3, wells, decided, seed=1)
    assert len({wells[index].plate for index in assigned}) == 3
    for index, condition in assigned.items():
        assert condition["detachment_period"] == decided[index]["detachment_period"]
        assert condition["fgfri_concentration"] == 98.04


def test_proposals_that_do_not_fit_are_refused(rpe: Campaign) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        lay_out(
            rpe.space, 3, rpe.plates.all_wells(), rpe.decided_values(3), {}, proposals(rpe, 1), 0
        )


_CAMPAIGN: list[Campaign] = []
_ASSAY = read_campaign(ASSAY_FILE.read_text())


def _rpe() -> Campaign:
    if not _CAMPAIGN:
        _CAMPAIGN.append(read_campaign(RPE_FILE.read_text()))
    return _CAMPAIGN[0]


def test_the_space_of_the_campaign_is_the_one_of_its_parameters(rpe: Campaign) -> None:
    assert isinstance(rpe.space, SearchSpace)
    assert tuple(rpe.space.by_name) == tuple(parameter.name for parameter in rpe.parameters)
