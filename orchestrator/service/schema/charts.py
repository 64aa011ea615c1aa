"""Answers that charts are drawn from: every number that is shown, computed by the service."""

from datetime import datetime
from typing import Literal

from orchestrator.core.state import JobStatus
from orchestrator.service.schema.base import View
from protocols.conditions import Value
from protocols.traces import Trace

MOST_COMPARED = 20
"""Campaigns that may be compared at once."""


class ChartAxis(View):
    """A parameter or an outcome as an axis, from `low` to `high` in `unit`.

    `permitted` has the ends beyond which there is no value: what a parameter allows, or the natural
    range of an outcome. A category has its levels as `labels`, which lie at 0, 1, 2, ...
    """

    name: str
    title: str
    unit: str
    kind: Literal["parameter", "outcome"]
    low: float
    high: float
    permitted: tuple[float, float] | None
    log: bool = False
    labels: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


class ChartWell(View):
    """A well with at least one value that may be trusted.

    `at`, `shares` and `shown` have an entry an axis: the position in the axis's unit, the share of
    the way from its low end to its high one (outside 0..1 where it lies beyond), and the value as
    people write it; None, or a dash, where the well has none. `text` says all of it, `image` is
    where its latest image is, small.
    """

    id: str
    round: int
    plate: int
    well: str
    role: str
    at: list[float | None]
    shares: list[float | None]
    shown: list[str]
    text: str
    image: str | None


class ChartRound(View):
    """A batch: its wells, how many have a value that may be trusted, the best, and that so far."""

    number: int
    wells: int
    trusted: int
    best: float | None
    best_so_far: float | None


class Spread(View):
    """Quartiles and ends of the `n` trusted values of an outcome in a round, in its unit."""

    outcome: str
    round: int
    n: int
    low: float
    first_quartile: float
    median: float
    third_quartile: float
    high: float


class ChartLevel(View):
    """A value that others are compared with: the standard's mean, or a target."""

    label: str
    value: float
    kind: Literal["standard", "target"]


class WellsChart(View):
    """Every trusted value of a campaign, with axes for its parameters and outcomes.

    `objective` is the outcome of `rounds` and `levels`, `modelled` are those that are wanted or
    constrained, of which there are slices, surfaces and calibrations. `left_out` wells had a value,
    or were to have one, and are not among `wells`: they are lost or flagged.
    """

    campaign: str
    title: str
    objective: str
    direction: Literal["maximise", "minimise", "match"]
    modelled: list[str]
    axes: list[ChartAxis]
    rounds: list[ChartRound]
    spreads: list[Spread]
    levels: list[ChartLevel]
    wells: list[ChartWell]
    left_out: int


class Slice(View):
    """The model along one parameter, in the unit of the outcome.

    `low` and `high` bound the interval of the true value; `at` is where the condition lies through
    which the slice goes. Values that are not permitted beside the others are left out.
    """

    axis: ChartAxis
    values: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]
    at: float | None


class SlicesChart(View):
    """Slices through one condition, with intervals of probability `share`; none without results."""

    outcome: ChartAxis
    observations: int
    share: float
    through: dict[str, Value]
    tried: bool
    slices: list[Slice]


class SurfaceCell(View):
    """Mean and sd of an outcome about a pair of values, and where the cell ends on both axes.

    `beyond`: the mean lies below or above what there can be.
    """

    first: float
    second: float
    first_ends: tuple[float, float]
    second_ends: tuple[float, float]
    mean: float
    sd: float
    beyond: Literal["", "below", "above"]


class SurfaceChart(View):
    """An outcome over two parameters, averaged over the others; no cells without results."""

    outcome: ChartAxis
    first: ChartAxis
    second: ChartAxis
    cells: list[SurfaceCell]


class HeldOutPoint(View):
    """A measured value, and what the model says of it from all other conditions: an interval.

    `id` is the well; empty for a past result. `outlier`: the model gives it next to no weight.
    """

    id: str
    round: int
    value: float
    mean: float
    low: float
    high: float
    within: bool
    outlier: bool
    text: str


class CalibrationChart(View):
    """Cross-validation by condition with intervals of probability `share`.

    `within` is the share of points that they held.
    """

    outcome: ChartAxis
    share: float
    within: float | None
    explained: float | None
    points: list[HeldOutPoint]


class FrontCondition(View):
    """A condition that no other beats: predictions, an entry an outcome; `text` says all of it.

    `low` and `high` are one sd below and above the mean.
    """

    condition: dict[str, Value]
    mean: list[float]
    low: list[float]
    high: list[float]
    feasible: float
    tried: bool
    text: str


class FrontChart(View):
    """What no condition beats in every objective; none with one objective or without results."""

    outcomes: list[ChartAxis]
    points: list[FrontCondition]


class TimelineJob(View):
    """A job of a round: when it was to begin, until when it might, and when it was worked on.

    It was `sent` to its robot, which began when it had ended the job before: `began` is the later
    of the two, as far as this round tells. They and `ended` are None before; `text` says all of it.
    """

    key: str
    plate: int
    step: str
    day: int
    robot: str
    state: JobStatus
    due_at: datetime
    latest: datetime
    sent: datetime | None
    began: datetime | None
    ended: datetime | None
    text: str


class TimelineChart(View):
    """When robots work in a round, by the lab's clock, which shows `now`.

    Jobs are in the order in which they are due; `left_out` more of them are not listed.
    """

    campaign: str
    round: int
    now: datetime | None
    robots: list[str]
    jobs: list[TimelineJob]
    left_out: int


class TelemetryChart(View):
    """What a robot measured of itself during a job: channels of one unit, by minutes from then."""

    job: str
    began_at: datetime
    trace: Trace


class Progress(View):
    """The best so far of a campaign after each of its rounds."""

    campaign: str
    title: str
    axis: ChartAxis
    direction: Literal["maximise", "minimise", "match"]
    rounds: list[ChartRound]


class ComparisonChart(View):
    """Campaigns side by side; those of unlike outcomes cannot share an axis."""

    campaigns: list[Progress]
