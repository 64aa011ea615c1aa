"""Outcomes that are computed from others: their order, and their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from protocols.expressions import NoValue, parsed
from protocols.outcomes import Outcome
from protocols.scoring import Score


def in_order(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """The computed ones of some outcomes, each behind those that it is computed from.

    Raises:
        graphlib.CycleError: one is computed from itself, over others or not.
    """
    computed = {found.name: found for found in outcomes if found.expression is not None}
    needs = {name: parsed(found.expression or "").names for name, found in computed.items()}
    return tuple(computed[n] for n in TopologicalSorter(needs).static_order() if n in computed)


def bases(outcome: Outcome, outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """The outcomes that are read or entered and that one rests on: itself, if it is one of them."""
    by_name = {found.name: found for found in outcomes}
    if outcome.expression is None:
        return (outcome,)
    names = parsed(outcome.expression).names
    parts = (part for part in by_name.values() if part.name in names)
    found = (base for part in parts for base in bases(part, by_name.values()))
    return tuple({base.name: base for base in found}.values())


def with_computed(
    computed: Sequence[Outcome], own: str, main: Score | None, measured: Mapping[str, float | None]
) -> tuple[Score | None, dict[str, float | None]]:
    """The scores of a well with those that are computed from them.

    One that a person entered stays. One of whose parts there is nothing yet is left out; of whose
    parts one is not trusted, or that has no value (a division by zero), it is flagged
    `not_computed`.

    Args:
        computed: the outcomes that are computed, each behind those that it is computed from.
        own: the name of the objective's outcome.
        main: of the objective's outcome; None if there is none yet.
        measured: of the other outcomes by name; None where it is not trusted.

    Returns: both, in the same form.
    """
    if not computed:
        return main, dict(measured)
    known = dict(measured)
    if main is not None:
        known[own] = None if main.flags else main.value
    for outcome in computed:
        expression = parsed(outcome.expression or "")
        if outcome.name in known or not expression.names <= known.keys():
            continue
        score = _computed(outcome, known)
        known[outcome.name] = None if score.flags else score.value
        if outcome.name == own:
            main = score
    known.pop(own, None)
    return main, known


def _computed(outcome: Outcome, known: Mapping[str, float | None]) -> Score:
    expression = parsed(outcome.expression or "")
    numbers = {name: value for name, value in known.items() if value is not None}
    if not expression.names <= numbers.keys():
        return Score(value=None, flags=("not_computed",))
    try:
        value = expression.value(numbers)
    except NoValue:
        return Score(value=None, flags=("not_computed",))
    flags = () if outcome.scale.allows(value) else ("outside_range",)
    return Score(value=value, flags=flags)
