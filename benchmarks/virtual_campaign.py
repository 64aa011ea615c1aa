"""A campaign without robots' time.

Conditions go straight into the culture model, by the operations they compile to.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

import optimizer
from orchestrator.core.round_planning import plan_round
from protocols.campaign import Campaign
from protocols.compile import compile_jobs
from protocols.conditions import Condition, Observation, Proposal
from protocols.layout import Layout, Placement
from protocols.operations import Incubate, well_of
from protocols.plates import Well
from simulators.robot_log import Performed
from simulators.rpe_culture import rpe_culture
from simulators.variation import with_variation

_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Planner = Callable[[Campaign, int, Sequence[Observation]], Layout]


class Outcome(NamedTuple):
    """True values: the best well of each round, the best of all, and the recommended."""

    best_by_round: list[float]
    best: float
    recommended: float


def truth(campaign: Campaign, condition: Condition) -> float:
    """The ratio that a condition leads to without chance."""
    placement = Placement(
        well=Well(plate=1, name="A1", number=1),
        proposal=Proposal(condition=condition, role="proposed", reason=""),
    )
    one_plate = campaign.model_copy(
        update={"plates": campaign.plates.model_copy(update={"count": 1})}
    )
    history = []
    for job in compile_jobs(one_plate, "bench", Layout(round=1, placements=(placement,)), _START):
        now = job.due_at
        for position, operation in enumerate(job.operations):
            if well_of(operation) not in (None, "A1"):
                continue
            begin = now + timedelta(seconds=operation.delay_s or 0.0)
            lasting = operation.duration_s if isinstance(operation, Incubate) else 6.0
            now = begin + timedelta(seconds=lasting)
            history.append(Performed(job.robot, job.key, position, operation, begin, now))
    return rpe_culture(history)


def by_wellwise(
    campaign: Campaign, round_number: int, observations: Sequence[Observation]
) -> Layout:
    """As a campaign plans its rounds."""
    return plan_round(campaign, round_number, observations).layout


def at_random(campaign: Campaign, round_number: int, observations: Sequence[Observation]) -> Layout:
    """Every condition at random, given what its well decides."""
    rng = np.random.default_rng([campaign.seed, round_number])
    encoding = optimizer.Encoding(campaign.space)
    decided = campaign.decided_values(round_number)
    rows = encoding.from_unit_cube(rng.random((len(decided), len(campaign.parameters))), decided)
    placements = tuple(
        Placement(
            well=well, proposal=Proposal(condition=condition, role="initial", reason="random")
        )
        for well, condition in zip(
            campaign.plates.all_wells(), encoding.conditions(rows), strict=True
        )
    )
    return Layout(round=round_number, placements=placements)


def simulate(campaign: Campaign, planner: Planner) -> Outcome:
    """All rounds of a campaign, with the noise of its seed."""
    observations: list[Observation] = []
    best_by_round = []
    for round_number in range(1, campaign.stop.rounds + 1):
        truths = []
        for placement in planner(campaign, round_number, observations).placements:
            condition = placement.proposal.condition
            truths.append(truth(campaign, condition))
            value = with_variation(
                truths[-1], campaign.seed, round_number, placement.well.plate, placement.well.name
            )
            observations.append(
                Observation(condition=condition, value=round_4(value), round=round_number)
            )
        best_by_round.append(max(truths))
    best = optimizer.recommend(campaign.space, observations)
    assert best is not None
    return Outcome(best_by_round, max(best_by_round), truth(campaign, best.condition))


def round_4(value: float) -> float:
    """As finely as a scorer writes it down."""
    return float(f"{value:.4f}")
