"""What a script writes shortly: parameters, objectives, and the rows of a table of results."""

import math
from collections.abc import Mapping
from typing import Any

from optimizer.objective import Goals, Objective, OutcomeBounds
from protocols.parameters import (
    BaseParameter,
    BooleanParameter,
    CategoryParameter,
    ContinuousParameter,
    IntegerParameter,
    Parameter,
    SteppedParameter,
)

Allowed = tuple[float, float] | list[Any] | range | Parameter
"""What a parameter may be.

A range (low, high) of any number between; a list of levels: numbers in order, names, or [False,
True]; whole numbers as `range(1, 11)`; or a parameter of the same name.
"""

Wanted = str | tuple[str, float]
"""A direction, maximise or minimise, or ("match", target)."""

Ends = tuple[float | None, float | None]
"""The lowest and the highest value of an outcome; None for no end."""


def parameter_of(name: str, allowed: Allowed) -> Parameter:
    """A parameter by what it may be.

    Raises:
        ValueError: it is neither a range nor a list of levels.
    """
    if isinstance(allowed, BaseParameter):
        if allowed.name != name:
            raise ValueError(
                f"{name}: the parameter is called {allowed.name!r} (expected {name!r})"
            )
        return allowed
    if isinstance(allowed, range) and allowed.step == 1 and len(allowed) > 1:
        return IntegerParameter(
            name=name, step="any", kind="integer", low=allowed[0], high=allowed[-1]
        )
    if isinstance(allowed, range):
        allowed = list(allowed)
    if isinstance(allowed, tuple) and len(allowed) == 2:
        low, high = allowed
        return ContinuousParameter(name=name, step="any", kind="continuous", low=low, high=high)
    if not isinstance(allowed, list) or len(allowed) < 2:
        raise ValueError(
            f"{name}: {allowed!r} (expected (low, high), or a list of two or more levels)"
        )
    if all(isinstance(level, bool) for level in allowed) and set(allowed) == {False, True}:
        return BooleanParameter(name=name, step="any", kind="boolean")
    if all(isinstance(level, int | float) and not isinstance(level, bool) for level in allowed):
        levels = tuple(sorted(allowed))
        return SteppedParameter(name=name, step="any", kind="stepped", levels=levels)
    return CategoryParameter(name=name, step="any", kind="category", levels=tuple(allowed))


def goals_of(
    objectives: str | Mapping[str, Wanted],
    thresholds: Mapping[str, float],
    constraints: Mapping[str, Ends],
) -> tuple[tuple[str, ...], Goals]:
    """The names of all outcomes, and what is wanted of them.

    The first is that of `Observation.value`.

    Raises:
        ValueError: there is no objective, no such direction, a threshold of something else, or a
            constraint without an end.
    """
    wanted = {objectives: "maximise"} if isinstance(objectives, str) else dict(objectives)
    if not wanted:
        raise ValueError("there are no objectives (expected one or more)")
    for name in thresholds:
        if name not in wanted:
            raise ValueError(
                f"a threshold of {name!r}, which is no objective (expected {', '.join(wanted)})"
            )
    outcomes = tuple(dict.fromkeys((*wanted, *constraints)))
    own = {name: None if index == 0 else name for index, name in enumerate(outcomes)}
    found = []
    for name, given in wanted.items():
        direction, target = (given, None) if isinstance(given, str) else given
        try:
            found.append(Objective.of(direction, target, own[name], thresholds.get(name)))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    rules = []
    for name, ends in constraints.items():
        try:
            low, high = ends
            rules.append(OutcomeBounds.of(own[name], low, high))
        except (TypeError, ValueError):
            raise ValueError(
                f"{name} within {ends!r} (expected (lowest, highest), one of which may be None)"
            ) from None
    return outcomes, Goals(tuple(found), tuple(rules))


def table_rows(results: Any) -> list[Mapping[str, Any]]:
    """The rows of a DataFrame, of a mapping, or of several mappings.

    Raises:
        ValueError: a row has no names.
    """
    if hasattr(results, "to_dict"):  # a DataFrame
        found: list[Mapping[str, Any]] = results.to_dict("records")
        return found
    rows = [results] if isinstance(results, Mapping) else list(results)
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ValueError(f"row {index + 1} is {row!r} (expected values by name)")
    return rows


def number_of(row: Mapping[str, Any], name: str, index: int) -> float | None:
    """A number of the row at `index`; None for nothing (None, NaN).

    Raises:
        ValueError: it is something else, or not finite.
    """
    given = row[name]
    try:
        value = math.nan if given is None else float(given)
    except (TypeError, ValueError):
        raise ValueError(
            f"row {index + 1}: {name}={given!r} (expected a number, or nothing)"
        ) from None
    if math.isinf(value):
        raise ValueError(
            f"row {index + 1}: {name}={given!r} (expected a finite number, or nothing)"
        )
    return None if math.isnan(value) else value


def label_of(row: Mapping[str, Any], name: str, index: int) -> float | str | None:
    """A number or a text of the row at `index`; None for nothing (None, NaN, no such column).

    Raises:
        ValueError: it is something else, or not finite.
    """
    given = row.get(name)
    if isinstance(given, str):
        return given or None
    return None if given is None else number_of(row, name, index)
