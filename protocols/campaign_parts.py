"""Rounds, stop rule, strategy, robots and past results of a campaign; all that its checks read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from protocols.conditions import MOST, Finite, Positive, Value
from protocols.confirmation_plan import ConfirmationPlan
from protocols.constraints import Constraint, Cost
from protocols.covariates import Covariate
from protocols.outcomes import ObjectiveChoice, Outcome, OutcomeConstraint
from protocols.parameters import Name, Parameter
from protocols.plates import Plates
from protocols.protocol import Step
from protocols.quantities import Duration
from protocols.working_hours import WorkingHours

MOST_WELLS = 400_000
"""Wells of a round that a file may ask for: a thousand plates of 384."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Chosen(_Model):
    """A condition that a person chose for some wells of round 1."""

    condition: dict[Name, Value]
    wells: int = Field(1, ge=1, le=MOST_WELLS)


class FirstRound(_Model):
    """Wells of round 1: initial design, standard condition, and conditions of a person's choice."""

    initial: int = Field(ge=0, le=MOST_WELLS)
    standard: int = Field(0, ge=0, le=MOST_WELLS)
    chosen: tuple[Chosen, ...] = Field(
        (),
        max_length=MOST,
        description="conditions that a person chose, each with its number of wells",
    )
    replicates: int = Field(
        1, ge=1, le=MOST_WELLS, description="wells that try each initial condition"
    )

    @property
    def wells(self) -> int:
        """How many wells the round fills."""
        return self.initial + self.standard + sum(chosen.wells for chosen in self.chosen)


class LaterRounds(_Model):
    """Wells of every later round: proposed conditions, the best of the round before, standard."""

    proposed: int = Field(ge=1, le=MOST_WELLS)
    controls: int = Field(0, ge=0, le=MOST_WELLS)
    standard: int = Field(
        0,
        ge=0,
        le=MOST_WELLS,
        description="wells of the standard condition, which tell one round from another",
        exclude_if=lambda it: not it,
    )
    replicates: int = Field(
        1, ge=1, le=MOST_WELLS, description="wells that try each proposed condition"
    )

    @property
    def wells(self) -> int:
        """How many wells the round fills."""
        return self.proposed + self.controls + self.standard


class WantedBatch(_Model):
    """What a person wants of one round: parameters that are fixed in it, and own conditions."""

    round: int = Field(ge=1, le=1_000)
    fixed: dict[Name, Value] = Field(
        default_factory=dict,
        max_length=MOST,
        description="parameter -> the value that every proposal has",
    )
    chosen: tuple[Chosen, ...] = Field(
        (), max_length=MOST, description="conditions that a person chose, in place of proposed ones"
    )


class RoundPlan(_Model):
    """What fills the wells of each round."""

    first: FirstRound
    later: LaterRounds
    wanted: tuple[WantedBatch, ...] = Field(
        (),
        max_length=MOST,
        description="what is wanted of single rounds",
        exclude_if=lambda it: not it,
    )
    approval: bool = Field(
        False, description="a person approves each batch before the robots get it"
    )
    in_parallel: int = Field(
        1,
        ge=1,
        le=1_000,
        description="how many rounds may be under way at once: the next one is planned as soon as "
        "one of them is over, with the conditions of the others as pending",
    )

    def wanted_of(self, round_number: int) -> WantedBatch:
        """What is wanted of a round; nothing is fixed or chosen where nobody said so."""
        return next(
            (batch for batch in self.wanted if batch.round == round_number),
            WantedBatch(round=round_number),
        )


class StopRule(_Model):
    """When the campaign is over: after so many rounds, at the target, or by expected gain.

    At the target: when a value is as good as `target`, in the direction of the objective. By
    expected gain: when the next batch is expected to better the best true value by less than
    `least_gain`. Both are in the unit of the objective's outcome. Budgets end it when the next
    round would exceed one of them.
    """

    rounds: int = Field(ge=1, le=10_000)
    target: Finite | None = None
    least_gain: Positive | None = None
    samples: int | None = Field(
        None, ge=1, le=10**9, description="how many wells may be used in all"
    )
    time: Duration | None = Field(None, description="no round is begun later than this")
    spend: dict[str, Positive] = Field(
        default_factory=dict,
        max_length=MOST,
        description="name of a cost -> how much all wells may take",
    )


class StrategyChoice(_Model):
    """What turns observations into proposals: a strategy by its name, with its options."""

    name: str = Field(min_length=1, max_length=60)
    options: dict[str, Any] = Field(default_factory=dict, description="of the strategy")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Either a name alone or name and options."""
        schema = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [{"type": "string"}, {**schema}], "title": schema.get("title", "")}


class RobotConfig(_Model):
    """One robot: its driver, address, options, narrower limits of the lab, working hours."""

    driver: str
    address: str = Field(
        "", description="where the robot is: a serial port, a URL; what the driver says"
    )
    environment: str = Field(
        "",
        description=(
            "an environment below wellwise's home, or a folder: the driver runs in its interpreter"
        ),
    )
    limits: dict[str, dict[str, tuple[Finite, Finite]]] = Field(
        default_factory=dict,
        max_length=MOST,
        description="kind of operation -> field -> lowest and highest value",
    )
    options: dict[str, Any] = Field(default_factory=dict)
    hours: WorkingHours | None = Field(
        None, description="when it works, where it does not work day and night"
    )


class PastResults(_Model):
    """Results to start from, and the headers that other people's tables use for our names.

    They come from a table or from an earlier campaign of the same journal; each of their rounds has
    a shift of its own. Those of a `similar` experiment are learnt from as far as it turns out to be
    alike, and are never taken for values of this one.
    """

    campaign: str | None = Field(None, description="an earlier campaign of the same journal")
    file: str | None = Field(
        None, description="CSV file with past results, relative to the campaign file"
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        max_length=MOST,
        description="our name of a parameter, of the outcome, plate, well or round -> header",
    )
    similar: bool = Field(
        False,
        description="they are of a similar experiment (other cells, another lot), not of this one",
        exclude_if=lambda it: not it,
    )


@dataclass(frozen=True)
class Parts:
    """The readable parts of a campaign file, for checks between them even in a broken file.

    Parameters and steps come with their index in the file; `broken` has the names of those that
    could not be read, so that nobody misses them. A part that is None could not be read, and its
    checks are left out.
    """

    parameters: tuple[tuple[int, Parameter], ...]
    steps: tuple[tuple[int, Step], ...]
    broken: frozenset[str] = frozenset()
    outcomes: tuple[Outcome, ...] | None = None
    objectives: tuple[ObjectiveChoice, ...] | None = None
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    covariates: tuple[Covariate, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    costs: tuple[Cost, ...] = ()
    plates: Plates | None = None
    rounds: RoundPlan | None = None
    stop: StopRule | None = None
    robots: Mapping[str, RobotConfig] | None = None
    past_results: PastResults | None = None
    start: object = None
    confirmation: ConfirmationPlan | None = None
