"""The dialogs of acts in the browser: the fields of each, from the act's own model."""

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from orchestrator.control.act import Act, Typed
from orchestrator.control.generate import path_of

_HAND_PLACED = frozenset(
    {"pause", "resume", "approve", "edit_proposal", "decide", "enter_reading", "hand_over", "set_rounds", "abort"}
)
"""Acts that have a button where they are needed; the others are in the campaign's list of further acts."""

_LONG_TEXT = 10_000


def dialogs(acts: Sequence[type[Act]]) -> Markup:
    """JSON: act -> its fields but the reason, each with its label and how it is entered; safe inside HTML."""
    text = json.dumps({act.name: _fields(act) for act in acts})
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - JSON without the one character that could end it


def further_acts(acts: Sequence[type[Act]]) -> list[type[Act]]:
    """Acts on a campaign that have no button of their own."""
    return [act for act in acts if act.name not in _HAND_PLACED]


def url_of(act: type[Act], campaign: str, place: tuple[int, int, str] | None = None) -> str:
    """Where the browser sends an act."""
    number, plate, well = place or (0, 0, "")
    return f"/api/v1/campaigns/{campaign}" + path_of(act).format(number=number, plate=plate, well=well)


def _fields(act: type[Act]) -> list[dict[str, Any]]:
    schema = act.model_json_schema()
    fields = []
    for name, shape in schema["properties"].items():
        if name in ("why", "place"):
            continue
        typed = next((found for found in act.model_fields[name].metadata if isinstance(found, Typed)), Typed())
        fields.append(
            {
                "name": name,
                "label": typed.help or name.replace("_", " "),
                "required": name in schema.get("required", ()),
                "file": typed.file,
                **_entry(shape),
            }
        )
    return fields


def _entry(shape: dict[str, Any]) -> dict[str, Any]:
    """How a value of this JSON schema is entered: its kind, and the limits that a browser can hold."""
    kinds = [part for part in shape.get("anyOf", [shape]) if part.get("type") != "null"]
    first = kinds[0]
    if "enum" in first:
        return {"kind": "choice", "choices": first["enum"]}
    kind = first.get("type", "object")
    if kind == "array":
        return {"kind": "wells" if "$ref" in first.get("items", {}) else "list"}
    limits = {key: first[key] for key in ("minimum", "maximum", "default") if key in first | shape}
    if kind == "string" and first.get("maxLength", 0) > _LONG_TEXT:
        kind = "text"
    return {"kind": kind, **limits}
