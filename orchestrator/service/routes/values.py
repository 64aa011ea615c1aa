"""Values that people enter over HTTP: what a table would enter, before it is kept.

They are entered by acts: see `control.wells`.
"""

from fastapi import APIRouter

from orchestrator.intake.readings_table import see_readings
from orchestrator.service.authentication import Operator, TheBackend
from orchestrator.service.lookup import round_of
from orchestrator.service.problems import ACTING
from orchestrator.service.requests import CampaignId
from orchestrator.service.schema import SeenValue, SeenValues, TableOfValues
from protocols.errors import Problem

values = APIRouter(prefix="/campaigns", tags=["steering"])


@values.post("/{campaign_id}/readings/preview", responses=ACTING)
def preview_readings(
    backend: TheBackend, who: Operator, campaign_id: CampaignId, body: TableOfValues
) -> SeenValues:
    """See which well would get which value of a table; nothing is kept."""
    _, state = backend.state(campaign_id)
    seen = see_readings(body.table, state.campaign, body.round_number, body.plate)
    batch = round_of(state, body.round_number)
    wells = {(batch.number, well.well.plate, well.well.name) for well in batch.wells}
    found = [
        SeenValue(round=p.round, plate=p.plate, well=p.well, name=name, value=value)
        for p, name, value in [*seen.values, *seen.covariates]
    ]
    strange = {(v.round, v.plate, v.well) for v in found} - wells
    problems = [
        Problem(
            where="readings",
            message=f"{well} of plate {plate} is no well of round {batch.number}"
            if number == batch.number
            else f"{well} of plate {plate} is of round {number}",
            expected=f"a well of round {batch.number}",
        )
        for number, plate, well in sorted(strange)
    ]
    known = [value for value in found if (value.round, value.plate, value.well) in wells]
    return SeenValues(values=known, problems=[*seen.problems, *problems])
