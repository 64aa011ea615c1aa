"""Commands of acts: an argument or option for each field, here and for a service elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from orchestrator.core.act_spec import ActSpec, FieldSpec
from orchestrator.intake.table_files import data_url_of, table_of
from protocols.addresses import JobAddress, WellAddress
from protocols.errors import InvalidInput, Problem

Run = Callable[[str | None, ActSpec, dict[str, Any], dict[str, Any]], None]
"""Does an act for a campaign (None.

The newest), with its values and those of the command's further options.
"""


def add_acts(
    app: typer.Typer, acts: Sequence[ActSpec], options: dict[str, Any], run: Run, remote: bool
) -> None:
    """Add a command for each act that is typed.

    Args:
        app: where to.
        acts: what there is to do.
        options: further options of every command: name -> annotated type; each may be left out.
        run: what the commands do.
        remote: whether they speak to a service, where nothing more than the act is done.
    """
    for act in acts:
        name = act.command or (act.name.replace("_", "-") if remote else "")
        if name:
            app.command(name, help=act.help)(_command(act, options, run, remote))


def _command(act: ActSpec, options: dict[str, Any], run: Run, remote: bool) -> Callable[..., None]:
    def command(**given: Any) -> None:
        more = {name: given.pop(name) for name in options}
        campaign, values = _values(act, given)
        run(campaign, act, values, more)

    parameters = [_parameter(field) for field in act.fields]
    parameters += [_none_flag(field) for field in act.fields if field.none]
    if not any(field.kind == "well" or field.name == "job" for field in act.fields):
        parameters.insert(0 if remote else len(parameters), _campaign(remote))
    parameters += [_keyword(name, kind, None) for name, kind in options.items()]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _campaign(remote: bool) -> inspect.Parameter:
    if remote:
        shown = typer.Argument(help="The campaign.", metavar="CAMPAIGN")
        return _keyword("campaign", Annotated[str, shown], inspect.Parameter.empty)
    shown = typer.Argument(help="Campaign; the newest if absent.", metavar="CAMPAIGN")
    return _keyword("campaign", Annotated[str | None, shown], None)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _parameter(field: FieldSpec) -> inspect.Parameter:
    """A field as Typer declares it."""
    kind: Any = {
        "integer": int,
        "number": float,
        "flag": bool,
        "text": str,
        "long text": str,
        "well": str,
    }.get(field.kind, list[str])
    if field.kind == "choice":
        kind = Literal.__getitem__(field.choices)
    if field.file or field.binary:
        kind = Path
    if field.positional:
        metavar = "WELL" if field.kind == "well" else "FILE" if kind is Path else field.name.upper()
        shown: Any = typer.Argument(help=field.help, metavar=metavar)
    else:
        shown = typer.Option(f"--{field.option or field.name.replace('_', '-')}", help=field.help)
    if field.required and not field.none:
        return _keyword(field.name, Annotated[kind, shown], inspect.Parameter.empty)
    if isinstance(field.default, bool | str):
        return _keyword(field.name, Annotated[kind, shown], field.default)
    return _keyword(field.name, Annotated[kind | None, shown], None)


def _none_flag(field: FieldSpec) -> inspect.Parameter:
    shown = typer.Option(f"--{field.none}", help="No value: exclude it from the model.")
    return _keyword(field.none, Annotated[bool, shown], False)


def _values(act: ActSpec, given: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The campaign that is meant and the act's values as JSON has them, from what was typed."""
    campaign = given.pop("campaign", None)
    values: dict[str, Any] = {}
    for field in act.fields:
        entry = given[field.name]
        if field.none:
            _refuse_both(act, field, entry, given[field.none])
        elif entry is None:
            continue
        if field.binary:
            entry = data_url_of(entry)
        elif field.file:
            entry = table_of(entry)
        elif field.kind in ("well", "wells"):
            addresses = [
                WellAddress.parse(text) for text in ([entry] if field.kind == "well" else entry)
            ]
            campaign = _one_campaign(field, campaign, addresses)
            places = [
                {"round": a.round_number, "plate": a.plate, "well": a.well} for a in addresses
            ]
            entry = places[0] if field.kind == "well" else places
        elif field.name == "job":
            campaign = JobAddress.parse(entry).campaign
        elif field.kind == "mapping":
            entry = dict(_named_value(field, text) for text in entry)
        values[field.name] = entry
    return campaign, values


def _one_campaign(
    field: FieldSpec, campaign: str | None, addresses: Sequence[WellAddress]
) -> str | None:
    """The campaign whose wells these are."""
    named = {address.campaign for address in addresses} | ({campaign} if campaign else set())
    if len(named) > 1:
        message = f"wells of several campaigns ({', '.join(sorted(named))})"
        where = f"--{field.option or field.name}"
        raise InvalidInput(
            [Problem(where=where, message=message, expected="wells of one campaign")]
        )
    return next(iter(named), None)


def _refuse_both(act: ActSpec, field: FieldSpec, entry: Any, none: bool) -> None:
    if none == (entry is not None):
        expected = f"either --{field.name.replace('_', '-')} {field.name.upper()} or --{field.none}"
        raise InvalidInput(
            [
                Problem(
                    where=act.command, message="neither or both of two options", expected=expected
                )
            ]
        )


def _named_value(field: FieldSpec, entry: str) -> tuple[str, Any]:
    """NAME=VALUE, a number wherever it reads as one."""
    name, equals, text = entry.partition("=")
    if not equals:
        where, message = f"--{field.option or field.name}", f"{entry!r} is not understood"
        raise InvalidInput([Problem(where=where, message=message, expected="PARAMETER=VALUE")])
    for kind in (int, float):
        try:
            return name, kind(text)
        except ValueError:
            continue
    return name, text
