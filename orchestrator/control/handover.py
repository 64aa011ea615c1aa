"""Handing over: the plates of a broken robot go to another that shares its steps."""

from typing import Annotated, Any, ClassVar

from sqlmodel import col, select

from orchestrator.control.act import Act, Acting, RobotName, Typed
from orchestrator.core.events import EventKind
from orchestrator.core.state import CampaignStatus, JobStatus
from orchestrator.errors import JournalError
from orchestrator.journal.tables import JobRow
from orchestrator.lab.lab import Lab
from orchestrator.lab.rescheduling import reschedule
from protocols.addresses import RoundAddress
from protocols.number_words import counted


class HandOver(Act):
    """Give what a robot has not begun in this round to another one that shares its steps.

    The campaign must be paused. What the robot has already stays with it until that is done or
    decided. Somebody moves the plates, and the rest of the round is scheduled again.
    """

    name: ClassVar[str] = "hand_over"
    path: ClassVar[str] = "/hand-over"
    command: ClassVar[str] = "hand-over"

    robot: Annotated[RobotName, Typed("The robot that cannot go on.", positional=True)]
    to: Annotated[RobotName, Typed("A robot that shares its steps.", positional=True)]

    def apply(self, acting: Acting, prepared: Any) -> list[int]:
        """Give the jobs the other robot's name; returns the plates to move."""
        state = acting.state
        if state.status != CampaignStatus.PAUSED:
            raise JournalError(
                f"campaign {state.id} is {state.status}: pause it first, and move the plates "
                "meanwhile"
            )
        for name in (self.robot, self.to):
            if name not in state.campaign.robots:
                raise JournalError(
                    f"there is no robot {name!r} (expected one of "
                    f"{', '.join(state.campaign.robots)})"
                )
        both = {self.robot, self.to}
        shared = [
            step.name
            for step in state.campaign.protocol.steps
            if len(both) == 2 and both <= {*step.robots}
        ]
        number = len(state.rounds)
        query = (
            select(JobRow)
            .filter_by(campaign_id=state.id, round=number, robot=self.robot)
            .where(
                col(JobRow.state).in_([JobStatus.PLANNED, JobStatus.LATE]),
                col(JobRow.step).in_(shared),
            )
            .with_for_update()
        )
        rows = acting.session.exec(query).all()
        if not rows:
            raise JournalError(
                f"{self.robot} has no job of round {number} in a step that it shares with {self.to}"
            )
        for row in rows:
            row.robot, row.job = self.to, row.job | {"robot": self.to}
        plates = sorted({row.plate for row in rows})
        names = ", ".join(map(str, plates))
        text = f"{counted(len(rows), 'job')} from {self.robot} to {self.to}, "
        text += f"{'plate' if len(plates) == 1 else 'plates'} {names}: {self.why}"
        data = {"from": self.robot, "to": self.to, "plates": plates}
        acting.record(EventKind.HANDED_OVER, RoundAddress(state.id, number), data, text)
        return plates

    def afterwards(self, lab: Lab, campaign_id: str) -> None:
        """Schedule the rest of the round again."""
        reschedule(lab, campaign_id, len(lab.journal.state(campaign_id).rounds))

    def done(self, campaign_id: str, outcome: Any) -> str:
        """Which plates to move."""
        plates = ", ".join(map(str, outcome))
        return (
            f"Carry plates {plates} from {self.robot} to {self.to}, then: wellwise resume "
            f"{campaign_id}"
        )
