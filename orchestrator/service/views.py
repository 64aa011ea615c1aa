"""Views: states and rows -> answers about campaigns, rounds, wells, jobs, robots, events."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from statistics import fmean, median
from typing import Any, Literal

from orchestrator.core.lifecycle import AskApproval, AskOperator, AskValues, open_questions
from orchestrator.core.state import CampaignState, JobStatus, Outage, RoundState, WellState
from orchestrator.journal.campaign_list import Filing
from orchestrator.journal.tables import EventRow, JobRow, ObservationRow, ReadingRow
from orchestrator.languages import gettext
from orchestrator.service.schema import (
    CampaignSummary,
    CampaignView,
    EventView,
    JobView,
    Need,
    ObservationView,
    OperationView,
    OutageView,
    OutcomeView,
    ParameterView,
    ReadingView,
    RoundSummary,
    RoundView,
    StepView,
    SuggestionView,
    WellView,
)
from orchestrator.service.schema.campaigns import URGENCY
from protocols.addresses import JobAddress, WellAddress
from protocols.image_formats import MEDIA_TYPES
from protocols.jobs import Job


def campaign_summary(
    state: CampaignState,
    last: int,
    over: int,
    jobs: int,
    moment: datetime | None,
    fault: str,
    filing: Filing,
    zone: tzinfo,
) -> CampaignSummary:
    """The state of a campaign; `over` of the `jobs` of its current round need nothing more."""
    return CampaignSummary(**_summary(state, last, over, jobs, moment, fault, filing, zone))


def campaign_view(
    state: CampaignState,
    last: int,
    over: int,
    jobs: int,
    moment: datetime | None,
    fault: str,
    filing: Filing,
    zone: tzinfo,
    suggestions: Sequence[EventRow],
) -> CampaignView:
    """The same with parameters, steps, rounds, and what is suggested."""
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
            labels=dict(parameter.level_labels),
        )
        for parameter in campaign.parameters
    ]
    days = campaign.protocol.days_by_step
    steps = [
        StepView(
            name=s.name,
            title=s.title,
            robots=list(s.robots),
            days=sorted(set(days[s.name])),
            at=s.when,
        )
        for s in campaign.protocol.steps
    ]
    return CampaignView(
        **_summary(state, last, over, jobs, moment, fault, filing, zone),
        objective=campaign.outcome.shown,
        outcomes=[
            OutcomeView(
                name=outcome.name,
                title=outcome.shown,
                unit=outcome.scale.unit,
                natural_range=outcome.scale.natural_range,
                scorer=outcome.scorer,
                step=outcome.step,
                by_hand=outcome.by_hand,
                expression=outcome.expression,
            )
            for outcome in campaign.outcomes
        ],
        parameters=parameters,
        steps=steps,
        summaries=[round_summary(state, batch, zone) for batch in state.rounds],
        suggestions=[suggestion_view(row, zone) for row in suggestions],
    )


def suggestion_view(row: EventRow, zone: tzinfo) -> SuggestionView:
    """What somebody suggested."""
    return SuggestionView(
        id=row.id or 0,
        at=row.at.astimezone(zone),
        who=row.who,
        why=row.message,
        act=row.data["act"],
        values=row.data["values"],
    )


def _summary(
    state: CampaignState,
    last: int,
    over: int,
    jobs: int,
    moment: datetime | None,
    fault: str,
    filing: Filing,
    zone: tzinfo,
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
        "unit": state.campaign.outcome.scale.unit,
        "natural_range": state.campaign.outcome.scale.natural_range,
        "direction": state.campaign.objective.direction,
        "match_target": state.campaign.objective.target,
        "needs": list(needs(state)),
        "outages": []
        if state.status.over
        else [outage_view(outage, zone) for outage in state.outages],
        "trouble": fault,
        "project": filing.project,
        "tags": filing.tags,
        "archived": filing.archived and state.status.over,
        "last_event": last,
    }


def needs(state: CampaignState) -> Iterable[Need]:
    """What a person is asked in a campaign, most urgent first."""
    found = []
    page = f"/campaigns/{state.id}"
    late = {
        job.key for batch in state.open_rounds for job in batch.jobs if job.status is JobStatus.LATE
    }
    for question in open_questions(state):
        number = (
            JobAddress.parse(question.key).round_number
            if isinstance(question, AskOperator)
            else question.round
        )
        if isinstance(question, AskApproval):
            need = Need(
                kind="approval",
                campaign=state.id,
                round=number,
                message=gettext("the batch of round {round} waits for approval", round=number),
                what_to_do=gettext("Look at its proposals, then approve it."),
                link=f"{page}?round={number}#proposals",
            )
        elif isinstance(question, AskValues):
            need = Need(
                kind="values",
                campaign=state.id,
                round=number,
                message=question.message,
                what_to_do=gettext("Measure them, and enter their values."),
                link=f"{page}/values?round={number}",
            )
        else:
            kind: Literal["late", "in_doubt"] = "late" if question.key in late else "in_doubt"
            need = Need(
                kind=kind,
                campaign=state.id,
                round=number,
                job=question.key,
                message=question.message,
                what_to_do=gettext("Say whether it is still to be sent.")
                if kind == "late"
                else gettext("Look at the robot and the plate, then say what became of it."),
                link=page,
            )
        found.append(need)
    return sorted(found, key=lambda need: URGENCY[need.kind])


def round_summary(state: CampaignState, batch: RoundState, zone: tzinfo) -> RoundSummary:
    """One batch."""
    return RoundSummary(**_round(state, batch, zone))


def round_view(state: CampaignState, batch: RoundState, zone: tzinfo) -> RoundView:
    """One batch with its wells."""
    placements = [well_view(state.id, batch.number, well) for well in batch.wells]
    return RoundView(**_round(state, batch, zone), placements=placements)


def _round(state: CampaignState, batch: RoundState, zone: tzinfo) -> dict[str, Any]:
    values = [o.value for o in batch.observations if o.usable and o.value is not None]

    def of_role(role: str) -> list[float]:
        wells = (well for well in batch.wells if well.proposal.role == role and not well.lost)
        return [well.value for well in wells if well.value is not None]

    return {
        "number": batch.number,
        "status": batch.status.value,
        "started_at": batch.started_at.astimezone(zone),
        "ended_at": batch.ended_at and batch.ended_at.astimezone(zone),
        "wells": len(batch.wells),
        "lost": sum(bool(well.lost) for well in batch.wells),
        "flagged": sum(bool(well.flags) for well in batch.wells if not well.lost),
        "mean": fmean(values) if values else None,
        "median": median(values) if values else None,
        "max": max(values) if values else None,
        "best": state.campaign.objective.best(values),
        "standard": of_role("standard"),
        "controls": of_role("control"),
    }


def well_view(campaign_id: str, round_number: int, well: WellState) -> WellView:
    """One well."""
    proposal = well.proposal
    return WellView(
        id=str(WellAddress(campaign_id, round_number, well.well.plate, well.well.name)),
        round=round_number,
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
        covariates=dict(well.covariates),
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
        media_type=MEDIA_TYPES.get(Path(row.path).suffix, "") if is_image else "",
        preview=f"{base}/preview" if is_image else None,
        marked=f"{base}/marked" if is_image and marks else None,
        file=f"{base}/file" if row.path and not is_image else None,
    )


def observation_view(row: ObservationRow) -> ObservationView:
    """One observation."""
    return ObservationView(
        value=row.value, flags=row.flags, scorer=row.scorer, version=row.scorer_version
    )


def outage_view(outage: Outage, zone: tzinfo) -> OutageView:
    """A robot that does not answer."""
    return OutageView(
        robot=outage.robot,
        since=outage.since.astimezone(zone),
        retry_at=outage.retry_at.astimezone(zone),
        message=outage.message,
    )


def event_view(row: EventRow, zone: tzinfo) -> EventView:
    """One event."""
    return EventView(
        id=row.id or 0,
        campaign=row.campaign_id,
        at=row.at.astimezone(zone),
        kind=row.kind,
        subject=row.subject,
        who=row.who,
        message=row.message,
        data=row.data,
    )


def job_view(row: JobRow, zone: tzinfo) -> JobView:
    """One job."""
    wells = dict.fromkeys(
        operation["well"] for operation in row.job["operations"] if "well" in operation
    )
    return JobView(
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


def operation_views(row: JobRow, lost: Mapping[str, str]) -> list[OperationView]:
    """The operations of a job; `lost` says why wells of its plate are, by name."""
    left = list(row.not_begun or [])
    views: list[OperationView] = []
    # What was not begun is the end of the job: of two equal operations the later one.
    for operation, given in zip(
        reversed(Job.model_validate(row.job).operations),
        reversed(row.job["operations"]),
        strict=True,
    ):
        if not_begun := given in left:
            left.remove(given)
        views.append(
            OperationView(
                number=len(row.job["operations"]) - len(views),
                kind=operation.kind,
                well=operation.well_name,
                words=operation.in_words(),
                lost=lost.get(operation.well_name or "", ""),
                not_begun=not_begun,
            )
        )
    return views[::-1]
