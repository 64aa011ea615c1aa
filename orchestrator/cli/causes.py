"""The command for causal discovery among a campaign's measurements or a table's columns."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from orchestrator.cli.context import Home, console, opened_journal, text_of
from protocols.errors import InvalidInput, Problem

if TYPE_CHECKING:
    import pandas as pd

finding_causes = typer.Typer()


class _Asked(NamedTuple):
    """A table with one row a well, the columns to look at, and which of them somebody set."""

    table: pd.DataFrame
    name: str
    columns: list[str]
    given: list[str]


@finding_causes.command("causes")
def print_causes(
    table: Annotated[
        Path | None,
        typer.Argument(help="CSV with one row a well; else --campaign.", metavar="TABLE"),
    ] = None,
    campaign: Annotated[
        str | None,
        typer.Option("--campaign", help="A campaign: its measurements, and its objective."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            help="A column to look at. Of a campaign: a measurement or a parameter.",
        ),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A column that somebody set. A campaign's parameters are known to be set."
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=0, max=1000, help="Resamples for the stability.")
    ] = 20,
    home: Home = None,
) -> None:
    """Say which of some columns causes which, and how stable that is under resampling."""
    import pandas as pd

    from optimizer import discover_causes, edge_stability

    if (table is None) == (campaign is None):
        message = "needs either a table or a campaign"
        raise InvalidInput(
            [Problem(where="causes", message=message, expected="TABLE or --campaign NAME")]
        )
    if table is not None:
        frame = pd.read_csv(io.StringIO(text_of(table)))
        asked = _Asked(frame, str(table), columns or [], given or [])
    else:
        assert campaign is not None
        asked = _of_campaign(campaign, columns or [], given or [], home)
    _refuse_unknown(asked)
    values = asked.table[asked.columns].apply(pd.to_numeric, errors="coerce").dropna()
    fixed = {asked.columns.index(name) for name in asked.given}
    try:
        with console.status("looking for causes"):
            found = discover_causes(values.to_numpy(dtype=float), fixed)
            shares = edge_stability(values.to_numpy(dtype=float), fixed, draws) if draws else None
    except ValueError as error:
        raise InvalidInput([Problem(where=asked.name, message=str(error))]) from None
    order = ", ".join(asked.columns[place] for place in found.order)
    console.print(
        f"{len(values)} of {len(asked.table)} rows. Order, causes first: {order}",
        highlight=False,
        soft_wrap=True,
    )
    places = range(len(asked.columns))
    edges = [(i, j) for i in places for j in places if found.graph[i, j]]
    for cause, effect in edges:
        stable = "" if shares is None else f" (in {shares[cause, effect]:.0%} of {draws} resamples)"
        console.print(
            f"  {asked.columns[cause]} causes {asked.columns[effect]}{stable}", highlight=False
        )
    if not edges:
        console.print("  no column causes another", highlight=False)
    console.print(
        "This holds if no hidden variable acts on two of them; only an experiment proves a cause.",
        highlight=False,
        soft_wrap=True,
    )


def _of_campaign(
    campaign_id: str, columns: list[str], given: list[str], home: Path | None
) -> _Asked:
    """The trusted wells, and the wanted columns with the measurements and the objective."""
    from orchestrator.results.tables import tidy_table, value_column

    with opened_journal(home) as (_, journal):
        state = journal.state(campaign_id)
    frame = tidy_table(state)
    on_the_way = [measurement.column for measurement in state.campaign.measurements]
    wanted = list(dict.fromkeys([*columns, *on_the_way, value_column(state.campaign)]))
    design = [parameter.name for parameter in state.campaign.parameters if parameter.name in wanted]
    return _Asked(
        frame[frame["flags"] == ""], campaign_id, wanted, list(dict.fromkeys([*given, *design]))
    )


def _refuse_unknown(asked: _Asked) -> None:
    known, chosen = (", ".join(map(str, names)) for names in (asked.table.columns, asked.columns))
    problems = [
        Problem(
            where=asked.name, message=f"there is no column {name!r}", expected=f"one of {known}"
        )
        for name in dict.fromkeys(asked.columns)
        if name not in asked.table.columns
    ]
    problems += [
        Problem(
            where="--set", message=f"{name!r} is none of the columns", expected=f"one of {chosen}"
        )
        for name in asked.given
        if name not in asked.columns
    ]
    if problems:
        raise InvalidInput(problems)
