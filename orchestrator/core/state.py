"""What the journal knows of a campaign, as immutable values that `lifecycle` decides upon."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple

from protocols.addresses import WellAddress
from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation, Proposal
from protocols.layout import Layout, Placement
from protocols.plates import Well


class CampaignStatus(StrEnum):
    """Whether a campaign goes on."""

    RUNNING = "running"
    PAUSED = "paused"
    ABORTED = "aborted"
    FINISHED = "finished"

    @property
    def over(self) -> bool:
        """Whether nothing more is sent, for good."""
        return self in (CampaignStatus.ABORTED, CampaignStatus.FINISHED)


class RoundStatus(StrEnum):
    """Whether the jobs of a batch are done; a proposed one waits for approval and has none yet."""

    PROPOSED = "proposed"
    RUNNING = "running"
    FINISHED = "finished"


Decision = Literal["done", "failed", "again", "go-on"]
"""What a person says of a job in doubt or late."""


class JobStatus(StrEnum):
    """The life of a job.

    `dropped` is a planned job whose every well was lost before it was due; `late` one whose
    tolerance passed before it could be sent: neither was ever sent to a robot, and a late one
    waits for a person.
    """

    PLANNED = "planned"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    DONE = "done"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    DROPPED = "dropped"
    LATE = "late"

    @property
    def over(self) -> bool:
        """Whether the job needs nothing more."""
        return self in (JobStatus.DONE, JobStatus.FAILED, JobStatus.DROPPED)

    @property
    def in_flight(self) -> bool:
        """Whether it was sent to a robot, or is about to be, and has not ended."""
        return self in (JobStatus.DISPATCHED, JobStatus.ACCEPTED)


IN_FLIGHT = tuple(status for status in JobStatus if status.in_flight)


@dataclass(frozen=True)
class JobState:
    """The state of one job; `wells` are those it works on, lost ones included.

    `begin_at` is when the schedule has it begin: robots have their jobs in that order. What follows
    on a robot after one with `order_fixed` is read again when that is done. `latest_at` is when its
    tolerance ends; None where an operator has waived its lateness. `robot_silent`: its robot did
    not answer when it was last asked.
    """

    key: str
    plate: int
    step: str
    robot: str
    due_at: datetime
    begin_at: datetime
    order_fixed: bool
    status: JobStatus
    wells: frozenset[str]
    latest_at: datetime | None = None
    message: str = ""
    robot_silent: bool = False
    dispatched_at: datetime | None = None


@dataclass(frozen=True)
class WellState:
    """One well of a round: its proposal, its latest value and flags, and why it was lost.

    `measured` has the intermediate measurements by name: None where there is no value, or it is
    flagged. `covariates` has what was recorded by name: a number, or the label of a category.
    `edge` says whether it is on the rim of its plate.
    """

    well: Well
    proposal: Proposal
    lost: str = ""
    value: float | None = None
    flags: tuple[str, ...] = ()
    scored: bool = False
    requeued: bool = False
    measured: Mapping[str, float | None] = field(default_factory=dict)
    covariates: Mapping[str, float | str] = field(default_factory=dict)
    edge: bool | None = None

    @property
    def trusted(self) -> float | None:
        """Its value, unless the well was lost or a flag speaks against it."""
        return None if self.lost or self.flags else self.value

    def observation(self, round_number: int) -> Observation | None:
        """The observation that the optimiser may use; None if lost or without a value."""
        if self.lost or not self.scored:
            return None
        return Observation(
            condition=self.proposal.condition,
            value=self.value,
            round=round_number,
            flags=self.flags,
            outcomes=dict(self.measured),
            plate=self.well.plate,
            edge=self.edge,
            covariates=dict(self.covariates),
        )


@dataclass(frozen=True)
class RoundState:
    """One batch: its wells in plate order, each plate's next job, and unscored readings.

    The jobs of a plate are done in the order of its protocol, so the later ones have no say in what
    comes next.
    """

    number: int
    finished: bool
    started_at: datetime
    ended_at: datetime | None
    wells: tuple[WellState, ...]
    jobs: tuple[JobState, ...] = ()
    unscored: tuple[int, ...] = ()
    proposed: bool = False
    """Whether the batch waits for approval: it has no jobs yet."""

    @property
    def status(self) -> RoundStatus:
        """Whether its jobs are done, or it waits for approval."""
        if self.finished:
            return RoundStatus.FINISHED
        return RoundStatus.PROPOSED if self.proposed else RoundStatus.RUNNING

    @property
    def layout(self) -> Layout:
        """Which proposal is in which well."""
        placements = tuple(
            Placement(well=state.well, proposal=state.proposal) for state in self.wells
        )
        return Layout(round=self.number, placements=placements)

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What was observed, in plate order."""
        found = (well.observation(self.number) for well in self.wells)
        return tuple(observation for observation in found if observation is not None)

    def values_on(self, plate: int, outcome: str, campaign: Campaign) -> list[float | None]:
        """The latest value of an outcome in each well of a plate that is not lost, if trusted."""
        own = outcome == campaign.outcome.name
        return [
            state.trusted if own else state.measured.get(outcome)
            for state in self.wells
            if state.well.plate == plate and not state.lost
        ]

    def lost_wells(self, plate: int) -> frozenset[str]:
        """Names of the plate's wells that are lost."""
        return frozenset(
            state.well.name for state in self.wells if state.lost and state.well.plate == plate
        )


