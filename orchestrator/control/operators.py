"""Operators' control over a campaign: every act is one transaction with who, when and why in the event log."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col, select

from drivers.base import Driver, DriverError
from orchestrator.core.lifecycle import first_day
from orchestrator.core.scheduling import first_starts
from orchestrator.core.state import JobStatus, RoundState, WellState
from orchestrator.errors import Conflict, JournalError
from orchestrator.journal.store import add_event, existing
from orchestrator.journal.tables import BY_HAND, CampaignRow, JobRow, ObservationRow, ReadingRow, RoundRow, WellRow
from orchestrator.lab.lab import Lab
from protocols.compile import compile_jobs
from protocols.conditions import Condition, Proposal, Value

Decision = Literal["done", "failed", "again", "go-on"]

_STOP_S = 10.0
_SUBJECT = re.compile(r"^([^/]+)/r(\d+)/p(\d+)/([A-P]\d+)$")


class Place(NamedTuple):
    """A well of a campaign."""

    round: int
    plate: int
    well: str

    def subject(self, campaign_id: str) -> str:
        """How events name it."""
        return f"{campaign_id}/r{self.round}/p{self.plate}/{self.well}"

    @classmethod
    def named(cls, subject: str) -> "tuple[str, Place] | None":
        """The campaign and the well that an event names so; None if it names something else."""
        found = _SUBJECT.match(subject)
        return None if found is None else (found[1], cls(int(found[2]), int(found[3]), found[4]))


def pause(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    """Send no more jobs; robots finish what they have.

    Raises:
        JournalError: the campaign is over.
    """
    _set_status(lab, campaign_id, "paused", who, why)


def unpause(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    """Let a paused campaign go on; harmless if it runs.

    Raises:
        JournalError: the campaign is over.
    """
    _set_status(lab, campaign_id, "running", who, why)


def abort(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    """End a campaign for good; robots finish what they have.

    Raises:
        JournalError: the campaign is over.
    """
    _set_status(lab, campaign_id, "aborted", who, why)


async def stop_now(lab: Lab, campaign_id: str, who: str, why: str) -> dict[str, str]:
    """Stop the robots first, then pause the campaign; returns the robots that could not be stopped, and why.

    A job that was on its way meanwhile is stopped as well: after the pause no more can follow.
    """
    unstopped = await _stop_robots(lab)
    pause(lab, campaign_id, who, why)
    unstopped = await _stop_robots(lab) | unstopped
    for name in lab.robots:
        error = unstopped.get(name)
        kind = "robot_stopped" if error is None else "robot_not_stopped"
        lab.journal.note(campaign_id, lab.clock.now(), kind, name, error or why, who=who)
    return unstopped


def request_stop(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    """Pause the campaign and have whoever works with its robots stop them.

    Raises:
        JournalError: the campaign is over.
    """
    lab.journal.note(campaign_id, lab.clock.now(), "stop_requested", campaign_id, why, who=who)
    pause(lab, campaign_id, who, why)


async def _stop_robots(lab: Lab) -> dict[str, str]:
    """Stop all robots at once; one that hangs does not keep the others waiting."""

    async def stop(robot: Driver) -> str | None:
        try:
            async with asyncio.timeout(_STOP_S):
                await robot.connect()
                await robot.stop()
        except DriverError as error:
            return str(error)
        except TimeoutError:
            return f"it did not answer within {_STOP_S:g} s"
        return None

    answers = await asyncio.gather(*(stop(robot) for robot in lab.robots.values()))
    return {name: answer for name, answer in zip(lab.robots, answers, strict=True) if answer is not None}


def _set_status(
    lab: Lab, campaign_id: str, status: Literal["running", "paused", "aborted"], who: str, why: str
) -> None:
    with lab.journal.transaction() as session:
        row = existing(session, CampaignRow, campaign_id)
        if row.status in ("finished", "aborted"):
            raise JournalError(f"campaign {campaign_id} is {row.status}: it cannot become {status}")
        if row.status != status:
            row.status, row.reason = status, why
            add_event(session, campaign_id, lab.clock.now(), f"campaign_{status}", campaign_id, why, who=who)


def approve(lab: Lab, campaign_id: str, who: str, why: str) -> int:
    """Let the robots have the batch that waits for approval; returns the number of its jobs.

    Its day 0 is the first that can still be kept.

    Raises:
        JournalError: no batch waits for approval.
    """
    state, round = lab.journal.state(campaign_id), _proposed_round(lab, campaign_id)
    now = lab.clock.now()
    start = first_day(state.campaign, now)
    jobs = list(compile_jobs(state.campaign, campaign_id, round.layout, start))
    planned = first_starts(jobs, lab.known_seconds(campaign_id), state.campaign.robots, start)
    with lab.journal.transaction() as session:
        statement = update(RoundRow).where(
            col(RoundRow.campaign_id) == campaign_id,
            col(RoundRow.number) == round.number,
            col(RoundRow.status) == "proposed",
        )
        result = session.connection().execute(statement.values(status="running", started_at=start))
        assert isinstance(result, CursorResult)
        if result.rowcount != 1:
            raise Conflict(f"round {round.number} of {campaign_id} was approved by somebody else just now")
        number = lab.journal.add_jobs(session, campaign_id, jobs, planned)
        data = {"round": round.number, "wells": len(round.wells), "jobs": number}
        subject = f"{campaign_id}/r{round.number}"
        add_event(session, campaign_id, now, "round_approved", subject, why, data, who)
    return number


def edit_proposal(
    lab: Lab, campaign_id: str, place: Place, values: Mapping[str, Value], who: str, why: str
) -> Condition:
    """Give a well of a batch that waits for approval other values than proposed; returns its new condition.

    Raises:
        JournalError: the batch does not wait for approval, a value is not allowed in that well, or breaks a constraint.
    """
    space = lab.journal.state(campaign_id).campaign.space
    proposal = _proposed_well(lab, campaign_id, place).proposal
    decided = {parameter.name for parameter in space.decided}
    for name, value in values.items():
        parameter = space.by_name.get(name)
        if parameter is None:
            raise JournalError(f"there is no parameter {name!r} (expected one of {', '.join(space.by_name)})")
        if name in decided:
            raise JournalError(f"{name} is decided by the well: choose another well for {name}={value}")
        if not parameter.allows(value):
            raise JournalError(f"{name} cannot be {value!r} (expected {parameter.allowed})")
    condition = Condition({**proposal.condition.root, **values})
    broken = next((rule for rule in space.constraints if not rule.permits(condition.root)), None)
    if broken is not None:
        raise JournalError(f"{condition} breaks a constraint of the campaign file ({broken}): choose other values")
    edited = Proposal(condition=condition, role="edited", reason=f"edited by {who}: {why}")
    with lab.journal.transaction() as session:
        row = existing(session, WellRow, (campaign_id, *place))
        row.proposal = edited.model_dump(mode="json")
        _event(lab, session, campaign_id, "proposal_edited", place, why, dict(values), who)
    return condition


def leave_empty(lab: Lab, campaign_id: str, place: Place, who: str, why: str) -> None:
    """Leave a well of a batch that waits for approval empty.

    Raises:
        JournalError: the batch does not wait for approval.
    """
    _proposed_well(lab, campaign_id, place)
    with lab.journal.transaction() as session:
        existing(session, WellRow, (campaign_id, *place)).lost = f"left empty: {why}"
        _event(lab, session, campaign_id, "well_lost", place, f"left empty: {why}", {}, who)


def requeue(lab: Lab, campaign_id: str, places: Sequence[Place], who: str, why: str) -> list[Place]:
    """Have the conditions of lost wells tried once more in the next round that is planned.

    Args:
        lab: the journal and the clock.
        campaign_id: the campaign.
        places: lost wells; all of the latest round if empty.
        who: the person who acts.
        why: the reason.

    Returns: the wells whose conditions are to be tried once more.

    Raises:
        JournalError: a well is not lost, or there is none.
    """
    state = lab.journal.state(campaign_id)
    lost = {
        Place(round.number, well.well.plate, well.well.name)
        for round in state.rounds
        for well in round.wells
        if well.lost
    }
    latest = state.rounds[-1].number if state.rounds else 0
    chosen = list(places) or sorted(place for place in lost if place.round == latest)
    alive = [place.subject(campaign_id) for place in chosen if place not in lost]
    if alive or not chosen:
        raise JournalError(f"{', '.join(alive)} is not lost" if alive else f"no well of round {latest} is lost")
    with lab.journal.transaction() as session:
        for place in chosen:
            existing(session, WellRow, (campaign_id, *place)).requeued = True
            _event(lab, session, campaign_id, "well_requeued", place, why, {}, who)
    return chosen


def set_rounds(lab: Lab, campaign_id: str, rounds: int, who: str, why: str) -> None:
    """Raise or lower how many rounds the stop rule allows; a round under way is finished.

    Raises:
        JournalError: fewer than have begun, or the campaign was aborted.
    """
    with lab.journal.transaction() as session:
        row = existing(session, CampaignRow, campaign_id)
        begun = len(session.exec(select(RoundRow).where(RoundRow.campaign_id == campaign_id)).all())
        if rounds < max(begun, 1):
            raise JournalError(f"{rounds} rounds are too few: {begun} have begun (expected {max(begun, 1)} or more)")
        if row.status == "aborted":
            raise JournalError(f"campaign {campaign_id} is aborted: it has no more rounds")
        if row.status == "finished" and rounds > begun:
            row.status, row.reason, row.ended_at = "running", "", None
        row.definition = row.definition | {"stop": row.definition["stop"] | {"rounds": rounds}}
        add_event(session, campaign_id, lab.clock.now(), "rounds_set", campaign_id, why, {"rounds": rounds}, who)


def correct_wells(lab: Lab, campaign_id: str, values: Mapping[Place, float | None], who: str, why: str) -> None:
    """Enter the values of wells by hand, or (None) exclude them from what is learnt; all of them or none.

    What was there before stays beside it; what a person entered last counts, whatever a scorer says later. A lost
    well that is given a value is lost no more.

    Args:
        lab: the journal and the clock.
        campaign_id: the campaign.
        values: well -> 0..1, or None.
        who: the person who acts.
        why: the reason.

    Raises:
        JournalError: there is no such well, nothing was done in it yet, or a value is not a ratio.
    """
    for place, value in values.items():
        if value is not None and not 0 <= value <= 1:
            raise JournalError(f"{place.well}: {value} is not a ratio (expected a number from 0 to 1)")
    with lab.journal.transaction() as session:
        for place, value in values.items():
            _correct(session, campaign_id, place, value, who)
            kind = "well_excluded" if value is None else "value_entered"
            _event(lab, session, campaign_id, kind, place, why, {"value": value}, who)


def _correct(session: Session, campaign_id: str, place: Place, value: float | None, who: str) -> None:
    well = existing(session, WellRow, (campaign_id, *place))
    job = plate_job(session, campaign_id, place)
    here: dict[str, Any] = {"campaign_id": campaign_id, **place._asdict()}
    before = session.exec(select(ObservationRow).filter_by(**here).order_by(col(ObservationRow.id).desc())).first()
    reading = ReadingRow(**here, job_key=job.key, kind="number", number=value, scored=True)
    session.add(reading)
    session.flush()
    assert reading.id is not None
    kept = value if value is not None or before is None else before.value
    flags = [] if value is not None else ["excluded"]
    session.add(
        ObservationRow(**here, reading_id=reading.id, value=kept, flags=flags, scorer=BY_HAND, scorer_version=who)
    )
    if value is not None:
        well.lost = ""


def plate_job(session: Session, campaign_id: str, place: Place) -> JobRow:
    """The last job of a plate, to which what a person reads in its wells belongs.

    Raises:
        JournalError: the round has no jobs yet.
    """
    job = session.exec(
        select(JobRow)
        .where(JobRow.campaign_id == campaign_id, JobRow.round == place.round, JobRow.plate == place.plate)
        .order_by(col(JobRow.position).desc())
    ).first()
    if job is None:
        raise JournalError(f"round {place.round} waits for approval: nothing can be read in {place.well} yet")
    return job


def decide(lab: Lab, key: str, decision: Decision, who: str, why: str, failed_wells: Sequence[str] = ()) -> None:
    """Say of a job in doubt or late that it was done (but for some wells), failed, or is to be sent.

    Args:
        lab: the journal and the clock.
        key: the job.
        decision: `done`: all of it happened, but in `failed_wells`; `failed`: all its wells are lost; `again`: a job
            in doubt did not happen at all and is planned again under a new key for the robot; a late one is sent
            although it is late; `go-on`: what was done stays, the operation that was under way counts as done (or its
            well is among `failed_wells`), and what was certainly not begun is sent under a new key.
        who: the person who decides.
        why: what the decision rests on.
        failed_wells: names of wells that are lost.

    Raises:
        Conflict: the job is neither in doubt nor late.
        JournalError: it does not work on one of the wells, a late job is said to be done, or a job is to go on whose
            robot cannot say what is left.
    """
    to = {"done": JobStatus.DONE, "failed": JobStatus.FAILED}.get(decision, JobStatus.PLANNED)
    job, state = lab.journal.job(key)
    strangers = set(failed_wells) - set(job.wells)
    if strangers:
        raise JournalError(
            f"job {key} does not work on {', '.join(sorted(strangers))} (expected {', '.join(job.wells)})"
        )
    late = state.status is JobStatus.LATE
    if late and decision in ("done", "go-on"):
        raise JournalError(f"job {key} was never sent to a robot: decide failed, or again to send it late")
    lost = job.wells if decision == "failed" else failed_wells
    now = lab.clock.now()
    with lab.journal.transaction() as session:
        moved = lab.journal.move(session, key, JobStatus.LATE if late else JobStatus.IN_DOUBT, to, now, why, who)
        lab.journal.lose(session, moved, dict.fromkeys(lost, why), now, who)
        row = existing(session, JobRow, key)
        if decision == "go-on":
            if row.not_begun is None:
                raise JournalError(f"the robot of {key} cannot say what is left of it: decide done, failed or again")
            row.job = row.job | {"operations": row.not_begun}
        if to is JobStatus.PLANNED:
            # What is left of it is late by nobody's fault.
            row.cleared = late or decision == "go-on"
            row.attempt += not late


def _proposed_round(lab: Lab, campaign_id: str) -> RoundState:
    state = lab.journal.state(campaign_id)
    if state.rounds and state.rounds[-1].proposed:
        return state.rounds[-1]
    raise JournalError(f"no batch of campaign {campaign_id} waits for approval")


def _proposed_well(lab: Lab, campaign_id: str, place: Place) -> WellState:
    round = _proposed_round(lab, campaign_id)
    if place.round != round.number:
        raise JournalError(f"round {place.round} does not wait for approval (round {round.number} does)")
    for well in round.wells:
        if (well.well.plate, well.well.name) == (place.plate, place.well):
            return well
    raise JournalError(f"there is no well {place.subject(campaign_id)}")


def _event(
    lab: Lab,
    session: Any,
    campaign_id: str,
    kind: str,
    place: Place,
    why: str,
    data: dict[str, Any],
    who: str,
) -> None:
    add_event(session, campaign_id, lab.clock.now(), kind, place.subject(campaign_id), why, data, who)
