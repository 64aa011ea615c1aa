"""Which campaigns may need a person, found without their states."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, text, union
from sqlmodel import Session, col, select

from orchestrator.core.state import IN_FLIGHT, CampaignStatus, JobStatus, RoundStatus
from orchestrator.journal.devices import device_resource
from orchestrator.journal.journal import Journal
from orchestrator.journal.suggestions import suggestions_waiting
from orchestrator.journal.tables import OPEN_JOB, CampaignRow, JobRow, OutageRow, RoundRow

_OPEN = [status for status in CampaignStatus if not status.over]
_OPEN_ONES = select(CampaignRow.id).where(col(CampaignRow.status).in_(_OPEN))
_UNDERWAY = select(JobRow.campaign_id).where(
    text(f"job.{OPEN_JOB}"), col(JobRow.state).in_(IN_FLIGHT)
)


def may_ask(journal: Journal) -> set[str]:
    """The open campaigns that may ask a person for something; all others certainly do not.

    A batch waits for approval, a job is in doubt or late, or a round has no more jobs and so
    perhaps waits for values.
    """
    jobs_left = (
        select(JobRow.key)
        .where(
            JobRow.campaign_id == RoundRow.campaign_id,
            JobRow.round == RoundRow.number,
            text(f"job.{OPEN_JOB}"),
        )
        .correlate(RoundRow)
        .exists()
    )
    waiting = select(RoundRow.campaign_id).where(
        RoundRow.status != RoundStatus.FINISHED,
        or_(col(RoundRow.status) == RoundStatus.PROPOSED, ~jobs_left),
    )
    stuck = select(JobRow.campaign_id).where(
        text(f"job.{OPEN_JOB}"), col(JobRow.state).in_([JobStatus.IN_DOUBT, JobStatus.LATE])
    )
    with journal.reading_session() as session:
        open_now = set(session.exec(_OPEN_ONES))
        return open_now.intersection(session.execute(union(waiting, stuck)).scalars())


def at_work(journal: Journal) -> set[str]:
    """The campaigns of which a robot or a person has a job."""
    with journal.reading_session() as session:
        return {*session.exec(_UNDERWAY)}


def may_need(journal: Journal) -> set[str]:
    """The open campaigns that may need a person for anything; all others certainly do not.

    Those of `may_ask`, and those that are paused, have a robot that does not answer, a job that
    somebody has, a suggestion that waits, or a robot that a job in doubt elsewhere may hold.
    """
    found = may_ask(journal)
    paused = select(CampaignRow.id).where(CampaignRow.status == CampaignStatus.PAUSED)
    with journal.reading_session() as session:
        found |= {
            *session.execute(union(paused, _UNDERWAY, select(OutageRow.campaign_id))).scalars()
        }
        found |= suggestions_waiting(session).keys() | _held(session)
        return found & {*session.exec(_OPEN_ONES)}


def _held(session: Session) -> set[str]:
    """The open campaigns that use a robot, or a device, of which a job is in doubt."""
    doubts = select(JobRow.campaign_id, JobRow.robot).where(
        text(f"job.{OPEN_JOB}"), JobRow.state == JobStatus.IN_DOUBT
    )
    doubtful = session.exec(doubts).all()
    if not doubtful:
        return set()
    query = select(CampaignRow.id, col(CampaignRow.definition)["robots"])
    rows = session.execute(query.where(col(CampaignRow.status).in_(_OPEN))).all()
    configs = dict(row.tuple() for row in rows)
    held = {
        name
        for campaign_id, robot in doubtful
        if campaign_id in configs
        for name in _names(robot, configs[campaign_id][robot])
    }
    return {
        campaign_id
        for campaign_id, robots in configs.items()
        if any(held & _names(robot, config) for robot, config in robots.items())
    }


def _names(robot: str, config: Mapping[str, Any]) -> set[str]:
    return {robot, device_resource(config.get("address", ""), workers=False)} - {""}
