"""The dialogs of acts in the browser: the fields of each, from the act's own model."""

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from orchestrator.control.act import Act
from orchestrator.control.describe import path_of, spec_of
from orchestrator.core.act_spec import FieldSpec
from orchestrator.languages import gettext, in_words

_HAND_PLACED = frozenset(
    {
        "pause",
        "resume",
        "approve",
        "edit_proposal",
        "decide",
        "confirm_items",
        "give_numbers",
        "give_file",
        "well_went_wrong",
        "take_back_items",
        "enter_reading",
        "hand_over",
        "set_rounds",
        "abort",
        "decline_suggestion",
        "file_under",
        "archive",
        "unarchive",
    }
)
"""Acts that have a button where they are needed.

The others are in the campaign's list of further acts.
"""


def dialogs(acts: Sequence[type[Act]]) -> Markup:
    """JSON, safe inside HTML: act -> its fields but reason and place, as in `FieldSpec`."""
    text = json.dumps({act.name: _fields(act) for act in acts})
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - JSON without the one character that could end it


def further_acts(acts: Sequence[type[Act]]) -> list[type[Act]]:
    """Acts on a campaign that have no button of their own."""
    return [act for act in acts if act.name not in _HAND_PLACED]


def url_of(act: type[Act], campaign: str, place: tuple[int, int, str] | None = None) -> str:
    """Where the browser sends an act."""
    number, plate, well = place or (0, 0, "")
    return f"/api/v1/campaigns/{campaign}" + path_of(act).format(
        number=number, plate=plate, well=well
    )


def _fields(act: type[Act]) -> list[dict[str, Any]]:
    return [
        _described(field) for field in spec_of(act).fields if field.name not in ("why", "place")
    ]


def _described(field: FieldSpec) -> dict[str, Any]:
    """What the browser needs to know of a field."""
    known = field._replace(help=gettext(field.help))._asdict()
    known["labels"] = tuple(map(in_words, field.choices))
    return {name: value for name, value in known.items() if value not in (None, "", (), False)}
