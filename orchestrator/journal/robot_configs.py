"""How a campaign's robots are to be reached: as it was launched, or as it was told since."""

from datetime import datetime

from sqlmodel import Session, col, select

from orchestrator.core.events import EventKind
from orchestrator.journal.store import Store, existing
from orchestrator.journal.tables import CampaignRow, EventRow, OutageRow
from protocols.campaign_parts import RobotConfig


def robot_config(journal: Store, campaign_id: str, robot: str) -> RobotConfig:
    """Driver, address and options of a robot of a campaign, as they are now.

    Raises:
        Missing: there is no such campaign.
    """
    with journal.reading_session() as session:
        row = existing(session, CampaignRow, campaign_id)
        return RobotConfig.model_validate(row.definition["robots"][robot])


def write_robot_config(
    session: Session, campaign_id: str, robot: str, config: RobotConfig, at: datetime
) -> None:
    """Change how a robot is to be reached, from its next job on; it is asked there at once."""
    row = existing(session, CampaignRow, campaign_id)
    written = config.model_dump(mode="json", by_alias=True)
    robots = row.definition["robots"] | {robot: written}
    row.definition = row.definition | {"robots": robots}
    outage = session.get(OutageRow, (campaign_id, robot))
    if outage is not None:
        outage.retry_at, outage.wait_s = at, 0.0


def handed_out_by(journal: Store, campaign_id: str, key: str) -> int:
    """The fencing number of the owner that handed a job out last; 0: it is not known."""
    handed_out = (
        select(EventRow)
        .filter_by(campaign_id=campaign_id, kind=EventKind.JOB_DISPATCHED, subject=key)
        .order_by(col(EventRow.id).desc())
        .limit(1)
    )
    with journal.reading_session() as session:
        event = session.exec(handed_out).first()
        return 0 if event is None else int(event.data.get("fence", 0))


def left_behind(journal: Store, campaign_id: str, robot: str, key: str) -> str | None:
    """The address at which a job was handed out, if its robot was given another one since."""
    handed_out = (
        select(EventRow.id)
        .filter_by(campaign_id=campaign_id, kind=EventKind.JOB_DISPATCHED, subject=key)
        .order_by(col(EventRow.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    moves = (
        select(EventRow)
        .filter_by(campaign_id=campaign_id, kind=EventKind.ROBOT_CONFIGURED, subject=robot)
        .where(col(EventRow.id) > handed_out)
        .order_by(col(EventRow.id))
    )
    with journal.reading_session() as session:
        for event in session.exec(moves):
            if "address" in event.data["before"]:
                return str(event.data["before"]["address"])
    return None
