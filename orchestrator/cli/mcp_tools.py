"""Tools: what an assistant may ask a service, and which acts it may do or suggest."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter

from orchestrator.client import Client
from orchestrator.core.act_spec import ActSpec, FieldSpec
from orchestrator.core.acts_table import ACT_SPECS

Changes = Literal["none", "suggest", "do"]
"""Whether an assistant may change nothing, suggest acts to the operators, or do them."""

_NOT_FOR_ASSISTANTS = frozenset(
    {
        "suggest",
        "decline_suggestion",
        # Only who stood at the bench can say what was done there.
        "confirm_items",
        "give_numbers",
        "give_file",
        "well_went_wrong",
        "take_back_items",
    }
)
_READING: Sequence[Callable[..., Any]] = (
    Client.whoami,
    Client.campaigns,
    Client.campaign,
    Client.round,
    Client.jobs,
    Client.events,
    Client.insight,
    Client.robots,
    Client.needs,
    Client.checklists,
    Client.checklist,
    Client.validate,
)
_TABLES = ("wells.csv", "events.csv", "campaign.yaml")
_JSON = TypeAdapter(Any)
_WELL = {
    "type": "object",
    "properties": {
        "round": {"type": "integer", "minimum": 1},
        "plate": {"type": "integer", "minimum": 1},
        "well": {"type": "string", "description": "such as B2"},
    },
    "required": ["round", "plate", "well"],
    "additionalProperties": False,
}
_SHAPES: Mapping[str, dict[str, Any]] = {
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "text": {"type": "string"},
    "long text": {"type": "string"},
    "flag": {"type": "boolean"},
    "choice": {"type": "string"},
    "list": {"type": "array", "items": {"type": "string"}},
    "well": _WELL,
    "wells": {"type": "array", "items": _WELL},
    "mapping": {
        "type": "object",
        "additionalProperties": {"type": ["number", "string", "boolean"]},
    },
}
_CAMPAIGN = {"type": "string", "description": "the id of the campaign, such as rpe"}


class Tool(NamedTuple):
    """One thing that can be asked for; `schema` is the JSON Schema of its arguments.

    `call` takes the client and the arguments, and returns JSON or text.
    """

    name: str
    description: str
    schema: dict[str, Any]
    changes: bool
    call: Callable[[Client, Mapping[str, Any]], Any]


def tools(changes: Changes = "none") -> dict[str, Tool]:
    """Every tool by name; those that change something only as far as `changes` says."""
    found = [*map(_reading, _READING), _table()]
    if changes != "none":
        found += [_act(spec, changes) for spec in ACT_SPECS if spec.name not in _NOT_FOR_ASSISTANTS]
    if changes == "do":
        found += [_launch(), _stop_now()]
    return {tool.name: tool for tool in found}


def _reading(method: Callable[..., Any]) -> Tool:
    """A tool that reads: a method of the client."""
    hints = get_type_hints(method)
    given = [p for p in inspect.signature(method).parameters.values() if p.name != "self"]
    given = [p for p in given if p.kind is not p.VAR_KEYWORD]
    schema = _object(
        {p.name: _CAMPAIGN if p.name == "campaign" else _shape(hints[p.name]) for p in given},
        [p.name for p in given if p.default is p.empty],
    )

    def call(client: Client, arguments: Mapping[str, Any]) -> Any:
        return _plain(method(client, **arguments))

    return Tool(method.__name__, inspect.getdoc(method) or "", schema, False, call)


def _table() -> Tool:
    schema = _object({"campaign": _CAMPAIGN, "name": {"type": "string", "enum": [*_TABLES]}})

    def call(client: Client, arguments: Mapping[str, Any]) -> str:
        return client.export(arguments["campaign"], arguments["name"]).decode()

    return Tool("table", "One row a well or an event, or the campaign file.", schema, False, call)


def _act(spec: ActSpec, changes: Changes) -> Tool:
    properties = {"campaign": _CAMPAIGN} | {field.name: _described(field) for field in spec.fields}
    required = ["campaign", *(field.name for field in spec.fields if field.required)]
    how = "" if changes == "do" else "\nIt is only suggested: an operator does it or declines it."
    call = _do if changes == "do" else _suggest
    schema = _object(properties, required)
    return Tool(spec.name, spec.help + how, schema, True, partial(call, spec.name))


def _do(name: str, client: Client, arguments: Mapping[str, Any]) -> Any:
    fields = dict(arguments)
    return _plain(client.act(fields.pop("campaign"), name, **fields))


def _suggest(name: str, client: Client, arguments: Mapping[str, Any]) -> Any:
    values = dict(arguments)
    campaign, why = values.pop("campaign"), values.pop("why")
    client.act(campaign, "suggest", act=name, values=values, why=why)
    return f"Suggested to the operators of {campaign}. Nothing changes until one of them does it."


def _launch() -> Tool:
    schema = _object(
        {
            "file": {"type": "string", "description": "the text of a campaign file"},
            "project": {"type": "string", "description": "the project it is launched into"},
        },
        ["file"],
    )

    def call(client: Client, arguments: Mapping[str, Any]) -> Any:
        return _plain(client.launch(arguments["file"], project=arguments.get("project", "")))

    return Tool("launch", inspect.getdoc(Client.launch) or "", schema, True, call)


def _stop_now() -> Tool:
    schema = _object({"campaign": _CAMPAIGN, "why": {"type": "string"}})

    def call(client: Client, arguments: Mapping[str, Any]) -> Any:
        return _plain(client.stop_now(arguments["campaign"], arguments["why"]))

    return Tool("stop_now", inspect.getdoc(Client.stop_now) or "", schema, True, call)


def _object(properties: Mapping[str, Any], required: Sequence[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def _described(field: FieldSpec) -> dict[str, Any]:
    more = {
        "description": field.help,
        "enum": list(field.choices),
        "minimum": field.minimum,
        "maximum": field.maximum,
    }
    return _SHAPES[field.kind] | {key: value for key, value in more.items() if value}


def _shape(hint: Any) -> dict[str, Any]:
    kinds = set(get_args(hint) or (hint,))
    return {"type": "integer" if int in kinds else "string"}


def _plain(answer: Any) -> Any:
    if isinstance(answer, BaseModel):
        return answer.model_dump(mode="json")
    return _JSON.dump_python(answer, mode="json")
