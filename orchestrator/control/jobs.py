"""The act on a job in doubt or late: say what became of it, or have it sent."""

from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from orchestrator.control.act import Act, Acting, JobKey, Typed
from orchestrator.core.state import Decision
from orchestrator.errors import Missing
from protocols.addresses import WELL_NAME, JobAddress, parse_address

LayoutWell = Annotated[str, StringConstraints(pattern=rf"^{WELL_NAME}$")]


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
        tuple[LayoutWell, ...], Typed("A well that was not done.", option="failed-well")
    ] = ()

    def apply(self, acting: Acting, prepared: Any) -> None:
        """Move the job; wells that were not done are lost."""
        address = parse_address(self.job)
        if not isinstance(address, JobAddress) or address.campaign != acting.campaign_id:
            raise Missing(f"there is no job {self.job!r} in campaign {acting.campaign_id}")
        acting.journal.decide(
            acting.session, self.job, self.decision, acting.now, acting.by, self.failed_wells
        )

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How to go on."""
        return f"Decided. Go on with: wellwise resume {campaign_id}"
