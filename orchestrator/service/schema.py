"""What the API is asked and what it answers.

Every model of a request or response, and nothing else.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from orchestrator.core.by import Reason
from orchestrator.core.state import JobStatus
from protocols.conditions import Value
from protocols.errors import Problem

_PRINTED = r"^[^\x00-\x1f\x7f]*$"
PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_PRINTED)
]


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class Body(BaseModel):
    """The body of a request; keys that are not known are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Why(Body):
    """The reason of an act; it goes into the event log."""

    why: Reason


class CampaignText(Body):
    """The text of a campaign file (YAML); a seed takes the place of the file's."""

    file: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class TokenWish(Body):
    """Whom a token is for, what they may do, and for how many days."""

    person: PersonName
    role: Annotated[str, StringConstraints(pattern="^(viewer|operator|admin)$")]
    days: Annotated[float, Field(gt=0, le=366, allow_inf_nan=False)] = 90


class Need(View):
    """What only a person can say: a batch that waits for approval, a job in doubt or late."""

    kind: Literal["approval", "in_doubt", "late"]
    campaign: str
    round: int
    job: str | None = None
    message: str


class OutageView(View):
    """A robot that does not answer."""

    robot: str
    since: datetime
    retry_at: datetime
    message: str


class CampaignSummary(View):
    """Where a campaign stands. Values are of the objective, 0 to 1."""

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
    needs: list[Need]
    outages: list[OutageView]
    trouble: str
    last_event: int


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


class StepView(View):
    """A step of the protocol: days of a round, from 0, and its time of day in the lab."""

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
    standard: list[float]
    controls: list[float]


class CampaignView(CampaignSummary):
    """A campaign with its parameters, steps and rounds."""

    objective: str
    parameters: list[ParameterView]
    steps: list[StepView]
    summaries: list[RoundSummary]


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
    """What was read on the way, by name."""


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
    marked: str | None
    """Where the image is on which the scorer marks what it counted."""


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

    `marks` says what the colours of marked images stand for.
    """

    marks: str
    readings: list[ReadingView]
    observations: list[ObservationView]
    events: list[EventView]


class JobView(View):
    """One job and where it stands."""

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


class RobotView(View):
    """A robot of the campaigns that are not over."""

    name: str
    driver: str
    simulated: bool
    state: Literal["working", "idle", "offline"]
    campaigns: list[str]
    job: JobView | None
    queue: int
    next_due: datetime | None
    outage: OutageView | None
    errors: list[EventView]


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


class Recommended(View):
    """The condition to use from now on; `low` to `high` hold its true value with 90 %, all of the objective, 0 to 1.

    `beats_standard` is the probability that it is better than the best standard condition,
    `is_best` that it is better than every other condition that was tried.
    """

    condition: dict[str, Value]
    mean: float
    low: float
    high: float
    tried: bool
    beats_standard: float | None
    is_best: float


class Importance(View):
    """The share of the objective's variance that a parameter has.

    Alone, and with all that it takes part in.
    """

    parameter: str
    alone: float
    in_all: float
    low: float
    high: float


class Curve(View):
    """The objective over a parameter, averaged over the others."""

    parameter: str
    values: list[Value]
    mean: list[float]
    sd: list[float]


class Trust(View):
    """How the model does on results that it was not told of.

    Share within 90 % intervals, variance explained.
    """

    within: float
    explained: float | None


class Insight(View):
    """Empty where too little was observed."""

    observations: int
    recommended: Recommended | None = None
    importance: tuple[Importance, ...] = ()
    curves: tuple[Curve, ...] = ()
    trust: Trust | None = None


class Stopped(View):
    """Which robots were stopped, and why others could not be."""

    stopped: list[str]
    not_stopped: dict[str, str]


class Entered(View):
    """How many wells were given a value."""

    wells: int


class Person(View):
    """Who you are here."""

    person: str
    role: str


class TokenView(View):
    """A token without its secret."""

    id: str
    person: str
    role: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewToken(TokenView):
    """A token with its secret, which is told this once."""

    secret: str


class AuditEntry(View):
    """Something that was done to a token."""

    at: datetime
    who: str
    act: str
    subject: str
    message: str


class Health(View):
    """That the service answers."""

    status: str
    version: str


class ProblemDetails(BaseModel):
    """RFC 9457, with every single finding in `problems`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    problems: list[Problem] = Field(default_factory=list)
