"""The earlier form of a campaign: one objective from 0 to 1, and measurements beside it."""

from collections.abc import Mapping
from typing import Any

from protocols.conditions import MOST
from protocols.errors import Loc

OLD = ("objective", "measurements")
NEW = ("outcomes", "objectives", "outcome_constraints")

_DEFAULT = "coloured_cell_ratio"
_KEYS = {
    "objective": ("name", "scorer", "options"),
    "measurements": ("name", "step", "scorer", "options"),
}
_MARK = "earlier form: "

SCHEMA: dict[str, Any] = {
    "objective": {
        "type": "object",
        "deprecated": True,
        "description": "earlier form: the one outcome, from 0 to 1, that is maximised",
        "properties": {key: {} for key in _KEYS["objective"]},
        "additionalProperties": False,
    },
    "measurements": {
        "type": "array",
        "maxItems": MOST,
        "deprecated": True,
        "description": "earlier form: further outcomes, from 0 to 1",
        "items": {
            "type": "object",
            "properties": {key: {} for key in _KEYS["measurements"]},
            "required": ["name", "step"],
            "additionalProperties": False,
        },
    },
}
"""The two keys of the earlier form, as JSON Schema."""


def is_earlier(campaign: Mapping[Any, Any]) -> bool:
    """Whether a campaign is written without any of the keys that took the place of the old."""
    return not any(key in campaign for key in NEW)


def in_new_form(given: Any) -> Any:
    """A campaign with outcomes and objectives, from one of either form.

    What cannot be read is left for the checks to find.
    """
    if not isinstance(given, Mapping) or not is_earlier(given):
        return given
    campaign = {key: value for key, value in given.items() if key not in OLD}
    objective, measurements = given.get("objective", {}), given.get("measurements", ())
    several = measurements if isinstance(measurements, list | tuple) else [measurements]
    campaign["outcomes"] = [
        as_outcome(objective, "objective"),
        *(as_outcome(measurement, "measurements") for measurement in several),
    ]
    campaign["objectives"] = [{"outcome": name_of(objective), "direction": "maximise"}]
    return campaign


def as_outcome(given: Any, key: str) -> Any:
    """An objective or measurement of the earlier form as an outcome."""
    if not isinstance(given, Mapping):
        return given
    outcome: dict[str, Any] = {"scorer": _DEFAULT, "range": (0.0, 1.0)}
    if key == "objective":
        outcome = {"name": _DEFAULT, **outcome}
    return outcome | {
        name if name in _KEYS[key] else f"{_MARK}{name}": value for name, value in given.items()
    }


def name_of(objective: Any) -> Any:
    """The name of the outcome that an objective of the earlier form is."""
    return objective.get("name", _DEFAULT) if isinstance(objective, Mapping) else _DEFAULT


def as_written(loc: Loc) -> Loc:
    """Where a file of the earlier form has what is at a place of the new form."""
    match loc:
        case ("outcomes", int(index), *rest):
            inside = tuple(
                part.removeprefix(_MARK) if isinstance(part, str) else part for part in rest
            )
            return ("objective", *inside) if not index else ("measurements", index - 1, *inside)
        case ("objectives", 0, "outcome"):
            return ("objective", "name")
        case ("outcomes" | "objectives", *_):
            return ("objective",)
    return loc
