"""Handing over: the plates of a robot go to another one that shares its steps, because a robot may break for days."""

from sqlmodel import col, select

from orchestrator.core.state import JobStatus
from orchestrator.engine.advance import reschedule
from orchestrator.errors import JournalError
from orchestrator.journal.store import add_event
from orchestrator.journal.tables import JobRow
from orchestrator.lab.lab import Lab


def hand_over(lab: Lab, campaign_id: str, robot: str, to: str, who: str, why: str) -> list[int]:
    """Give every job of the current round that a robot never got to another one; somebody carries the plates.

    What the robot has already stays with it until that is done or decided. The campaign must be paused, so that nothing
    is sent while the plates are carried; the rest of the round is scheduled anew.

    Returns: the plates to carry.

    Raises:
        JournalError: the campaign is not paused, or the robot has no such job in a step that both share.
    """
    state = lab.journal.state(campaign_id)
    if state.status != "paused":
        raise JournalError(f"campaign {campaign_id} is {state.status}: pause it first, and carry the plates meanwhile")
    for name in (robot, to):
        if name not in state.campaign.robots:
            raise JournalError(f"there is no robot {name!r} (expected one of {', '.join(state.campaign.robots)})")
    shared = [step.name for step in state.campaign.protocol.steps if robot != to and {robot, to} <= {*step.robots}]
    number = len(state.rounds)
    waiting = (JobStatus.PLANNED.value, JobStatus.LATE.value)
    with lab.journal.transaction() as session:
        query = (
            select(JobRow)
            .filter_by(campaign_id=campaign_id, round=number, robot=robot)
            .where(col(JobRow.state).in_(waiting), col(JobRow.step).in_(shared))
            .with_for_update()
        )
        rows = session.exec(query).all()
        if not rows:
            raise JournalError(f"{robot} has no job of round {number} in a step that it shares with {to}")
        for row in rows:
            row.robot, row.job = to, row.job | {"robot": to}
        plates = sorted({row.plate for row in rows})
        names = ", ".join(map(str, plates))
        text = f"{len(rows)} jobs from {robot} to {to}, plates {names}: {why}"
        data = {"from": robot, "to": to, "plates": plates}
        subject = f"{campaign_id}/r{number}"
        add_event(session, campaign_id, lab.clock.now(), "handed_over", subject, text, data, who)
    reschedule(lab, campaign_id, number)
    return plates
