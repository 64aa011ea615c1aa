"""Lifecycle: the journal's state -> what to do next. Pure.

After any crash it goes on from the same place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.core.state import (
    LONGEST_WAIT,
    CampaignState,
    CampaignStatus,
    JobState,
    JobStatus,
    RoundState,
)
from orchestrator.core.stop_rule import stop_reason
from protocols.campaign import Campaign
from protocols.instants import between
from protocols.working_hours import WorkingHours


@dataclass(frozen=True)
class PlanRound:
    """Propose a batch, lay it out and write down its jobs; its day 0 is the day of `start`."""

    number: int
    start: datetime


@dataclass(frozen=True)
class ExecuteJob:
    """Give a planned job to its robot, or follow one that is in flight to its end."""

    key: str
    robot: str


@dataclass(frozen=True)
class Drop:
    """Leave out a job whose every well was lost."""

    key: str


@dataclass(frozen=True)
class DropChecks:
    """Leave out the other looks of a step at a plate that has reached what it waits for."""

    key: str
    message: str


@dataclass(frozen=True)
class Hold:
    """Do not send a job whose biological window passed while nobody ran: a person decides."""

    key: str
    message: str


@dataclass(frozen=True)
class Reschedule:
    """A round is behind its schedule: schedule what is left again."""

    number: int


@dataclass(frozen=True)
class ScoreReadings:
    """Derive observations from readings."""

    readings: tuple[int, ...]


@dataclass(frozen=True)
class AskOperator:
    """Nobody but a person can say what became of this job; its plate waits."""

    key: str
    message: str


@dataclass(frozen=True)
class AskApproval:
    """A person looks at the batch of a round before the robots get it."""

    campaign_id: str
    round: int


@dataclass(frozen=True)
class AskValues:
    """A person enters the outcome of so many wells, or its readings: no robot reads them."""

    campaign_id: str
    round: int
    wells: int
    outcome: str
    columns: tuple[str, ...] = field(default=("value",), compare=False)
    """What the columns of a table with the values are called, beside those of the well."""

    @property
    def message(self) -> str:
        """What is asked, in words."""
        wells = "a well" if self.wells == 1 else f"{self.wells} wells"
        return f"round {self.round} waits for the values of {wells}: {self.outcome}"


@dataclass(frozen=True)
class WaitUntil:
    """Nothing is due before this moment."""

    moment: datetime


@dataclass(frozen=True)
class FinishRound:
    """Every job of the round is over, every reading has its score, and no value is awaited."""

    number: int


@dataclass(frozen=True)
class FinishCampaign:
    """The stop rule holds."""

    reason: str


Question = AskOperator | AskApproval | AskValues
"""What only a person can answer."""

Action = (
    PlanRound
    | ExecuteJob
    | Drop
    | DropChecks
    | Hold
    | Reschedule
    | ScoreReadings
    | Question
    | WaitUntil
    | FinishRound
    | FinishCampaign
)


_SLIP = timedelta(minutes=10)
"""How far a job may be behind the schedule before what is left is scheduled again.

