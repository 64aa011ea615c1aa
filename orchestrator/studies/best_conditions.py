"""The best conditions of a campaign: the recommended one, or those that none beats."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

import optimizer
from orchestrator.core.goals import goals_of
from orchestrator.core.state import CampaignState
from orchestrator.journal.durable import write_whole
from orchestrator.lab.provenance import model_versions
from protocols.conditions import Observation
from protocols.recommendations import FrontPoint, Recommendation

_FILE = "best-conditions.json"
_OBSERVATIONS = TypeAdapter(Sequence[Observation])


class BestConditions(BaseModel):
    """The recommendation of one objective; of several the Pareto front.

    Neither with too few usable results. `rests_on` is the digest of all that decided them.
    """

    model_config = ConfigDict(frozen=True)

    recommended: Recommendation | None = None
    front: tuple[FrontPoint, ...] = ()
    rests_on: str = ""

    def __bool__(self) -> bool:
        return self.recommended is not None or bool(self.front)


def best_conditions(state: CampaignState, folder: Path | None = None) -> BestConditions:
    """What the model makes of the results of a campaign.

    It takes seconds. With a folder, that of the campaign, the answer is kept there and read again
    while campaign, results and the versions of the model are the same.
    """
    rests_on = _digest(state)
    if folder is not None and (known := _kept(folder)) is not None and known.rests_on == rests_on:
        return known
    campaign = state.campaign
    space, observations, goals = campaign.space, state.observations, goals_of(campaign)
    if len(goals.objectives) > 1:
        front = optimizer.pareto_front(space, observations, objective=goals)
        found = BestConditions(front=tuple(front), rests_on=rests_on)
    else:
        best = optimizer.recommend(space, observations, campaign.standards, objective=goals)
        found = BestConditions(recommended=best, rests_on=rests_on)
    if folder is not None:
        _keep(folder, found)
    return found


def _digest(state: CampaignState) -> str:
    versions = ",".join(f"{name} {number}" for name, number in model_versions().items())
    content = state.campaign.model_dump_json().encode()
    results = _OBSERVATIONS.dump_json(state.observations)
    return hashlib.sha256(b"\n".join([versions.encode(), content, results])).hexdigest()


def _kept(folder: Path) -> BestConditions | None:
    try:
        return BestConditions.model_validate_json((folder / _FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def _keep(folder: Path, found: BestConditions) -> None:
    # Whoever may only read the home still gets an answer.
    try:
        write_whole(folder / _FILE, found.model_dump_json().encode())
    except OSError:
        return
