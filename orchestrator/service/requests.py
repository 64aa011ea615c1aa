"""Path and query parameters: names and numbers within the bounds of the journal."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator

from protocols.wells import WELL_TEXT, well_name

CampaignId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=80, examples=["rpe"])]
RoundNumber = Annotated[int, Path(ge=1, le=10_000)]
PlateNumber = Annotated[int, Path(ge=1, le=1_000)]
ReadingNumber = Annotated[int, Path(ge=1, le=2**53)]
WellName = Annotated[
    str,
    Path(pattern=rf"^{WELL_TEXT}$", max_length=20, examples=["B2"]),
    AfterValidator(lambda text: well_name(text) or text),
]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
After = Annotated[int, Query(ge=0, le=2**53, description="Only what comes after this number.")]

RobotName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
TokenId = Annotated[str, Path(pattern=r"^[0-9a-f]{8}$")]
JobName = Annotated[str, Path(min_length=1, max_length=200, examples=["rpe/r1/p3/C/1"])]