At most half of its tolerance.
"""


def next_actions(state: CampaignState, now: datetime) -> list[Action]:
    """What to do now; actions may be done in any order, and at once where their robots differ.

    An empty list means that the campaign is over. A list of nothing but questions means that it
    waits for a person.
    """
    if state.status is not CampaignStatus.RUNNING:
        return _follow(state, now)
    if not state.rounds:
        return [PlanRound(1, first_day(state.campaign, now))]
    underway, plan = state.open_rounds, state.campaign.rounds
    asked: list[Action] = [
        AskApproval(state.id, batch.number) for batch in underway if batch.proposed
    ]
    actions = asked + _job_actions(state, [batch for batch in underway if not batch.proposed], now)
    if len(underway) < plan.in_parallel:
        reason = stop_reason(state, now)
        if not reason:
            ended = max((batch.ended_at for batch in state.rounds if batch.ended_at), default=now)
            start = now if underway else ended.astimezone(now.tzinfo)
            actions.append(PlanRound(len(state.rounds) + 1, first_day(state.campaign, start)))
        elif not underway:
            return [FinishCampaign(reason)]
    return actions


def open_questions(state: CampaignState) -> list[Question]:
    """What of the current round waits for a person: its approval, jobs, or values."""
    if state.status.over:
        return []
    asked: list[Question] = []
    for batch in state.open_rounds:
        if batch.proposed:
            asked.append(AskApproval(state.id, batch.number))
            continue
        asked += [
            AskOperator(job.key, job.message)
            for job in batch.jobs
            if job.status in (JobStatus.IN_DOUBT, JobStatus.LATE)
        ]
        asked += _ask_values(state, batch)
    return asked


def _ask_values(state: CampaignState, batch: RoundState) -> list[Question]:
    awaited = state.awaited_in(batch)
    if not awaited:
        return []
    outcomes = state.campaign.awaited
    label = ", ".join(found.scale.label for found in outcomes)
    only = outcomes == (state.campaign.outcome,)
    columns = ("value",) if only else tuple(found.column for found in outcomes)
    return [AskValues(state.id, batch.number, awaited, label, columns)]


def first_day(campaign: Campaign, now: datetime) -> datetime:
    """When the first step of a round is due: on the file's day, at its next time of day, or now."""
    if campaign.start == "now":
        return now
    at = campaign.protocol.steps[0].time_of_day
    if campaign.start is not None and campaign.start > now.date():
        return datetime.combine(campaign.start, at, now.tzinfo)
    today = datetime.combine(now.date(), at, now.tzinfo)
    return today if today >= now else today + timedelta(days=1)


def lateness(job: JobState, now: datetime) -> str:
    """By how much a job has missed its biological window, or nothing."""
    if job.latest_at is None or job.latest_at >= now:
        return ""
    hours = (now - job.due_at).total_seconds() / 3600
    late = f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"
    return f"it was due at {job.due_at.astimezone(now.tzinfo):%Y-%m-%d %H:%M} and is {late} late"


def _follow(state: CampaignState, now: datetime) -> list[Action]:
    """Nothing is sent any more, but jobs that robots have are followed to their end."""
    if state.status is CampaignStatus.FINISHED:
        return []
    retry_at = _retry_at(state, now)
    flying = [job for batch in state.open_rounds for job in batch.jobs if job.status.in_flight]
    return [_execute(job, now, retry_at) for job in flying]


def _retry_at(state: CampaignState, now: datetime) -> dict[str, datetime]:
    """When robots that did not answer are asked again.

    A moment that is farther off than anybody waits was written by a clock that is wrong.
    """
    latest = now + LONGEST_WAIT
    return {outage.robot: outage.retry_at for outage in state.outages if outage.retry_at <= latest}


def _execute(job: JobState, now: datetime, retry_at: Mapping[str, datetime]) -> Action:
    moment = retry_at.get(job.robot, now)
    return WaitUntil(moment) if moment > now else ExecuteJob(job.key, job.robot)


def _job_actions(
    state: CampaignState, batches: Sequence[RoundState], now: datetime
) -> list[Action]:
    """What is to be done in some rounds; robots have the jobs of all of them in one order."""
    robots = state.campaign.robots
    retry_at = _retry_at(state, now)
    actions: list[Action] = [ScoreReadings(batch.unscored) for batch in batches if batch.unscored]
    held: set[str] = set()
    # Nobody knows the state of a robot with a job in doubt: a person looks at it first.
    unknown = {
        job.robot for batch in batches for job in batch.jobs if job.status is JobStatus.IN_DOUBT
    }
    unknown = (unknown | state.elsewhere_in_doubt.keys()) - state.sure_robots
    waiting: dict[str, AskOperator] = {}
    for batch, job in _in_turn(batches):
        if job.status in (JobStatus.IN_DOUBT, JobStatus.LATE):
            actions.append(AskOperator(job.key, job.message))
        elif job.status.in_flight:
            actions.append(_execute(job, now, retry_at))
        elif job.wells and job.wells <= batch.lost_wells(job.plate):
            actions.append(Drop(job.key))
        elif batch.unscored and _waits_for_a_state(state.campaign, job):
            continue
        elif checks := _checks_left(state.campaign, batch, job):
            actions.append(checks)
        elif late := lateness(job, now) or _not_reached(state.campaign, batch, job):
            actions.append(Hold(job.key, late))
        elif job.robot in unknown:
            if job.robot in state.elsewhere_in_doubt:
                waiting[job.robot] = _ask_about(job.robot, state.elsewhere_in_doubt[job.robot])
        elif job.due_at > now:
            held.add(job.robot)
            actions.append(WaitUntil(job.due_at))
        elif (opening := _opening(job, now, robots[job.robot].hours)) > now:
            actions.append(WaitUntil(opening))
        elif job.robot not in held:
            # Jobs that are due while the schedule wants another one first wait for that one.
            if now - job.begin_at > _slip(job) and retry_at.get(job.robot, now) <= now:
                actions.append(Reschedule(batch.number))
            if job.order_fixed:
                held.add(job.robot)
            actions.append(_execute(job, now, retry_at))
    actions += waiting.values()
    moments = [action.moment for action in actions if isinstance(action, WaitUntil)]
    actions = [action for action in actions if not isinstance(action, WaitUntil)]
    if moments:
        actions.append(WaitUntil(min(moments)))
    for batch in batches:
        if not batch.jobs and not batch.unscored:
            actions += _ask_values(state, batch) or [FinishRound(batch.number)]
    return actions


