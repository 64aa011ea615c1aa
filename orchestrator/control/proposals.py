"""Acts on a batch that waits for approval: approve it, give a well other values, leave it empty."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.control.act import Act, Acting, Typed, WellAct
from orchestrator.core.by import PRINTED
from orchestrator.core.events import EventKind
from orchestrator.core.lifecycle import first_day
from orchestrator.core.scheduling import first_starts
from orchestrator.core.state import CampaignState, RoundState, RoundStatus, WellState
from orchestrator.errors import JournalError
from orchestrator.journal.queries import busy_robots
from orchestrator.journal.store import existing
from orchestrator.journal.tables import RoundRow, WellRow
from orchestrator.lab.lab import Lab
from protocols.addresses import RoundAddress
from protocols.compile import compile_jobs
from protocols.conditions import Condition, Finite, Proposal

ParameterName = Annotated[str, StringConstraints(max_length=100)]
Level = int | Finite | Annotated[str, StringConstraints(max_length=100, pattern=PRINTED)]


class Approve(Act):
    """Let the robots have the batch that waits for approval."""

    name: ClassVar[str] = "approve"
    path: ClassVar[str] = "/approve"
    command: ClassVar[str] = "approve"

    def prepare(self, lab: Lab, state: CampaignState) -> Any:
        """Compile and schedule the batch; its day 0 is the first that can still be kept."""
        proposed = proposed_round(state)
        start = first_day(state.campaign, lab.clock.now())
        busy = busy_robots(lab.journal, state)
        jobs = list(compile_jobs(state.campaign, state.id, proposed.layout, start, busy))
        return (
            start,
            jobs,
            first_starts(jobs, lab.known_seconds(state.id), state.campaign.robots, start),
        )

    def rests_on(self, state: CampaignState) -> Any:
        """The batch as it is to be dispensed, and the campaign's file."""
        proposed = proposed_round(state)
        return state.campaign, proposed.layout, [well.lost for well in proposed.wells]

    def apply(self, acting: Acting, prepared: Any) -> int:
        """Write down the jobs; returns their number."""
        start, jobs, starts = prepared
        proposed = proposed_round(acting.state)
        row = existing(acting.session, RoundRow, (acting.campaign_id, proposed.number))
        row.status, row.started_at = RoundStatus.RUNNING, start
        number = acting.journal.add_jobs(acting.session, acting.campaign_id, jobs, starts)
        data = {"round": proposed.number, "wells": len(proposed.wells), "jobs": number}
        acting.record(
            EventKind.ROUND_APPROVED, RoundAddress(acting.campaign_id, proposed.number), data
        )
        return number

    def done(self, campaign_id: str, outcome: Any) -> str:
        """How many jobs, and how to go on."""
        return f"Approved: {outcome} jobs. Go on with: wellwise resume {campaign_id}"


class EditProposal(WellAct):
    """Change what a well of a batch that waits for approval is to get, or leave it empty."""

    name: ClassVar[str] = "edit_proposal"
    path: ClassVar[str] = "/proposal"
    command: ClassVar[str] = "edit-well"

    values: Annotated[
        dict[ParameterName, Level],
        Typed("PARAMETER=VALUE, more than once if need be.", option="set"),
    ] = Field(default_factory=dict)
    leave_empty: Annotated[bool, Typed("Put nothing into it.")] = False

    def apply(self, acting: Acting, prepared: Any) -> Condition | None:
        """Write the values if the search space allows them; returns the new condition, or None."""
        if self.leave_empty == bool(self.values):
            raise JournalError(
                "an edit either gives other values or leaves the well empty (expected one of the "
                "two)"
            )
        well = self._proposed_well(acting.state)
        address = self.place.of(acting.campaign_id)
        row = existing(acting.session, WellRow, address)
        if self.leave_empty:
            row.lost = f"left empty: {self.why}"
            acting.record(EventKind.WELL_LOST, address, message=row.lost)
            return None
        condition = self._condition(acting.state, well.proposal.condition)
        reason = f"edited by {acting.by.who}: {self.why}"
        row.proposal = Proposal(condition=condition, role="edited", reason=reason).model_dump(
            mode="json"
        )
        before = {name: well.proposal.condition.root.get(name) for name in self.values}
        data = {"before": before, "after": dict(self.values)}
        acting.record(EventKind.PROPOSAL_EDITED, address, data)
        return condition

    def _proposed_well(self, state: CampaignState) -> WellState:
        proposed = proposed_round(state)
        if self.place.round != proposed.number:
            raise JournalError(
                f"round {self.place.round} does not wait for approval (round {proposed.number} "
                "does)"
            )
        for well in proposed.wells:
            if (well.well.plate, well.well.name) == (self.place.plate, self.place.well):
                return well
        raise JournalError(f"there is no well {self.place.of(state.id)}")

    def _condition(self, state: CampaignState, before: Condition) -> Condition:
        """The condition with the new values, which its well and the constraints must allow."""
        space = state.campaign.space
        decided = {parameter.name for parameter in space.decided}
        for name, value in self.values.items():
            parameter = space.by_name.get(name)
            if parameter is None:
                raise JournalError(
                    f"there is no parameter {name!r} (expected one of {', '.join(space.by_name)})"
                )
            if name in decided:
                raise JournalError(
                    f"{name} is decided by the well: choose another well for {name}={value}"
                )
            if not parameter.allows(value):
                raise JournalError(f"{name} cannot be {value!r} (expected {parameter.allowed})")
            alone = state.campaign.plates.wells_per_plate == 1
            if parameter in space.one_a_plate and not alone:
                own = before[name]
                if parameter.snap(value) != own:
                    raise JournalError(
                        f"{name} has one value a plate, here {own}: fix it for the next round, or "
                        "leave the well empty"
                    )
        values = {**before.root, **self.values}
        condition = space.snap(values)
        if condition is None:
            missing = [p.name for p in space.active(values) if p.name not in values]
            raise JournalError(f"{Condition(values)} needs {', '.join(missing)}: give it too")
        broken = space.broken(condition.root)
        if broken is not None:
            raise JournalError(
                f"{condition} breaks a constraint of the campaign file ({broken}): choose other "
                "values"
            )
        return condition

    def done(self, campaign_id: str, outcome: Any) -> str:
        """What is in the well now."""
        address = self.place.of(campaign_id)
        return f"{address} is left empty." if outcome is None else f"{address}: {outcome}"


def proposed_round(state: CampaignState) -> RoundState:
    """The first batch that waits for approval.

    Raises:
        JournalError: none does.
    """
    for batch in state.open_rounds:
        if batch.proposed:
            return batch
    raise JournalError(f"no batch of campaign {state.id} waits for approval")
