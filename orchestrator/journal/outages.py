"""The record of robots that do not answer."""

from datetime import datetime, timedelta

from orchestrator.core.events import EventKind
from orchestrator.core.state import LONGEST_WAIT
from orchestrator.journal.store import Store, add_event
from orchestrator.journal.tables import OutageRow


class OutageRecord(Store):
    """Since when a robot does not answer, and when it is asked again."""

    def robot_offline(self, campaign_id: str, robot: str, message: str, at: datetime) -> None:
        """Record that a robot does not answer.

        It is asked again at once, then after waits that double up to a minute.
        """
        with self.transaction() as session:
            row = session.get(OutageRow, (campaign_id, robot))
            if row is None:
                row = OutageRow(
                    campaign_id=campaign_id,
                    robot=robot,
                    since=at,
                    retry_at=at,
                    wait_s=0.0,
                    message=message,
                )
                session.add(row)
            else:
                row.wait_s = min(max(1.0, 2 * row.wait_s), LONGEST_WAIT.total_seconds())
                row.retry_at, row.message = at + timedelta(seconds=row.wait_s), message
            add_event(session, campaign_id, at, EventKind.ROBOT_OFFLINE, robot, message)

    def robot_back(self, campaign_id: str, robot: str, at: datetime) -> None:
        """Record that a robot answers again."""
        with self.transaction() as session:
            row = session.get(OutageRow, (campaign_id, robot))
            if row is not None:
                session.delete(row)
                add_event(
                    session,
                    campaign_id,
                    at,
                    EventKind.ROBOT_BACK,
                    robot,
                    f"it had not answered since {row.since:%H:%M}",
                )
