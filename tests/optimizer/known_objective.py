"""An objective of the RPE campaign that is known exactly, and observations of it."""

import numpy as np

from optimizer import propose
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation


def bowl(condition: Condition) -> float:
    dose = np.log(float(condition["fgfri_concentration"]) / 200)
    return float(np.exp(-(dose**2)) * (1 - 0.3 * float(condition["detachment_length"])))


def observed(campaign: Campaign, number: int = 48) -> list[Observation]:
    first = propose(
        campaign.space, [], positions=campaign.decided_values(1)[:number], number=number, seed=1
    )
    return [Observation(condition=p.condition, value=bowl(p.condition), round=1) for p in first]


def observed_rising(campaign: Campaign, number: int = 24) -> list[Observation]:
    """Observations of another: the higher the first parameter, the better."""
    parameter = campaign.space.parameters[0]
    found = []
    for proposal in propose(campaign.space, [], number=number, seed=1):
        share = parameter.to_unit_interval(float(proposal.condition[parameter.name]))  # type: ignore[union-attr]
        found.append(Observation(condition=proposal.condition, value=0.1 + 0.5 * share, round=1))
    return found
