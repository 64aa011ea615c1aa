"""Views: what the API tells of a campaign, its rounds, wells, jobs, robots and events."""

from collections.abc import Iterable
from datetime import datetime, tzinfo
from statistics import fmean, median
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from orchestrator.core.lifecycle import AskApproval, open_questions
from orchestrator.core.state import CampaignState, JobStatus, RoundState, WellState
from orchestrator.journal.tables import EventRow, JobRow, ObservationRow, ReadingRow
from protocols.conditions import Value
from protocols.parameters import CategoryParameter


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


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

    @classmethod
    def of(cls, row: EventRow, zone: tzinfo) -> "EventView":
        """The view of a row."""
        return cls(
            id=row.id or 0,
            campaign=row.campaign_id,
            at=row.at.astimezone(zone),
            kind=row.kind,
            subject=row.subject,
            who=row.who,
            message=row.message,
            data=row.data,
        )


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

    @classmethod
    def of(cls, row: JobRow, zone: tzinfo) -> "JobView":
        """The view of a row."""
        wells = dict.fromkeys(op["well"] for op in row.job["operations"] if "well" in op)
        return cls(
            key=row.key,
            round=row.round,
            plate=row.plate,
            step=row.step,
            day=row.job["day"],
            robot=row.robot,
            due_at=row.due_at.astimezone(zone),
            state=JobStatus(row.state),
            attempt=row.attempt,
            message=row.message,
            wells=list(wells),
            dispatched_at=row.dispatched_at and row.dispatched_at.astimezone(zone),
            ended_at=row.ended_at and row.ended_at.astimezone(zone),
        )


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


def campaign_summary(
    state: CampaignState, last: int, over: int, jobs: int, moment: datetime | None, trouble: str, zone: tzinfo
) -> CampaignSummary:
    """Where a campaign stands; `over` of the `jobs` of its current round need nothing more."""
    return CampaignSummary(**_summary(state, last, over, jobs, moment, trouble, zone))


def campaign_view(
    state: CampaignState, last: int, over: int, jobs: int, moment: datetime | None, trouble: str, zone: tzinfo
) -> CampaignView:
    """The same with parameters, steps and rounds."""
    campaign = state.campaign
    parameters = [
        ParameterView(
            name=parameter.name,
            title=parameter.title or parameter.name,
            step=parameter.step,
            kind=parameter.kind,
            unit=getattr(parameter, "unit", "") or "",
            allowed=parameter.allowed,
            standard=parameter.standard,
            decided_by_well=parameter in campaign.space.decided,
            labels={str(k): v for k, v in parameter.labels.items()} if isinstance(parameter, CategoryParameter) else {},
        )
        for parameter in campaign.parameters
    ]
    steps = [
        StepView(name=s.name, title=s.title, robots=list(s.robots), days=list(s.days), at=f"{s.at:%H:%M}")
        for s in campaign.protocol.steps
    ]
    return CampaignView(
        **_summary(state, last, over, jobs, moment, trouble, zone),
        objective=campaign.objective.title,
        parameters=parameters,
        steps=steps,
        summaries=[round_summary(round, zone) for round in state.rounds],
    )


def _summary(
    state: CampaignState, last: int, over: int, jobs: int, moment: datetime | None, trouble: str, zone: tzinfo
) -> dict[str, Any]:
    return {
        "id": state.id,
        "title": state.campaign.title or state.campaign.name,
        "status": state.status,
        "reason": state.reason,
        "started_at": state.started_at.astimezone(zone),
        "lab_time": moment and moment.astimezone(zone),
        "round": len(state.rounds),
        "rounds": state.campaign.stop.rounds,
        "jobs_over": over,
        "jobs": jobs,
        "best": state.best,
        "target": state.campaign.stop.target,
        "needs": list(needs(state)),
        "outages": []
        if state.status in ("finished", "aborted")
        else [
            OutageView(
                robot=outage.robot,
                since=outage.since.astimezone(zone),
                retry_at=outage.retry_at.astimezone(zone),
                message=outage.message,
            )
            for outage in state.outages
        ],
        "trouble": trouble,
        "last_event": last,
    }


def needs(state: CampaignState) -> Iterable[Need]:
    """What a person is asked, most urgent first."""
    found = []
    late = {job.key for round in state.rounds[-1:] for job in round.jobs if job.status is JobStatus.LATE}
    for question in open_questions(state):
        number = state.rounds[-1].number
        if isinstance(question, AskApproval):
            message = f"the batch of round {number} waits for approval"
            found.append(Need(kind="approval", campaign=state.id, round=number, message=message))
        else:
            kind: Literal["late", "in_doubt"] = "late" if question.key in late else "in_doubt"
            need = Need(kind=kind, campaign=state.id, round=number, job=question.key, message=question.message)
            found.append(need)
    return sorted(found, key=lambda need: ("in_doubt", "late", "approval").index(need.kind))


def round_summary(round: RoundState, zone: tzinfo) -> RoundSummary:
    """One batch."""
    return RoundSummary(**_round(round, zone))


def round_view(state: CampaignState, round: RoundState, zone: tzinfo) -> RoundView:
    """One batch with its wells."""
    placements = [well_view(state.id, round.number, well) for well in round.wells]
    return RoundView(**_round(round, zone), placements=placements)


def _round(round: RoundState, zone: tzinfo) -> dict[str, Any]:
    values = [o.value for o in round.observations if o.usable and o.value is not None]

    def of_role(role: str) -> list[float]:
        wells = (well for well in round.wells if well.proposal.role == role and not well.lost)
        return [well.value for well in wells if well.value is not None]

    return {
        "number": round.number,
        "status": "finished" if round.finished else "proposed" if round.proposed else "running",
        "started_at": round.started_at.astimezone(zone),
        "ended_at": round.ended_at and round.ended_at.astimezone(zone),
        "wells": len(round.wells),
        "lost": sum(bool(well.lost) for well in round.wells),
        "flagged": sum(bool(well.flags) for well in round.wells if not well.lost),
        "mean": fmean(values) if values else None,
        "median": median(values) if values else None,
        "max": max(values) if values else None,
        "standard": of_role("standard"),
        "controls": of_role("control"),
    }


def well_view(campaign_id: str, round: int, well: WellState) -> WellView:
    """One well."""
    proposal = well.proposal
    return WellView(
        id=f"{campaign_id}/r{round}/p{well.well.plate}/{well.well.name}",
        round=round,
        plate=well.well.plate,
        well=well.well.name,
        role=proposal.role,
        condition=dict(proposal.condition.root),
        reason=proposal.reason,
        predicted_mean=proposal.mean,
        predicted_sd=proposal.sd,
        expected_gain=proposal.gain,
        value=None if well.lost else well.value,
        flags=list(well.flags),
        lost=well.lost,
        requeued=well.requeued,
        measured=dict(well.measured),
    )


def reading_view(row: ReadingRow, marks: bool) -> ReadingView:
    """One reading; its image has an address of its own, and one more if its scorer marks images."""
    assert row.id is not None
    base = f"/api/v1/campaigns/{row.campaign_id}/readings/{row.id}"
    is_image = row.kind == "image"
    return ReadingView(
        id=row.id,
        kind=row.kind,
        number=row.number,
        unit=row.unit,
        sha256=row.sha256,
        image=f"{base}/image" if is_image else None,
        marked=f"{base}/marked" if is_image and marks else None,
    )


def observation_view(row: ObservationRow) -> ObservationView:
    """One observation."""
    return ObservationView(value=row.value, flags=row.flags, scorer=row.scorer, version=row.scorer_version)
