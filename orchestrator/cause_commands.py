"""The command that says what causes what in a table of measurements."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.session import console, text_of
from protocols.errors import InvalidInput, Problem

finding_causes = typer.Typer()


@finding_causes.command("causes")
def print_causes(
    table: Annotated[Path, typer.Argument(help="CSV with one row a well.", metavar="TABLE")],
    columns: Annotated[list[str], typer.Option("--column", help="A column to look at; two or more.")],
    given: Annotated[
        list[str] | None, typer.Option("--set", help="One of them that somebody set, such as a parameter.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=0, max=1000, help="Resamples for the stability.")] = 20,
) -> None:
    """Say which of some columns causes which, and how stable that is under resampling."""
    import pandas as pd

    from optimizer.causes import causes, stability

    frame = pd.read_csv(io.StringIO(text_of(table)))
    known = ", ".join(str(name) for name in frame.columns)
    problems = [
        Problem(where=str(table), message=f"there is no column {name!r}", expected=f"one of {known}")
        for name in dict.fromkeys(columns)
        if name not in frame.columns
    ]
    problems += [
        Problem(where="--set", message=f"{name!r} is none of the columns", expected="one of " + ", ".join(columns))
        for name in given or []
        if name not in columns
    ]
    if problems:
        raise InvalidInput(problems)
    values = frame[columns].apply(pd.to_numeric, errors="coerce").dropna()
    fixed = {columns.index(name) for name in given or []}
    try:
        with console.status("looking for causes"):
            found = causes(values.to_numpy(dtype=float), fixed)
            shares = stability(values.to_numpy(dtype=float), fixed, draws) if draws else None
    except ValueError as error:
        raise InvalidInput([Problem(where=str(table), message=str(error))]) from None
    order = ", ".join(columns[place] for place in found.order)
    console.print(
        f"{len(values)} of {len(frame)} rows. Order, causes first: {order}",
        highlight=False,
        soft_wrap=True,
    )
    edges = [(i, j) for i in range(len(columns)) for j in range(len(columns)) if found.graph[i, j]]
    for cause, effect in edges:
        stable = "" if shares is None else f" (in {shares[cause, effect]:.0%} of {draws} resamples)"
        console.print(f"  {columns[cause]} causes {columns[effect]}{stable}", highlight=False)
    if not edges:
        console.print("  no column causes another", highlight=False)
    console.print(
        "This holds if no hidden variable acts on two of them; only an experiment proves a cause.",
        highlight=False,
        soft_wrap=True,
    )
