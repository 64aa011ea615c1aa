"""Campaigns by hand without hands: for training, with simulated people in place of real ones."""

import math
import zlib
from collections.abc import Iterable, Mapping

import numpy as np

from orchestrator.control.act import perform
from orchestrator.control.wells import EnterValues
from orchestrator.core.lifecycle import AskValues, Question
from orchestrator.core.state import CampaignState
from orchestrator.lab.lab import Lab
from orchestrator.lab.provenance import is_person, is_simulated
from protocols.campaign import Campaign
from protocols.campaign_parts import RobotConfig
from protocols.conditions import Value
from protocols.errors import InvalidInput, Problem
from protocols.outcomes import Outcome

SIMULATED_PERSON = "simulated person"
"""Who enters values in such a campaign."""

_DRIVER, _SUFFIX, _TITLE = "simulated-person", "-simulated", " (simulated people)"
_NOISE = 0.02


def with_simulated_people(campaign: Campaign) -> Campaign:
    """The campaign with a simulated person for each person, under a name and title that say so.

    Raises:
        InvalidInput: it has equipment that is not simulated, which is not for training.
    """
    problems = [
        Problem(
            where="robots",
            key=name,
            message=f"{config.driver} is real equipment: nobody trains with it",
            expected="people (driver manual) and simulated robots; or wellwise rehearse",
        )
        for name, config in campaign.robots.items()
        if not is_person(config) and not is_simulated(config)
    ]
    if problems:
        raise InvalidInput(problems)

    def in_place_of(config: RobotConfig) -> RobotConfig:
        return config.model_copy(update={"driver": _DRIVER}) if is_person(config) else config

    return campaign.model_copy(
        update={
            "name": f"{campaign.name[:50]}{_SUFFIX}",
            "title": f"{campaign.title or campaign.name}{_TITLE}",
            "robots": {name: in_place_of(config) for name, config in campaign.robots.items()},
        }
    )


def has_simulated_people(campaign: Campaign) -> bool:
    """Whether it was launched for training: it says so, and nothing that it uses is real."""
    says_so = campaign.name.endswith(_SUFFIX) and campaign.title.endswith(_TITLE)
    return says_so and all(is_simulated(config) for config in campaign.robots.values())


def values_entered(lab: Lab, campaign_id: str, waiting: Iterable[Question]) -> bool:
    """Have a simulated person enter the values that are asked for; whether there were any."""
    rounds = [question.round for question in waiting if isinstance(question, AskValues)]
    for number in rounds:
        state = lab.journal.state(campaign_id)
        perform(lab, campaign_id, plausible_values(state, number), SIMULATED_PERSON)
    return bool(rounds)


def plausible_values(state: CampaignState, number: int) -> EnterValues:
    """What a simulated person would enter for the wells of a round that wait for values.

    Each outcome is a smooth hill over the parameters (a valley where it is minimised) with a little
    noise, within its natural range or around the campaign's target; nothing of it is true of any
    experiment.
    """
    batch, campaign = state.rounds[number - 1], state.campaign
    by_hand = [outcome for outcome in campaign.outcomes if outcome.by_hand]
    asked = {outcome.name: outcome for outcome in (*by_hand, *campaign.awaited)}.values()
    rows = []
    for well in batch.wells:
        if well.lost:
            continue
        place = f"{batch.number},{well.well.plate},{well.well.name}"
        rng = np.random.default_rng([campaign.seed, zlib.crc32(place.encode())])
        condition = well.proposal.condition.root
        values = [f"{_plausible(campaign, outcome, condition, rng):.6g}" for outcome in asked]
        rows.append(",".join([place, *values]))
    head = ",".join(["round,plate,well", *(outcome.name for outcome in asked)])
    return EnterValues(csv="\n".join([head, *rows]), why="simulated, for training")


def _plausible(
    campaign: Campaign, outcome: Outcome, condition: Mapping[str, Value], rng: np.random.Generator
) -> float:
    far = 0.0
    for parameter in campaign.parameters:
        if parameter.name in condition:
            best = zlib.crc32(f"{outcome.name} {parameter.name}".encode()) / 2**32
            far += (parameter.to_unit_interval(condition[parameter.name]) - best) ** 2
    hill = 0.1 + 0.8 * math.exp(-1.5 * far) + _NOISE * float(rng.normal())
    low, high = _ends(campaign, outcome)
    objectives = {wanted.outcome: wanted.direction for wanted in campaign.objectives}
    share = 1 - hill if objectives.get(outcome.name) == "minimise" else hill
    return low + (high - low) * min(max(share, 0.0), 1.0)


def _ends(campaign: Campaign, outcome: Outcome) -> tuple[float, float]:
    """Between which values they lie: so that what is wanted is in reach, and not at once."""
    if outcome.scale.natural_range is not None:
        return outcome.scale.natural_range
    choices = [choice for choice in campaign.objectives if choice.outcome == outcome.name]
    for choice in choices:
        if choice.target is not None:  # to be matched
            return _about(choice.target)
        target = campaign.stop.target if outcome.name == campaign.outcome.name else None
        if target:
            near, far = sorted((0.9 * target, 4 * target), key=abs)
            return (near, far) if choice.direction == "minimise" else (0.0, 1.1 * target)
        if choice.threshold is not None:
            return _about(choice.threshold)
    for rule in campaign.outcome_constraints:
        if rule.outcome == outcome.name:
            low, high = rule.at_least, rule.at_most
            return _about(low or high or 0.0)
    return 0.0, 100.0


def _about(value: float) -> tuple[float, float]:
    """0 and another end, so that much between them is as good as a value, and much is not."""
    if value == 0:
        return -1.0, 1.0
    return min(0.0, 2 * value), max(0.0, 2 * value)
