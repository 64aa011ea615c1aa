"""A campaign run in the loop of whoever runs it: by Prefect's flows too, or without them."""

from datetime import datetime, timedelta

from orchestrator.core.lifecycle import Question
from orchestrator.engine.actions import TaskRunner, run_plainly
from orchestrator.engine.advance import Outlook, advance
from orchestrator.lab.lab import Lab
from protocols.instants import later

_LOOK = timedelta(seconds=5)
"""How often a process that waits for a moment looks whether a person has changed something."""


async def run_campaign(lab: Lab, campaign_id: str) -> tuple[Question, ...]:
    """Run a campaign until it is over or waits for a person; returns what that one is asked."""
    return (await advanced(lab, campaign_id)).questions


async def advanced(
    lab: Lab,
    campaign_id: str,
    run_task: TaskRunner = run_plainly,
    round_number: int | None = None,
) -> Outlook:
    """Do what is due whenever it is, until nothing is or only a person can help; see `advance`."""
    while True:
        outlook = await advance(lab, campaign_id, run_task, round_number)
        if outlook.moment is None:
            return outlook
        await _wait_until(lab, campaign_id, outlook.moment)


async def _wait_until(lab: Lab, campaign_id: str, moment: datetime) -> None:
    """Return at `moment`, or when another process has written an event of the campaign."""
    if lab.clock.virtual:
        await lab.clock.sleep_until(moment)
        return
    seen = lab.journal.last_event(campaign_id)
    while lab.clock.now() < moment and lab.journal.last_event(campaign_id) == seen:
        await lab.clock.sleep_until(min(moment, later(lab.clock.now(), _LOOK)))
