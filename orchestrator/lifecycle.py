"""Lifecycle: the journal's state -> what to do next. Pure: after any crash it goes on from the same place."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.state import CampaignState, JobState, JobStatus, RoundState
from protocols.campaign import Campaign


@dataclass(frozen=True)
class PlanRound:
    """Propose a batch, lay it out and write down its jobs; its day 0 is the day of `start`."""

    number: int
    start: datetime


@dataclass(frozen=True)
class CarryOut:
    """Give a planned job to its robot, or find out what became of one that is in flight, and see it to its end."""

    key: str
    robot: str


@dataclass(frozen=True)
class Drop:
    """Leave out a job whose every well was lost."""

    key: str


@dataclass(frozen=True)
class Hold:
    """Do not send a job whose biological window passed while nobody ran: a person decides."""

    key: str
    message: str


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
class WaitUntil:
    """Nothing is due before this moment."""

    moment: datetime


@dataclass(frozen=True)
class FinishRound:
    """Every job of the round is over and every reading has its score."""

    number: int


@dataclass(frozen=True)
class FinishCampaign:
    """The stop rule holds."""

    reason: str


Action = PlanRound | CarryOut | Drop | Hold | ScoreReadings | AskOperator | WaitUntil | FinishRound | FinishCampaign


def next_actions(state: CampaignState, now: datetime) -> list[Action]:
    """What to do now; actions may be done in any order, and at once where their robots differ.

    An empty list means that the campaign is over. A list of nothing but `AskOperator` means that it waits for a person.
    """
    if state.status != "running":
        return []
    if not state.rounds:
        return [PlanRound(1, _first_day(state.campaign, now))]
    current = state.rounds[-1]
    if current.finished:
        reason = stop_reason(state)
        if reason:
            return [FinishCampaign(reason)]
        return [PlanRound(current.number + 1, _first_day(state.campaign, current.ended_at or now))]
    return _round_actions(current, now)


def open_questions(state: CampaignState) -> list[AskOperator]:
    """The jobs of the current round that wait for a person."""
    if state.status not in ("running", "paused") or not state.rounds:
        return []
    waiting = (JobStatus.IN_DOUBT, JobStatus.LATE)
    return [AskOperator(job.key, job.message) for job in state.rounds[-1].jobs if job.status in waiting]


def stop_reason(state: CampaignState) -> str:
    """Why the campaign is over, or nothing."""
    rule = state.campaign.stop
    if rule.target is not None and state.best is not None and state.best >= rule.target:
        return f"target reached: {state.best:.3f} >= {rule.target:g}"
    if len(state.rounds) >= rule.rounds:
        return f"{rule.rounds} rounds done"
    return ""


def _first_day(campaign: Campaign, now: datetime) -> datetime:
    """When the first step of a round is due: on the day that the file gives, or as soon as its time of day comes."""
    at = campaign.protocol.steps[0].at
    if campaign.start is not None and campaign.start > now.date():
        return datetime.combine(campaign.start, at, now.tzinfo)
    today = datetime.combine(now.date(), at, now.tzinfo)
    return today if today >= now else today + timedelta(days=1)


def _round_actions(round: RoundState, now: datetime) -> list[Action]:
    actions: list[Action] = [ScoreReadings(round.unscored)] if round.unscored else []
    waiting: list[datetime] = []
    for job in _first_open_jobs(round):
        if job.status in (JobStatus.IN_DOUBT, JobStatus.LATE):
            actions.append(AskOperator(job.key, job.message))
        elif job.status.in_flight:
            actions.append(CarryOut(job.key, job.robot))
        elif job.wells and job.wells <= round.lost_wells(job.plate):
            actions.append(Drop(job.key))
        elif job.latest_at is not None and job.latest_at < now:
            delay = now - job.due_at
            actions.append(Hold(job.key, f"it was due at {job.due_at:%Y-%m-%d %H:%M} and is {_hours(delay)} late"))
        elif job.due_at <= now:
            actions.append(CarryOut(job.key, job.robot))
        else:
            waiting.append(job.due_at)
    busy = any(not isinstance(action, AskOperator) for action in actions)
    if waiting and not busy:
        actions.append(WaitUntil(min(waiting)))
    if not actions:
        return [FinishRound(round.number)]
    return actions


def _hours(delay: timedelta) -> str:
    hours = delay.total_seconds() / 3600
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def _first_open_jobs(round: RoundState) -> list[JobState]:
    """For each plate the first job that is not over: a plate is worked on in the order of its protocol."""
    first: dict[int, JobState] = {}
    for job in round.jobs:
        if not job.status.over:
            first.setdefault(job.plate, job)
    return sorted(first.values(), key=lambda job: (job.due_at, job.plate))
