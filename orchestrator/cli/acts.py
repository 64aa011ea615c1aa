"""Commands from the table of acts: an argument or option for each field, here and for a service elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import ValidationError

from orchestrator.control.act import Act, Typed, WellAct
from protocols.addresses import JobAddress, WellAddress, WellPlace
from protocols.errors import InvalidInput, Problem

Run = Callable[[str | None, Act, dict[str, Any]], None]
"""Does an act for a campaign (None: the newest), with the values of the command's further options."""


def add_acts(app: typer.Typer, acts: Sequence[type[Act]], options: dict[str, Any], run: Run, remote: bool) -> None:
    """Add a command for each act that is typed.

    Args:
        app: where to.
        acts: the table of acts, or more.
        options: further options of every command: name -> annotated type; each may be left out.
        run: what the commands do.
        remote: whether they speak to a service, where nothing more than the act is done.
    """
    for act in acts:
        name = act.command or (act.name.replace("_", "-") if remote else "")
        if name:
            app.command(name, help=act.__doc__)(_command(act, options, run, remote))


def _command(act: type[Act], options: dict[str, Any], run: Run, remote: bool) -> Callable[..., None]:
    def command(**given: Any) -> None:
        more = {name: given.pop(name) for name in options}
        campaign, values = _values(act, given)
        run(campaign, _validated(act, values), more)

    parameters = [_parameter(name, field.annotation, _typed(field), field) for name, field in act.model_fields.items()]
    parameters += [flag for name, field in act.model_fields.items() if (flag := _none_flag(name, _typed(field)))]
    if not _names_its_campaign(act):
        campaign = typer.Argument(
            help="The campaign." if remote else "Campaign; the newest if absent.", metavar="CAMPAIGN"
        )
        kind: Any = str if remote else str | None
        default = inspect.Parameter.empty if remote else None
        made = _keyword("campaign", Annotated[kind, campaign], default)
        parameters.insert(0 if remote else len(parameters), made)
    parameters += [_keyword(name, kind, None) for name, kind in options.items()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _names_its_campaign(act: type[Act]) -> bool:
    return issubclass(act, WellAct) or "job" in act.model_fields


def _typed(field: Any) -> Typed:
    return next((found for found in field.metadata if isinstance(found, Typed)), Typed())


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parameter(name: str, annotation: Any, typed: Typed, field: Any) -> inspect.Parameter:
    """A field as Typer is told of it."""
    kind, default = _typer_kind(annotation, typed)
    required = field.is_required() and not typed.none
    if typed.positional:
        metavar = {"place": "WELL"}.get(name, "FILE" if typed.file else name.upper())
        shown: Any = typer.Argument(help=typed.help, metavar=metavar)
    else:
        shown = typer.Option(f"--{typed.option or name.replace('_', '-')}", help=typed.help)
    if not required:
        default = field.get_default(call_default_factory=True) if default is None else default
        kind, default = (kind, default) if isinstance(default, bool | str) else (kind | None, None)
    return _keyword(name, Annotated[kind, shown], inspect.Parameter.empty if required else default)


def _none_flag(name: str, typed: Typed) -> inspect.Parameter | None:
    if not typed.none:
        return None
    shown = typer.Option(f"--{typed.none}", help="No value: do not learn from it.")
    return _keyword(typed.none, Annotated[bool, shown], False)


def _typer_kind(annotation: Any, typed: Typed) -> tuple[Any, Any]:
    """The type that Typer reads for a field, and its default where it is not the field's."""
    kind = _bare(annotation)
    if typed.file:
        return Path, None
    if kind in (int, float, str, bool) or get_origin(kind) is Literal:
        return kind, None
    if kind is WellPlace:
        return str, None
    return list[str], None


def _bare(annotation: Any) -> Any:
    """A type without its metadata, and without None."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        if len(kinds) == 1:
            return _bare(kinds[0])
    return annotation


def _values(act: type[Act], given: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The campaign that is meant and the act's values, from what was typed."""
    campaign = given.pop("campaign", None)
    values: dict[str, Any] = {}
    for name, field in act.model_fields.items():
        typed, kind, entry = _typed(field), _bare(field.annotation), given[name]
        if typed.none:
            _refuse_both(act, name, typed, entry, given[typed.none])
        elif entry is None:
            continue
        if typed.file:
            entry = _text_of(entry)
        elif kind is WellPlace:
            address = WellAddress.parse(entry)
            campaign, entry = address.campaign, _place(address)
        elif name == "job":
            campaign = JobAddress.parse(entry).campaign
        elif get_origin(kind) is dict:
            entry = dict(_named_value(typed.option or name, text) for text in entry)
        elif get_origin(kind) is tuple and get_args(kind)[0] is WellPlace:
            addresses = [WellAddress.parse(text) for text in entry]
            campaign = _one_campaign(typed.option or name, campaign, addresses)
            entry = [_place(address) for address in addresses]
        values[name] = entry
    return campaign, values


def _one_campaign(option: str, campaign: str | None, addresses: Sequence[WellAddress]) -> str | None:
    """The campaign whose wells these are."""
    named = {address.campaign for address in addresses} | ({campaign} if campaign else set())
    if len(named) > 1:
        message = f"wells of several campaigns ({', '.join(sorted(named))})"
        raise InvalidInput([Problem(where=f"--{option}", message=message, expected="wells of one campaign")])
    return next(iter(named), None)


def _place(address: WellAddress) -> WellPlace:
    return WellPlace(round=address.round_number, plate=address.plate, well=address.well)


def _refuse_both(act: type[Act], name: str, typed: Typed, entry: Any, none: bool) -> None:
    if none == (entry is not None):
        expected = f"either --{name.replace('_', '-')} {name.upper()} or --{typed.none}"
        raise InvalidInput([Problem(where=act.command, message="neither or both of two options", expected=expected)])


def _named_value(option: str, entry: str) -> tuple[str, Any]:
    """NAME=VALUE, a number wherever it reads as one."""
    name, equals, text = entry.partition("=")
    if not equals:
        message = f"{entry!r} is not understood"
        raise InvalidInput([Problem(where=f"--{option}", message=message, expected="PARAMETER=VALUE")])
    for kind in (int, float):
        try:
            return name, kind(text)
        except ValueError:
            continue
    return name, text


def _text_of(path: Path) -> str:
    from orchestrator.cli.context import text_of

    return text_of(path)


def _validated(act: type[Act], values: dict[str, Any]) -> Act:
    """The act.

    Raises:
        InvalidInput: with every value that is not allowed.
    """
    try:
        return act.model_validate(values)
    except ValidationError as error:
        problems = [
            Problem(where=act.command or act.name, key=".".join(map(str, details["loc"])), message=details["msg"])
            for details in error.errors()
        ]
        raise InvalidInput(problems) from None
