"""Launching a campaign: its text, and what it would do."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from orchestrator.service.schema.base import Body, ProjectName, View
from orchestrator.service.schema.campaigns import WellView


class CampaignText(Body):
    """The text of a campaign file (YAML); a seed takes the place of the file's.

    `past_results` is a table to start from: its text, or a `data:` URL (base64) of a workbook or a
    Parquet file. A campaign that was launched already is launched once more only with `again`.
    With `simulated_people`, for training, people and the values that they enter are simulated, and
    the name and the title of the campaign say so. `project` is where it is launched; who is an
    operator in one project only need not say it.
    """

    file: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)]
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    past_results: Annotated[str, StringConstraints(min_length=1, max_length=1_000_000)] | None = (
        None
    )
    again: bool = False
    simulated_people: bool = False
    project: ProjectName | Literal[""] = ""


class MigratedText(View):
    """The text of a campaign file with outcomes and objectives."""

    file: str


class StepPlan(View):
    """When a step is due in a round (its days, and in words), and how many jobs it is."""

    step: str
    title: str
    robots: list[str]
    days: list[int]
    when: str
    jobs: int


class LiquidPlan(View):
    """How much of a liquid the first round takes, uL, without dead volumes."""

    liquid: str
    volume_ul: float


class SubstancePlan(View):
    """How much of a supplement goes into the liquids of a day, in `unit`."""

    substance: str
    amount: float
    unit: str


class LoadPlan(View):
    """What a person loads on a day of the first round, without dead volumes.

    `plates` by labware, `liquids_ul` in uL, `tips` fresh ones by their size in uL.
    """

    day: date
    plates: dict[str, int]
    liquids_ul: dict[str, float]
    substances: list[SubstancePlan]
    tips: dict[str, int]


class CostPlan(View):
    """What the wells of the first round take of a cost of the campaign, in `unit`."""

    cost: str
    unit: str
    total: float


class ConstraintShare(View):
    """A constraint in words, and the share of conditions (0 to 1) that it permits by itself.

    `exact`: one of its parameters follows from the others, and the share is of those.
    """

    constraint: str
    reason: str
    share: float
    exact: bool


class SpaceShare(View):
    """The share of conditions (0 to 1) that the constraints permit, from a sample of `samples`."""

    share: float
    samples: int
    constraints: list[ConstraintShare]


class Launched(View):
    """An earlier launch under this name; `same`: of the same campaign, not of another one."""

    id: str
    title: str
    status: str
    started_at: datetime
    same: bool


class LaunchPreview(View):
    """What a campaign file would do: its first layout, schedule, loading list and costs.

    `last_day` is when the last job of the first round is due, `ends_at` when it is over and
    `robot_hours` what each robot has to do until then, by nominal times.
    """

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
    ends_at: datetime
    robot_hours: dict[str, float]
    loads: list[LoadPlan]
    costs: list[CostPlan]
    space: SpaceShare
    launched: list[Launched] = Field(default_factory=list)


class OperationKind(View):
    """An operation of the vocabulary; `reads`: the kind of reading that it leaves."""

    summary: str
    reads: str | None


class PlugIn(View):
    """A scorer, driver or strategy: what it is, and the JSON Schema of its options.

    `reads` are the readings that a scorer takes (none: not declared), `unit` and `natural_range`
    what it declares of its values. `simulated`: a driver of equipment that does not exist.
    """

    summary: str
    options: dict[str, Any]
    reads: list[str] = Field(default_factory=list)
    unit: str = ""
    natural_range: tuple[float, float] | None = None
    simulated: bool = False


class LabwareView(View):
    """The rectangle of wells that labware has, but for those that are absent."""

    rows: int
    columns: int
    absent: list[str]


class Vocabulary(View):
    """What a campaign file may say to this service, for programs that help to write one.

    `schema_` (`schema` in JSON) is the JSON Schema of campaign files. `robots` are those of the
    service's lab file, with their drivers; `drivers` are those that a file from a browser may name.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    schema_: dict[str, Any] = Field(alias="schema")
    operations: dict[str, OperationKind]
    scorers: dict[str, PlugIn]
    drivers: dict[str, PlugIn]
    strategies: list[str]
    labware: dict[str, LabwareView]
    robots: dict[str, str]
