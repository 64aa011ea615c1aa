"""The campaign: search space, protocol, plates, outcomes, rounds and robots of one study."""

from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from protocols.campaign_checks import Parts, cross_findings
from protocols.conditions import MOST, Condition, Finite, Positive, Value
from protocols.confirmation_plan import ConfirmationPlan
from protocols.constraints import Constraint, Cost
from protocols.covariates import Covariate
from protocols.earlier_form import SCHEMA as EARLIER_SCHEMA
from protocols.earlier_form import in_new_form
from protocols.errors import duplicate_names, refuse
from protocols.operations import OPERATIONS
from protocols.outcomes import ObjectiveChoice, Outcome, OutcomeConstraint
from protocols.parameters import Name, Parameter
from protocols.plates import Plates
from protocols.protocol import Protocol
from protocols.quantities import Duration
from protocols.search_space import SearchSpace
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
    """Wells of every later round: proposed conditions, and the best of the round before."""

    proposed: int = Field(ge=1, le=MOST_WELLS)
    controls: int = Field(0, ge=0, le=MOST_WELLS)
    replicates: int = Field(
        1, ge=1, le=MOST_WELLS, description="wells that try each proposed condition"
    )

    @property
    def wells(self) -> int:
        """How many wells the round fills."""
        return self.proposed + self.controls


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


class Campaign(_Model):
    """One optimisation study, as its campaign file says it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
    title: str = ""
    seed: int = Field(0, ge=0, le=2**63 - 1)
    start: date | Literal["now"] | None = Field(
        None,
        description="first day of round 1; the day of the launch if absent; `now`: each round "
        "begins as soon as it is planned",
    )
    outcomes: tuple[Outcome, ...] = Field(
        min_length=1, max_length=MOST, description="named values of each well"
    )
    objectives: tuple[ObjectiveChoice, ...] = Field(
        min_length=1,
        max_length=MOST,
        description="outcomes that are to be high, low, or near a target",
    )
    outcome_constraints: tuple[OutcomeConstraint, ...] = Field(
        (), max_length=MOST, description="outcomes that are to be kept within bounds"
    )
    parameters: tuple[Parameter, ...] = Field(min_length=1, max_length=MOST)
    covariates: tuple[Covariate, ...] = Field(
        (),
        max_length=MOST,
        description="what is recorded of wells but not chosen",
        exclude_if=lambda it: not it,
    )
    constraints: tuple[Constraint, ...] = Field(
        (), max_length=MOST, description="what may not come together"
    )
    costs: tuple[Cost, ...] = Field(
        (),
        max_length=MOST,
        description="what a condition takes and should be low, in addition to the objective",
    )
    protocol: Protocol
    plates: Plates
    rounds: RoundPlan
    stop: StopRule
    strategy: StrategyChoice | None = Field(
        None,
        description="what proposes the batches; the default strategy if absent",
        exclude_if=lambda it: it is None,
    )
    robots: dict[Name, RobotConfig] = Field(min_length=1, max_length=MOST)
    past_results: PastResults = PastResults()
    confirmation: ConfirmationPlan | None = Field(
        None,
        description="how the chosen conditions are compared; the last of them is the control",
        exclude_if=lambda it: it is None,
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Either form: outcomes and objectives, or an objective with measurements."""
        schema = handler.resolve_ref_schema(handler(core))
        schema["properties"] |= EARLIER_SCHEMA
        now = ["outcomes", "objectives"]
        schema["required"] = [name for name in schema["required"] if name not in now]
        schema["anyOf"] = [
            {"required": now},
            {"not": {"anyOf": [{"required": [name]} for name in now]}},
        ]
        return schema

    @model_validator(mode="before")
    @classmethod
    def _from_earlier_form(cls, given: Any) -> Any:
        return in_new_form(given)

    @model_validator(mode="after")
    def _check(self) -> Self:
        parts = Parts(
            parameters=tuple(enumerate(self.parameters)),
            covariates=self.covariates,
            outcomes=self.outcomes,
            objectives=self.objectives,
            outcome_constraints=self.outcome_constraints,
            constraints=self.constraints,
            costs=self.costs,
            steps=tuple(enumerate(self.protocol.steps)),
            plates=self.plates,
            rounds=self.rounds,
            stop=self.stop,
            robots=self.robots,
            past_results=self.past_results,
            start=self.start,
        )
        refuse(duplicate_names(self.parameters, "parameters") + list(cross_findings(parts)))
        return self

    @cached_property
    def space(self) -> SearchSpace:
        """The parameters as a search space."""
        return SearchSpace(parameters=self.parameters, constraints=self.constraints)

    @cached_property
    def standards(self) -> tuple[Condition, ...]:
        """The standard condition for each set of values that wells of round 1 decide for it."""
        fitting = (values for values in self.decided_values(1) if self.space.standard_fits(values))
        return tuple(dict.fromkeys(self.space.standard(values) for values in fitting))

    @property
    def starts_at_once(self) -> bool:
        """Whether each round begins as soon as it is planned."""
        return self.start == "now"

    @property
    def first_rounds(self) -> int:
        """Over how many rounds the initial design is spread: one, where it fills a round."""
        wells = self.plates.count * self.plates.wells_per_plate
        return max(1, self.rounds.first.wells // wells)

    @property
    def objective(self) -> ObjectiveChoice:
        """What is wanted of the outcome that the optimiser improves."""
        return self.objectives[0]

    @property
    def outcome(self) -> Outcome:
        """The outcome that the optimiser improves."""
        return next(found for found in self.outcomes if found.name == self.objective.outcome)

    @property
    def measurements(self) -> tuple[Outcome, ...]:
        """The other outcomes; the optimiser uses those that are `further` wanted."""
        return tuple(found for found in self.outcomes if found.name != self.outcome.name)

    @property
    def several(self) -> bool:
        """Whether there are several objectives, or constraints on outcomes."""
        return len(self.objectives) > 1 or bool(self.outcome_constraints)

    @property
    def further(self) -> tuple[Outcome, ...]:
        """The outcomes beside the first objective's that are wanted or constrained."""
        wanted = [objective.outcome for objective in self.objectives[1:]]
        named = {*wanted, *(rule.outcome for rule in self.outcome_constraints)}
        return tuple(found for found in self.measurements if found.name in named)

    def scored(self, measurement: str) -> Outcome:
        """The measurement with this name, or the objective's outcome if there is none."""
        return next(
            (found for found in self.measurements if found.name == measurement), self.outcome
        )

    @property
    def read_by_robots(self) -> bool:
        """Whether a step reads the objective's outcome; its wells wait for a person otherwise."""
        return any(
            self.outcome_read_in(step.name) == self.outcome
            for step in self.protocol.steps
            if any(OPERATIONS[operation.do].reads for operation in step.operations)
        )

    def outcome_read_in(self, step: str) -> Outcome | None:
        """The outcome that a step's readings are of; None if they are only kept."""
        read = [found for found in self.outcomes if not found.by_hand]
        own = (found for found in read if found.step == step)
        return next(own, next((found for found in read if found.step is None), None))

    def decided_values(self, round_number: int) -> tuple[dict[str, Value], ...]:
        """What each well of a round decides, in the order of `plates.all_wells()`."""
        return tuple(
            self.space.decided_values(round_number, well.number, well.plate)
            for well in self.plates.all_wells()
        )
