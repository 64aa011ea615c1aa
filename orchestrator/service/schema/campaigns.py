"""Answers about campaigns, rounds, wells, jobs and events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from orchestrator.core.state import JobStatus
from orchestrator.service.schema.base import View
from orchestrator.service.schema.rich import campaign_html
from protocols.conditions import Value
from protocols.scale import Scale

NeedKind = Literal[
    "in_doubt",
    "late",
    "stopped",
    "fault",
    "offline",
    "held",
    "approval",
    "values",
    "checklist",
    "suggestion",
]
"""The most urgent first. `late`: a job missed its window. `stopped`: wellwise paused a campaign.

`fault`: a campaign cannot be run just now. `held`: a robot waits for what is decided elsewhere.
`checklist`: a person's job is due. `suggestion`: somebody suggested acts.
"""


URGENCY: Mapping[NeedKind, int] = {kind: place for place, kind in enumerate(get_args(NeedKind))}
"""The place of each kind, from 0, the most urgent, on."""


class Need(View):
    """What only a person can say or do.

    `what_to_do` says so in words, `link` is the page of the dashboard where it is done. `overdue`:
    a person's job that should have begun by now.
    """

    kind: NeedKind
    campaign: str
    round: int
    job: str | None = None
    message: str
    robot: str = ""
    what_to_do: str = ""
    link: str = ""
    due_at: datetime | None = None
    overdue: bool = False


class OutageView(View):
    """A robot that does not answer."""

    robot: str
    since: datetime
    retry_at: datetime
    message: str


class CampaignSummary(View):
    """The state of a campaign. Values are of the objective's outcome, in `unit`.

    `natural_range` has the lowest and highest value that there can be, if there are such;
    `direction` says whether values are to be high, low, or near `match_target`. `best` is the best
    in that direction, and `target` what ends the campaign. `project`, `tags` and `archived` say
    where it is filed.
    """

    id: str
    title: str
    status: str
    reason: str
    started_at: datetime
    lab_time: datetime | None
    round: int
    rounds: int
    jobs_over: int
    jobs: int
    best: float | None
    target: float | None
    unit: str = ""
    natural_range: tuple[float, float] | None = None
    direction: Literal["maximise", "minimise", "match"] = "maximise"
    match_target: float | None = None
    needs: list[Need]
    outages: list[OutageView]
    trouble: str
    last_event: int
    project: str = ""
    tags: tuple[str, ...] = ()
    archived: bool = False

    @property
    def scale(self) -> Scale:
        """How its values are written."""
        return Scale("", self.unit, self.natural_range)

    def _repr_html_(self) -> str:
        return campaign_html(self)


class ParameterView(View):
    """What may vary."""

    name: str
    title: str
    step: str
    kind: str
    unit: str
    allowed: str
    standard: Value | None
    decided_by_well: bool
    labels: dict[str, str]


class OutcomeView(View):
    """A named value of each well; `by_hand`: a person enters it; `expression`: what computes it."""

    name: str
    title: str
    unit: str
    natural_range: tuple[float, float] | None
    scorer: str | None
    step: str | None
    by_hand: bool
    expression: str | None = None


class StepView(View):
    """A step of the protocol: its days of a round, from 0, and in words when it is due on them."""

    name: str
    title: str
    robots: list[str]
    days: list[int]
    at: str


class RoundSummary(View):
    """One batch, with the values that may be trusted."""

    number: int
    status: Literal["proposed", "running", "finished"]
    started_at: datetime
    ended_at: datetime | None
    wells: int
    lost: int
    flagged: int
    mean: float | None
    median: float | None
    max: float | None
    best: float | None = None
    """The best in the objective's direction."""
    standard: list[float]
    controls: list[float]


class SuggestionView(View):
    """An act that somebody suggested and that an operator does, or declines."""

    id: int
    at: datetime
    who: str
    why: str
    act: str
    values: dict[str, Any]


class CampaignView(CampaignSummary):
    """A campaign with its parameters, steps and rounds."""

    objective: str
    outcomes: list[OutcomeView]
    parameters: list[ParameterView]
    steps: list[StepView]
    summaries: list[RoundSummary]
    suggestions: list[SuggestionView]

    @property
    def scale(self) -> Scale:
        """How its values are called and written."""
        return Scale(self.objective, self.unit, self.natural_range)


class WellView(View):
    """One well: its proposal with the reason, and what came of it."""

    id: str
    round: int
    plate: int
    well: str
    role: str
    condition: dict[str, Value]
    reason: str
    predicted_mean: float | None
    predicted_sd: float | None
    expected_gain: float | None
    value: float | None
    flags: list[str]
    lost: str
    requeued: bool
    measured: dict[str, float | None]
    """The outcomes but for the objective's, by name."""
    covariates: dict[str, float | str]
    """What was recorded and not chosen, by name."""


class RoundView(RoundSummary):
    """A round with its wells, in plate order."""

    placements: list[WellView]


class ReadingView(View):
    """What an instrument, or a person, returned for a well."""

    id: int
    kind: str
    number: float | None
    unit: str
    sha256: str
    image: str | None
    """Where the image is as the camera gave it."""
    media_type: str
    """What that is, such as image/tiff; empty if the reading is no image."""
    preview: str | None
    """Where the image is as a browser can show it."""
    marked: str | None
    """Where the image is on which the scorer marks what it counted."""
    file: str | None
    """Where its file is, if it is no image: a plate table, a trace, or what its vendor wrote."""


class ObservationView(View):
    """The value derived from a reading."""

    value: float | None
    flags: list[str]
    scorer: str
    version: str


class EventView(View):
    """Something that happened, by the lab's clock."""

    id: int
    campaign: str
    at: datetime
    kind: str
    subject: str
    who: str
    message: str
    data: dict[str, Any]


class WellHistory(WellView):
    """A well with every reading, everything derived from them, and its events.

    `marks` says what the colours of marked images mean.
    """

    marks: str
    readings: list[ReadingView]
    observations: list[ObservationView]
    events: list[EventView]


class JobView(View):
    """One job and its state."""

    key: str
    round: int
    plate: int
    step: str
    day: int
    robot: str
    due_at: datetime
    state: JobStatus
    attempt: int
    message: str
    wells: list[str]
    dispatched_at: datetime | None
    ended_at: datetime | None


class OperationView(View):
    """An operation of a job, from 1, in words; `well` is None where it is about the whole plate.

    `lost` says why its well is lost: it is left out of jobs that are sent after that. `not_begun`:
    of a job in doubt, it is certain that nothing of it happened.
    """

    number: int
    kind: str
    well: str | None
    words: str
    lost: str
    not_begun: bool


class JobHistory(JobView):
    """A job with what it asks of its robot, and what happened, newest first.

    It may begin until `latest`. `readings` counts what it returned. `measured_units` are those of
    what its robot measured meanwhile, each a chart of telemetry.
    """

    step_title: str
    plate_id: str
    labware: str
    latest: datetime
    operations: list[OperationView]
    readings: int
    measured_units: list[str]
    events: list[EventView]


class CampaignPage(View):
    """Campaigns, newest first; `next` is the `before` of the next page."""

    items: list[CampaignSummary]
    next: str | None


class JobPage(View):
    """Jobs in the order in which they are due; `next` is the `after` of the next page."""

    items: list[JobView]
    next: int | None


class EventPage(View):
    """Events, oldest first; `next` is the `after` of the next page."""

    items: list[EventView]
    next: int | None


class Stopped(View):
    """Which robots were stopped, and why others could not be."""

    stopped: list[str]
    not_stopped: dict[str, str]


class Entered(View):
    """How many wells were given a value."""

    wells: int
