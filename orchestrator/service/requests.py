"""The parts of requests: names, numbers and reasons within the bounds that the journal can keep."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orchestrator.control.operators import Decision
from protocols.conditions import Finite

CampaignId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80, examples=["rpe"])]
RoundNumber = Annotated[int, Path(ge=1, le=10_000)]
PlateNumber = Annotated[int, Path(ge=1, le=1_000)]
ReadingNumber = Annotated[int, Path(ge=1, le=2**53)]
WellName = Annotated[str, Path(pattern=r"^[A-P]([1-9]|1\d|2[0-4])$", examples=["B2"])]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
After = Annotated[int, Query(ge=0, le=2**53, description="Only what comes after this number.")]

_PRINTED = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000, pattern=_PRINTED)]
JobKey = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PRINTED)]
LayoutWell = Annotated[str, StringConstraints(pattern=r"^[A-P]([1-9]|1\d|2[0-4])$")]
Level = int | Finite | Annotated[str, StringConstraints(max_length=100, pattern=_PRINTED)]


class Body(BaseModel):
    """The body of a request; keys that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Why(Body):
    """The reason of an act; it goes into the event log."""

    why: Reason


class Rounds(Why):
    """How many rounds a campaign is to have."""

    rounds: Annotated[int, Field(ge=1, le=1_000)]


class HandOver(Why):
    """From which robot plates go to which other one that shares its steps."""

    robot: Annotated[str, Field(max_length=100)]
    to: Annotated[str, Field(max_length=100)]


class JobDecision(Why):
    """What became of a job in doubt, or whether a late one is still to be sent.

    `done`: all of it happened, but in `failed_wells`; `failed`: its wells are lost; `again`: it did not happen (or is
    late) and is to be sent; `go-on`: what was done stays and what was certainly not begun is sent.
    """

    job: JobKey
    decision: Decision
    failed_wells: tuple[LayoutWell, ...] = ()


class ProposalEdit(Why):
    """Other values for a well of a batch that waits for approval; `leave_empty`: nothing goes into it."""

    values: dict[Annotated[str, StringConstraints(max_length=100)], Level] = {}
    leave_empty: bool = False


class HandReading(Why):
    """The value of a well as a person read it, 0 to 1; None: do not learn from this well."""

    value: Annotated[float, Field(ge=0, le=1)] | None


class WellPlace(Body):
    """A well of a campaign."""

    round: Annotated[int, Field(ge=1, le=10_000)]
    plate: Annotated[int, Field(ge=1, le=1_000)]
    well: LayoutWell


class Requeue(Why):
    """Lost wells whose conditions are tried once more; all of the latest round if none is named."""

    wells: tuple[WellPlace, ...] = ()


class CampaignText(Body):
    """The text of a campaign file (YAML); a seed takes the place of the file's."""

    file: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class ReadingsTable(Why):
    """CSV with the headers round, plate, well and value: readings by hand, all of them entered or none."""

    csv: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
