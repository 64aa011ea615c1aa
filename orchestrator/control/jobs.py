"""The act on a job in doubt or late: say what became of it, or have it sent."""

from typing import Annotated, Any, ClassVar

from sqlmodel import col, select

from orchestrator.control.act import Act, Acting, JobKey, Typed
from orchestrator.core.state import Decision, JobStatus
from orchestrator.errors import Missing
from orchestrator.journal.store import existing
from orchestrator.journal.tables import JobRow
from protocols.addresses import JobAddress, parse_address
from protocols.wells import WellName


class Decide(Act):
    """Say what became of a job in doubt, or whether a late one is still to be sent.

    `done`: all of it happened, but in `failed_wells`; `failed`: its wells are lost; `again`: it did
    not happen (or is late) and is to be sent; `go-on`: what was done stays and what was certainly
    not begun is sent.
    """

    name: ClassVar[str] = "decide"
    path: ClassVar[str] = "/decisions"
    command: ClassVar[str] = "decide"

    job: Annotated[
        JobKey, Typed("The job in doubt or late, as `wellwise status` names it.", positional=True)
    ]
    decision: Annotated[
        Decision,
        Typed(
            "done, failed, again: send it (once more), or go-on: send what is left.",
            positional=True,
        ),
    ]
    failed_wells: Annotated[
        tuple[WellName, ...], Typed("A well that was not done.", option="failed-well")
    ] = ()

    and_before: Annotated[
        bool, Typed("And every job in doubt of its plate before it, as after a restore.")
    ] = False

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Move the job, and those before it if they are meant; wells not done are lost."""
        address = parse_address(self.job)
        if not isinstance(address, JobAddress) or address.campaign != acting.campaign_id:
            raise Missing(f"there is no job {self.job!r} in campaign {acting.campaign_id}")
        if self.and_before:
            for key in self._doubts_before(acting):
                acting.journal.decide(acting.session, key, self.decision, acting.now, acting.by)
        acting.journal.decide(
            acting.session, self.job, self.decision, acting.now, acting.by, self.failed_wells
        )

    def _doubts_before(self, acting: Acting) -> list[str]:
        row = existing(acting.session, JobRow, self.job)
        query = (
            select(JobRow.key)
            .filter_by(campaign_id=row.campaign_id, round=row.round, plate=row.plate)
            .where(JobRow.state == JobStatus.IN_DOUBT, col(JobRow.position) < row.position)
            .order_by(col(JobRow.position))
        )
        return list(acting.session.exec(query).all())

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How to go on."""
        return f"Decided. Go on with: wellwise resume {campaign_id}"
