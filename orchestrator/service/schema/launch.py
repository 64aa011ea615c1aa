"""Launching a campaign: its text, and what it would do."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from orchestrator.service.schema.base import Body, View
from orchestrator.service.schema.campaigns import WellView


class CampaignText(Body):
    """The text of a campaign file (YAML); a seed takes the place of the file's.

    `past_results` is a table to start from: its text, or a `data:` URL (base64) of a workbook or a
    Parquet file.
    """

    file: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    past_results: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)] | None = (
        None
    )


class StepPlan(View):
    """When a step is due in a round, and how many jobs it is."""

    step: str
    title: str
    robots: list[str]
    days: list[int]
    jobs: int


class LiquidPlan(View):
    """How much of a liquid the first round takes, uL, without dead volumes."""

    liquid: str
    volume_ul: float


class LaunchPreview(View):
    """What a campaign file would do: its first layout, its schedule and its volumes."""

    name: str
    title: str
    parameters: int
    rounds: int
    wells: int
    days: int
    first_day: datetime
    last_day: datetime
    past_results: int
    layout: list[WellView]
    steps: list[StepPlan]
    liquids: list[LiquidPlan]
    notices: list[str]