LONGEST_WAIT = timedelta(minutes=1)
"""How long a robot that does not answer is left alone at most, by the lab's clock."""


class Requeued(NamedTuple):
    """A lost well and the condition that it had."""

    address: WellAddress
    condition: Condition


@dataclass(frozen=True)
class Outage:
    """A robot that does not answer: since when, and when it is asked again (lab time)."""

    robot: str
    since: datetime
    retry_at: datetime
    message: str


@dataclass(frozen=True)
class CampaignState:
    """Everything that decides what comes next in a campaign."""

    id: str
    campaign: Campaign
    status: CampaignStatus
    started_at: datetime
    past: tuple[Observation, ...] = ()
    rounds: tuple[RoundState, ...] = field(default=())
    reason: str = ""
    outages: tuple[Outage, ...] = ()
    elsewhere_in_doubt: Mapping[str, str] = field(default_factory=dict)
    """Robots of which another campaign has a job in doubt, and that job's key."""
    sure_robots: frozenset[str] = frozenset()
    """Robots whose state is known whatever became of a job, by what their drivers declare."""

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Past results and everything observed so far, in order."""
        return self.past + tuple(
            observation for batch in self.rounds for observation in batch.observations
        )

    @property
    def requeued(self) -> tuple[Requeued, ...]:
        """Lost wells whose conditions an operator wants to be tried again."""
        return tuple(
            Requeued(
                WellAddress(self.id, batch.number, well.well.plate, well.well.name),
                well.proposal.condition,
            )
            for batch in self.rounds
            for well in batch.wells
            if well.requeued
        )

    @property
    def open_rounds(self) -> tuple[RoundState, ...]:
        """The rounds that are not finished."""
        return tuple(batch for batch in self.rounds if not batch.finished)

    @property
    def pending(self) -> tuple[Condition, ...]:
        """The conditions of wells of open rounds whose value is still to come."""
        return tuple(
            well.proposal.condition
            for batch in self.open_rounds
            for well in batch.wells
            if not well.lost and not well.scored
        )

    @property
    def coming(self) -> JobState | None:
        """The planned job that is due first, unless robots work at this moment."""
        jobs = [job for batch in self.open_rounds for job in batch.jobs]
        if self.status is not CampaignStatus.RUNNING or any(job.status.in_flight for job in jobs):
            return None
        planned = [job for job in jobs if job.status is JobStatus.PLANNED]
        return min(planned, key=lambda job: job.due_at, default=None)

    def awaited_in(self, batch: RoundState) -> int:
        """How many wells of a round lack a value that a person is to enter.

        Nobody is asked while a plate has jobs that are not over.
        """
        if batch.finished or batch.proposed or batch.jobs:
            return 0
        own = self.campaign.outcome
        return sum(
            not well.lost
            and any(
                not well.scored if outcome is own else outcome.name not in well.measured
                for outcome in self.campaign.awaited
            )
            for well in batch.wells
        )

    @property
    def best(self) -> float | None:
        """The best value that may be trusted, of this campaign's own wells.

        Of several objectives that of the first; wells that break a constraint do not count.
        """
        return self.best_until(len(self.rounds))

    def best_until(self, round_number: int) -> float | None:
        """The same of the rounds up to one, from 1."""
        return self.campaign.objective.best(
            o.value
            for r in self.rounds[:round_number]
            for o in r.observations
            if o.usable and o.value is not None and self.meets_constraints(o)
        )

    def meets_constraints(self, observation: Observation) -> bool:
        """Whether an observation is known to meet every constraint on outcomes."""
        own = self.campaign.outcome.name
        return all(
            rule.allows(observation.of(None if rule.outcome == own else rule.outcome).value)
            for rule in self.campaign.outcome_constraints
        )
