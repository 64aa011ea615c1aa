"""What is wrong between outcomes, objectives and the rest of a campaign."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from protocols.errors import Finding, Loc, duplicate_names
from protocols.operations import OPERATIONS
from protocols.outcomes import ObjectiveChoice, Outcome

if TYPE_CHECKING:
    from protocols.campaign_checks import Parts

_PREDICTED = ("predicted_mean", "predicted_sd", "expected_gain")
RESERVED = frozenset(
    {"campaign", "round", "plate", "well", "role", "ratio", "flags", "reason", *_PREDICTED}
)
"""Names of the columns of a campaign's table that are not of its own choice."""


def outcome_findings(parts: Parts, outcomes: tuple[Outcome, ...]) -> Iterator[Finding]:
    """What is wrong with the outcomes of a campaign, and with what is wanted of them."""
    yield from duplicate_names(outcomes, "outcomes")
    choices = parts.objectives or ()
    wanted = {choice.outcome for choice in choices}
    if parts.objectives is not None and not parts.broken:
        taken = {parameter.name for _, parameter in parts.parameters} | RESERVED
        for index, outcome in enumerate(outcomes):
            # A ratio that is the objective has a column `ratio`, so that its name harms nothing.
            if outcome.name in taken and not (
                outcome.name in wanted and outcome.natural_range == (0.0, 1.0) and not outcome.unit
            ):
                message = f"the name {outcome.name!r} is taken"
                loc: Loc = ("outcomes", index, "name")
                yield Finding(loc=loc, message=message, expected="a name of its own")
        yield from _step_findings(parts, outcomes)
    by_name = {outcome.name: outcome for outcome in outcomes}
    yield from _choice_findings(choices, by_name)
    for index, constraint in enumerate(parts.outcome_constraints):
        loc = ("outcome_constraints", index, "outcome")
        yield from unknown_outcome(loc, constraint.outcome, by_name)
    if len(choices) == 1 and choices[0].outcome in by_name and parts.stop is not None:
        target, outcome = parts.stop.target, by_name[choices[0].outcome]
        yield from range_findings(outcome, target, ("stop", "target"))
    if len(choices) > 1 and parts.stop is not None and parts.stop.target is not None:
        message = "a target is of one objective, and there are several"
        expected = "no target, or a threshold for each objective"
        yield Finding(loc=("stop", "target"), message=message, expected=expected)


def range_findings(outcome: Outcome, value: float | None, loc: Loc) -> Iterator[Finding]:
    """A value that lies outside the range that the file gives for an outcome."""
    if value is not None and outcome.natural_range is not None:
        low, high = outcome.natural_range
        if not low <= value <= high:
            message = f"{value:g} is outside the range of {outcome.name}"
            yield Finding(loc=loc, message=message, expected=f"a number from {low:g} to {high:g}")


def _choice_findings(
    choices: tuple[ObjectiveChoice, ...], by_name: dict[str, Outcome]
) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, choice in enumerate(choices):
        loc: Loc = ("objectives", index)
        yield from unknown_outcome((*loc, "outcome"), choice.outcome, by_name)
        if choice.outcome in seen:
            message = f"{choice.outcome!r} is an objective already"
            yield Finding(loc=(*loc, "outcome"), message=message, expected="each outcome once")
        seen.add(choice.outcome)
        if choice.threshold is not None and len(choices) == 1:
            message = "one objective needs no threshold"
            expected = "stop.target, which ends the campaign, or several objectives"
            yield Finding(loc=(*loc, "threshold"), message=message, expected=expected)
        for key in ("target", "threshold"):
            if choice.outcome in by_name:
                value = getattr(choice, key)
                yield from range_findings(by_name[choice.outcome], value, (*loc, key))


def unknown_outcome(loc: Loc, name: str, by_name: dict[str, Outcome]) -> Iterator[Finding]:
    """A name that is not that of an outcome."""
    if name not in by_name:
        message = f"{name!r} is not an outcome of this campaign"
        near = difflib.get_close_matches(name, by_name, n=1)
        known = (f"{near[0]}? " if near else "") + "one of " + ", ".join(by_name)
        yield Finding(loc=loc, message=message, expected=known)


def _step_findings(parts: Parts, outcomes: tuple[Outcome, ...]) -> Iterator[Finding]:
    """Each step that reads is of one outcome, and each outcome that is derived has a step."""
    reading = [
        step.name
        for _, step in parts.steps
        if any(OPERATIONS[op.do].reads for op in step.operations)
    ]
    free = list(reading)
    derived = [(index, found) for index, found in enumerate(outcomes) if not found.by_hand]
    for index, outcome in derived:
        if outcome.step is None:
            continue
        if outcome.step not in free:
            why = "has a measurement already" if outcome.step in reading else "reads nothing"
            message = f"step {outcome.step!r} {why}"
            expected = "one of the steps that read: " + (", ".join(free) or "none is left")
            yield Finding(loc=("outcomes", index, "step"), message=message, expected=expected)
        free = [name for name in free if name != outcome.step]
    elsewhere = [(index, found) for index, found in derived if found.step is None]
    for index, outcome in elsewhere[1:]:
        message = f"{outcome.name!r} says no step, and neither does {elsewhere[0][1].name!r}"
        expected = "the step where it is read: " + (", ".join(free) or "none is left")
        yield Finding(loc=("outcomes", index, "step"), message=message, expected=expected)
    if elsewhere and reading and not free:
        index, outcome = elsewhere[0]
        what = "the objective" if not index else repr(outcome.name)
        message = f"every step that reads has a measurement, and none is left for {what}"
        expected = "one step that reads without one"
        yield Finding(loc=("outcomes", index), message=message, expected=expected)
