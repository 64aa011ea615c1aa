"""From an act's class to plain data about it."""

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from orchestrator.control.act import Act, Typed, WellAct
from orchestrator.core.act_spec import ActSpec, FieldKind, FieldSpec

_LONG_TEXT = 10_000
_KINDS: Mapping[str, FieldKind] = {
    "integer": "integer",
    "number": "number",
    "string": "text",
    "boolean": "flag",
    "array": "list",
    "object": "mapping",
}


_WELL = "/rounds/{number}/wells/{plate}/{well}"


def path_of(act: type[Act]) -> str:
    """Where an act is over HTTP, below `/campaigns/{campaign_id}`."""
    return (_WELL if issubclass(act, WellAct) else "") + act.path


def spec_of(act: type[Act]) -> ActSpec:
    """What an act asks for."""
    properties = act.model_json_schema()["properties"]
    fields = (_field(name, field, properties[name]) for name, field in act.model_fields.items())
    return ActSpec(act.name, act.command, inspect.cleandoc(act.__doc__ or ""), tuple(fields))


def typed_of(field: FieldInfo) -> Typed:
    """How a field is typed at the command line."""
    return next((found for found in field.metadata if isinstance(found, Typed)), Typed())


def _field(name: str, field: FieldInfo, shape: Mapping[str, Any]) -> FieldSpec:
    typed = typed_of(field)
    kinds = [part for part in shape.get("anyOf", [shape]) if part.get("type") != "null"]
    first = kinds[0]
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    return FieldSpec(
        name=name,
        kind=_kind(first),
        help=typed.help or name.replace("_", " "),
        required=field.is_required(),
        default=default if isinstance(default, str | int | float | bool) else None,
        choices=tuple(first.get("enum", ())),
        minimum=first.get("minimum"),
        maximum=first.get("maximum"),
        positional=typed.positional,
        option=typed.option,
        none=typed.none,
        file=typed.file,
        binary=typed.binary,
    )


def _kind(shape: Mapping[str, Any]) -> FieldKind:
    """The kind of a value of this JSON schema."""
    if "enum" in shape:
        return "choice"
    if "$ref" in shape:
        return "well"
    kind = _KINDS[shape["type"]]
    if kind == "text" and shape.get("maxLength", 0) > _LONG_TEXT:
        return "long text"
    return "wells" if kind == "list" and "$ref" in shape["items"] else kind
