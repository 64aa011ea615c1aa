"""What a change of a campaign under way may not do."""

from collections.abc import Sequence
from typing import Any

from orchestrator.core.state import CampaignState
from orchestrator.errors import JournalError
from orchestrator.journal.tables import EventRow
from protocols.campaign import Campaign
from protocols.protocol import Protocol


def refuse_taking_back(events: Sequence[EventRow], now: Campaign, given: Campaign) -> None:
    """Refuse a file from before a range or level was changed by an act of its own."""
    present, wanted = _parameters_of(now), _parameters_of(given)
    changed_by_act: dict[str, EventRow] = {}
    for event in events:
        if "protocol" in event.data["before"]:  # a file that came later knew of them
            changed_by_act.clear()
            continue
        for before in event.data["before"].get("parameters", ()):
            name = before["name"]
            if before == wanted.get(name) != present[name]:
                changed_by_act.setdefault(name, event)
    if changed_by_act:
        since = ", ".join(
            f"{name} (for round {event.data['round']})" for name, event in changed_by_act.items()
        )
        raise JournalError(
            f"the file has what was changed since then as it was before: {since} (expected the "
            "present range or levels in the file; to take them back, use set-range first)"
        )


def _parameters_of(campaign: Campaign) -> dict[str, dict[str, Any]]:
    dumped = campaign.model_dump(mode="json", by_alias=True, include={"parameters"})
    return {parameter["name"]: parameter for parameter in dumped["parameters"]}


def refuse_forgetting(state: CampaignState, campaign: Campaign) -> None:
    """Refuse a space in which a condition that was tried has no place."""
    after, before = campaign.space, state.campaign.space
    lost = [name for name in before.by_name if name not in after.by_name]
    if lost:
        raise JournalError(
            f"{', '.join(lost)} cannot be left out, as conditions that were tried have it: fix it "
            "by its levels or range, or by a constraint"
        )
    for name, parameter in before.by_name.items():
        now = after.by_name[name]
        kept = ("kind", "unit", "decided_by_well")
        if any(getattr(now, key) != getattr(parameter, key) for key in kept):
            raise JournalError(f"the kind and the unit of {name} cannot change under way")
    tried = [w.proposal.condition for batch in state.rounds for w in batch.wells]
    for condition in [*tried, *(observation.condition for observation in state.past)]:
        if after.observed(after.completed(condition).root) is None:
            raise JournalError(
                f"{condition} was tried and has no place any more: keep its levels, and forbid "
                "them by a constraint"
            )


def refuse_other_steps(now: Protocol, given: Protocol) -> None:
    """Refuse other steps or operations: only fields of operations may change."""

    def shape(protocol: Protocol) -> list[Any]:
        return [
            (
                step.model_dump(mode="json", exclude={"operations"}),
                [operation.do for operation in step.operations],
            )
            for step in protocol.steps
        ]

    if shape(now) != shape(given):
        raise JournalError(
            "steps and their operations cannot change under way (expected other values of fields "
            "only): launch another campaign, with past_results"
        )