def _slip(job: JobState) -> timedelta:
    return _SLIP if job.latest_at is None else min(_SLIP, between(job.due_at, job.latest_at) / 2)


def _waits_for_a_state(campaign: Campaign, job: JobState) -> bool:
    """Whether a value that is still to be read may decide about a job."""
    step = campaign.protocol.by_name[job.step]
    before = None if step.after is None else campaign.protocol.by_name[step.after.step]
    return step.until is not None or (before is not None and before.until is not None)


def _checks_left(campaign: Campaign, batch: RoundState, job: JobState) -> DropChecks | None:
    """Whether a plate needs no more looks, for it has reached what they wait for."""
    until = campaign.protocol.by_name[job.step].until
    if until is None or not until.reached(batch.values_on(job.plate, until.outcome, campaign)):
        return None
    return DropChecks(job.key, f"{until.wanted} on plate {job.plate}")


def _not_reached(campaign: Campaign, batch: RoundState, job: JobState) -> str:
    """Why a person is asked before a step that follows a state which was not reached, or nothing.

    Once that one has let the job go on, nobody is asked again.
    """
    after = campaign.protocol.by_name[job.step].after
    if after is None or job.latest_at is None:
        return ""
    until = campaign.protocol.by_name[after.step].until
    if until is None or until.otherwise == "go_on":
        return ""
    values = batch.values_on(job.plate, until.outcome, campaign)
    if until.reached(values):
        return ""
    known = [f"{value:.4g}" for value in values if value is not None]
    found = f"{min(known, key=float)} to {max(known, key=float)}" if known else "no value"
    return (
        f"step {after.step} looked at plate {job.plate} for {until.at_most} and never found that "
        f"{until.wanted} (last: {found})"
    )


def _ask_about(robot: str, key: str) -> AskOperator:
    """A job of another campaign, for which a robot is held."""
    return AskOperator(key, f"{robot} gets nothing until it is known what became of this job")


def _opening(job: JobState, now: datetime, hours: WorkingHours | None) -> datetime:
    """When the working hours of its robot let a job begin that is due: now, or later."""
    if hours is None:
        return now
    opening, begin = hours.opening(now), job.begin_at.astimezone(now.tzinfo)
    # Where the schedule has it after these hours, it would not end within them.
    return hours.opening(begin) if opening == now and begin >= hours.closing(now) else opening


def _in_turn(batches: Sequence[RoundState]) -> list[tuple[RoundState, JobState]]:
    """Each plate's next job with its round, in the order in which robots should have them."""

    def turn(entry: tuple[RoundState, JobState]) -> tuple[bool, datetime, datetime, int, int]:
        # What a robot has already comes before what it could be given next.
        batch, job = entry
        return (not job.status.in_flight, job.begin_at, job.due_at, batch.number, job.plate)

    return sorted(((batch, job) for batch in batches for job in batch.jobs), key=turn)
