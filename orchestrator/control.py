"""Operators' control over a running campaign: every act with who, when and why in the event log."""

from collections.abc import Sequence
from typing import Literal

from drivers.base import DriverError
from orchestrator.lab import Lab

Decision = Literal["done", "failed", "again"]


def pause(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    """Send no more jobs; robots finish what they have.

    Raises:
        JournalError: the campaign is over.
    """
    lab.journal.set_status(campaign_id, "paused", lab.clock.now(), who, why)


def unpause(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    """Let a paused campaign go on.

    Raises:
        JournalError: the campaign is over.
    """
    lab.journal.set_status(campaign_id, "running", lab.clock.now(), who, why)


def abort(lab: Lab, campaign_id: str, who: str, why: str) -> None:
    """End a campaign for good; robots finish what they have.

    Raises:
        JournalError: the campaign is over.
    """
    lab.journal.set_status(campaign_id, "aborted", lab.clock.now(), who, why)


async def stop_now(lab: Lab, campaign_id: str, who: str, why: str) -> dict[str, str]:
    """Stop the robots first, then pause the campaign; returns the robots that could not be stopped, and why."""
    unstopped = {}
    for name, robot in lab.robots.items():
        try:
            await robot.connect()
            await robot.stop()
            lab.journal.note(campaign_id, lab.clock.now(), "robot_stopped", name, why, who=who)
        except DriverError as error:
            unstopped[name] = str(error)
            lab.journal.note(campaign_id, lab.clock.now(), "robot_not_stopped", name, str(error), who=who)
    pause(lab, campaign_id, who, why)
    return unstopped


def set_rounds(lab: Lab, campaign_id: str, rounds: int, who: str, why: str) -> None:
    """Raise or lower the number of rounds; see `Journal.set_rounds`."""
    lab.journal.set_rounds(campaign_id, rounds, lab.clock.now(), who, why)


def correct_well(
    lab: Lab, campaign_id: str, place: tuple[int, int, str], value: float | None, who: str, why: str
) -> None:
    """Enter the value of a well by hand, or exclude it; see `Journal.correct_well`."""
    lab.journal.correct_well(campaign_id, place, value, lab.clock.now(), who, why)


def decide(lab: Lab, key: str, decision: Decision, who: str, why: str, failed_wells: Sequence[str] = ()) -> None:
    """Say what became of a job in doubt, or what is to become of a late one; see `Journal.decide`."""
    lab.journal.decide(key, decision, lab.clock.now(), who, why, failed_wells)
