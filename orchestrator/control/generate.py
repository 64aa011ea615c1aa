"""Writes what follows from the table of acts: client methods, command table, reference.

    python -m orchestrator.control.generate

writes all of them; a test finds a table of acts that they do not agree with.
"""

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from orchestrator.control.act import Act, Answer, WellAct
from orchestrator.control.describe import path_of, spec_of
from orchestrator.control.table import ACTS
from orchestrator.core.act_spec import FieldSpec

BEGIN, END = (
    "    # Acts, from the table of acts: see orchestrator/control/generate.py\n",
    "    # End of acts\n",
)

_ROOT = Path(__file__).resolve().parents[2]
CLIENT = _ROOT / "orchestrator" / "service" / "schema" / "act_methods.py"
TABLE = _ROOT / "orchestrator" / "core" / "acts_table.py"
REFERENCE = _ROOT / "docs" / "reference" / "acts.md"

_ANSWERS: Mapping[Answer, str] = {
    "campaign": "CampaignSummary",
    "well": "WellHistory",
    "entered": "Entered",
}


def client_methods(acts: Sequence[type[Act]]) -> str:
    """The part of the client's class that is about acts."""
    rows = "".join(
        f'        "{act.name}": ("{path_of(act)}", {_ANSWERS[act.answer]}),\n' for act in acts
    )
    kind = "Mapping[str, tuple[str, type[CampaignSummary | WellHistory | Entered]]]"
    table = f"    _acts: ClassVar[{kind}] = {{\n{rows}    }}\n"
    return BEGIN + table + "\n" + "\n".join(_method(act) for act in acts) + END


def _method(act: type[Act]) -> str:
    fields = {
        name: field for name, field in act.model_fields.items() if name not in ("why", "place")
    }
    place = ["round_number: int", "plate: int", "well: str"] if issubclass(act, WellAct) else []
    required = [
        f"{name}: {_text(field.annotation)}"
        for name, field in fields.items()
        if field.is_required()
    ]
    optional = [
        f"{name}: {_text(field.annotation)} = {_default(field)}"
        for name, field in fields.items()
        if not field.is_required()
    ]
    why = "why: str" if act.model_fields["why"].is_required() else 'why: str = ""'
    arguments = ["self", "campaign: str", *place, *required, why, *optional]
    passed = [f"{name}={_sent(name, field)}" for name, field in fields.items()]
    if place:
        passed.insert(0, 'place={"round": round_number, "plate": plate, "well": well}')
    answer = _ANSWERS[act.answer]
    call = ", ".join(["campaign", f'"{act.name}"', *passed, "why=why"])
    doc = spec_of(act).summary
    return (
        f"    def {act.name}({', '.join(arguments)}) -> {answer}:\n"
        f'        """{doc}"""\n'
        f"        return cast({answer}, self.act({call}))\n"
    )


def _text(annotation: Any) -> str:
    """A type as the client names it: what a caller may give."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _text(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(_text(part) for part in arguments)
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]".replace("'", '"')
    if origin is tuple:
        return f"Sequence[{_text(arguments[0])}]"
    if origin is dict:
        return f"Mapping[{_text(arguments[0])}, {_text(arguments[1])}]"
    if annotation is NoneType:
        return "None"
    return str(annotation.__name__)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    assert value is not PydanticUndefined
    return (
        "()"
        if value in ((), {}) and not isinstance(value, dict)
        else "MappingProxyType({})"
        if value == {}
        else repr(value)
    )


def _sent(name: str, field: FieldInfo) -> str:
    kind = _text(field.annotation)
    if kind.startswith("Sequence[") and _holds_models(field.annotation):
        return f"[entry.model_dump() for entry in {name}]"
    return (
        f"list({name})"
        if kind.startswith("Sequence[")
        else f"dict({name})"
        if kind.startswith("Mapping[")
        else name
    )


def _holds_models(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _holds_models(get_args(annotation)[0])
    first = get_args(annotation)[0]
    return isinstance(first, type) and issubclass(first, BaseModel)


def reference(acts: Sequence[type[Act]]) -> str:
    """The page that lists every act with its faces."""
    parts = [
        "# Acts\n\nWhat an operator may do to a campaign. Each act is checked and written in one "
        "transaction, with the "
        "person and the reason in the event log. Here, over HTTP (`POST "
        "/api/v1/campaigns/CAMPAIGN` and the path), in "
        "the Python client, and at the command line (the same below `wellwise remote` for a "
        "service elsewhere).\n"
    ]
    for act in acts:
        doc = inspect.cleandoc(act.__doc__ or "")
        command = (
            f"`wellwise {act.command}`"
            if act.command
            else f"`wellwise remote {act.name.replace('_', '-')}`"
        )
        faces = f"`{path_of(act)}` · `client.{act.name}` · {command} · role {act.role.word}"
        rows = "".join(
            f"| `{field.name}` | {_needed(field)} | {field.help} |\n"
            for field in spec_of(act).fields
        )
        table = f"| field | | meaning |\n|---|---|---|\n{rows}"
        parts.append(f"## {act.name}\n\n{doc}\n\n{faces}\n\n{table}")
    return "\n".join(parts)


def _needed(field: FieldSpec) -> str:
    return "needed" if field.required else ""


def commands_table(acts: Sequence[type[Act]]) -> str:
    """The module with the acts as plain data, from which the command line makes its commands."""
    rows = "".join(f"    {spec_of(act)!r},\n" for act in acts)
    return (
        '"""The acts as plain data, written from their classes: see '
        'orchestrator/control/generate.py."""\n\n'
        "from orchestrator.core.act_spec import ActSpec, FieldSpec\n\n"
        f"ACT_SPECS: tuple[ActSpec, ...] = (\n{rows})\n"
    )


def with_methods(text: str, acts: Sequence[type[Act]]) -> str:
    """The client's file with the methods of these acts."""
    begin, end = text.index(BEGIN), text.index(END) + len(END)
    return text[:begin] + client_methods(acts) + text[end:]


if __name__ == "__main__":
    CLIENT.write_text(with_methods(CLIENT.read_text(encoding="utf-8"), ACTS), encoding="utf-8")
    TABLE.write_text(commands_table(ACTS), encoding="utf-8")
    REFERENCE.write_text(reference(ACTS), encoding="utf-8")
