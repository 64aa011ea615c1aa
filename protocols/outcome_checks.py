"""What is wrong between outcomes, objectives and the rest of a campaign."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from graphlib import CycleError

from protocols.campaign_parts import Parts
from protocols.computed import in_order
from protocols.errors import Finding, Loc, duplicate_names
from protocols.expressions import parsed
from protocols.operations import OPERATIONS
from protocols.outcomes import ObjectiveChoice, Outcome

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
    yield from _expression_findings(by_name)
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


def _expression_findings(by_name: dict[str, Outcome]) -> Iterator[Finding]:
    """Outcomes that are computed from what is no outcome, or from themselves."""
    unknown = False
    for index, outcome in enumerate(by_name.values()):
        if outcome.expression is not None:
            for name in sorted(parsed(outcome.expression).names - by_name.keys()):
                unknown = True
                yield from unknown_outcome(("outcomes", index, "expression"), name, by_name)
    try:
        in_order(() if unknown else by_name.values())
    except CycleError as error:
        names = error.args[1]
        message = f"{names[0]!r} is computed from itself: {' <- '.join(names)}"
        loc: Loc = ("outcomes", list(by_name).index(names[0]), "expression")
        yield Finding(loc=loc, message=message, expected="outcomes that are read or entered")


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
    """Each outcome that is derived is of a step that reads."""
    reading = [
        step.name
        for _, step in parts.steps
        if any(OPERATIONS[op.do].reads for op in step.operations)
    ]
    derived = [(index, found) for index, found in enumerate(outcomes) if found.derived]
    free = [name for name in reading if name not in {found.step for _, found in derived}]
    for index, outcome in derived:
        if outcome.step is not None and outcome.step not in reading:
            expected = "one of the steps that read: " + (", ".join(reading) or "none does")
            message = f"step {outcome.step!r} reads nothing"
            yield Finding(loc=("outcomes", index, "step"), message=message, expected=expected)
    elsewhere = [(index, found) for index, found in derived if found.step is None]
    if len(free) > 1:
        for index, outcome in elsewhere[1:]:
            message = f"{outcome.name!r} says no step, and neither does {elsewhere[0][1].name!r}"
            expected = "the step where it is read: " + ", ".join(free)
            yield Finding(loc=("outcomes", index, "step"), message=message, expected=expected)
    if reading and not free:
        for index, outcome in elsewhere:
            message = f"{outcome.name!r} says no step, and every step that reads has an outcome"
            expected = "the step where it is read: " + ", ".join(reading)
            yield Finding(loc=("outcomes", index, "step"), message=message, expected=expected)
