"""What is wrong between the times of steps and the rest of a campaign."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.campaign_parts import Parts
from protocols.errors import Finding, Loc
from protocols.outcome_checks import unknown_outcome


def timing_findings(parts: Parts) -> Iterator[Finding]:
    """States that steps wait for and nothing measures; times of day before the round begins."""
    outcomes = {outcome.name: outcome for outcome in parts.outcomes or ()}
    for index, step in parts.steps:
        place: Loc = ("protocol", "steps", index)
        if parts.start == "now" and step.at is not None and step.days and step.days.first == 0:
            message = "with `start: now` day 0 begins when the round does, at any time of day"
            expected = "no at for a step on day 0"
            yield Finding(loc=(*place, "at"), message=message, expected=expected)
        if step.until is None or parts.outcomes is None:
            continue
        name, loc = step.until.outcome, (*place, "until", "outcome")
        yield from unknown_outcome(loc, name, outcomes)
        if (
            name in outcomes
            and outcomes[name].derived
            and outcomes[name].step not in (None, step.name)
        ):
            message = f"{name!r} is read in step {outcomes[name].step}, not in step {step.name}"
            expected = "an outcome that is read in this step, or entered by hand"
            yield Finding(loc=loc, message=message, expected=expected)
