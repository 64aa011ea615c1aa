"""The command for causal discovery among a campaign's measurements or a table's columns."""

from __future__ import annotations

from collections import Counter
from itertools import compress, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from orchestrator.cli.context import Home, console, opened_journal
from protocols.errors import InvalidInput, Problem
from protocols.table_text import TableRow, TableText, finite, is_missing, read_table

if TYPE_CHECKING:
    import pandas as pd

_ENOUGH_ROWS = 300

finding_causes = typer.Typer()


class _Asked(NamedTuple):
    """A table with one row a well, the columns to look at, those that somebody set, and blocks.

    `conditions` are the columns that tell conditions apart; none: no row is a replicate. `first`
    says of each row whether it is of the first round; None where rounds are not known.
    """

    table: pd.DataFrame
    name: str
    columns: list[str]
    given: list[str]
    blocks: list[str]
    conditions: list[str]
    first: pd.Series[bool] | None = None


class _Shared(NamedTuple):
    """What rows share: a label of its block and one of its condition for each; None: nothing."""

    blocks: list[str] | None
    conditions: list[str] | None

    def at(self, rows: NDArray[np.bool_]) -> _Shared:
        """The labels of some rows."""
        return _Shared(*(None if of is None else list(compress(of, rows)) for of in self))


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
    blocks: Annotated[
        list[str] | None,
        typer.Option(
            "--block",
            help="A column that tells rounds, plates or days apart: what they add is no cause. "
            "Of a campaign: round and plate.",
        ),
    ] = None,
    conditions: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            help="A column that tells conditions apart: rows that are alike in all of them are "
            "replicates and count once, by their mean. Of a campaign: its parameters.",
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=0, max=1000, help="Resamples for the stability.")
    ] = 20,
    home: Home = None,
) -> None:
    """Say which of some columns causes which, and how stable that is under resampling."""
    import pandas as pd

    from orchestrator.intake.table_files import table_of

    if (table is None) == (campaign is None):
        message = "needs either a table or a campaign"
        raise InvalidInput(
            [Problem(where="causes", message=message, expected="TABLE or --campaign NAME")]
        )
    if table is not None:
        frame = _frame(table_of(table), str(table))
        wanted = list(dict.fromkeys(columns or []))
        asked = _Asked(frame, str(table), wanted, given or [], blocks or [], conditions or [])
    else:
        assert campaign is not None
        asked = _of_campaign(campaign, columns or [], given or [], blocks, conditions, home)
    _refuse_unknown(asked)
    numbers = asked.table[asked.columns].apply(pd.to_numeric, errors="coerce")
    _refuse_texts(asked, numbers)
    values = numbers.dropna()
    rows = asked.table.loc[values.index]
    shared = _Shared(_labels(rows[asked.blocks]), _labels(rows[asked.conditions]))
    try:
        with console.status("looking for causes"):
            _print_graph(asked, values, shared, draws)
    except ValueError as error:
        raise InvalidInput([Problem(where=asked.name, message=str(error))]) from None
    _print_effects(asked, values, shared)


def _print_graph(asked: _Asked, values: pd.DataFrame, shared: _Shared, draws: int) -> None:
    """The order, edges with their stability, and pairs of which no direction can be told."""
    from optimizer import discover_causes, edge_stability

    data, names = values.to_numpy(dtype=float), asked.columns
    fixed = {names.index(name) for name in asked.given}
    found = discover_causes(data, fixed, blocks=shared.blocks, conditions=shared.conditions)
    count = len(data) if shared.conditions is None else len(set(shared.conditions))
    what = "rows" if count == len(data) else "conditions"
    of = "" if count == len(data) else f", {count} conditions, whose replicates count once"
    _say(f"{len(data)} of {len(asked.table)} rows{of}. Order, causes first: "
         f"{', '.join(names[place] for place in found.order)}")  # fmt: skip
    if count < _ENOUGH_ROWS:
        _say(f"With fewer than {_ENOUGH_ROWS} {what} edges are missed and directions are guesses.")
    shares = None
    if draws:
        try:
            shares = edge_stability(
                data, fixed, draws, blocks=shared.blocks, conditions=shared.conditions
            )
        except ValueError:
            _say(
                f"Half of the {what} are too few to look again: how stable edges are is not known."
            )
    for cause, effect in np.argwhere(found.decided):
        stable = "" if shares is None else f" (in {shares[cause, effect]:.0%} of {draws} resamples)"
        _say(f"  {names[cause]} causes {names[effect]}{stable}")
    for one, other in np.argwhere(found.undecided):
        _say(f"  {names[one]} and {names[other]} go together, and both directions fit: which "
             "causes which, or whether something else causes both, is open")  # fmt: skip
    for one, other in np.argwhere(np.triu(found.hidden)):
        _say(f"  {names[one]} and {names[other]} go together, and neither direction fits: a common "
             "cause may be hidden")  # fmt: skip
    if not (found.graph.any() or found.hidden.any()):
        _say("  no column causes another")
    _say("An arrow is a reason for an experiment: a hidden cause of both is not always seen.")


def _print_effects(asked: _Asked, values: pd.DataFrame, shared: _Shared) -> None:
    """What the settings themselves change, by the rows whose settings no result had chosen."""
    from optimizer import intervention_effects

    if not asked.given:
        return
    rows, of = np.ones(len(values), dtype=bool), "all rows, taken as set without regard to results"
    if asked.first is not None:
        rows, of = asked.first.loc[values.index].to_numpy(), "the first round"
    chosen = shared.at(rows)
    fixed = [asked.columns.index(name) for name in asked.given]
    try:
        found = intervention_effects(values.to_numpy(dtype=float)[rows], fixed, *chosen)
    except ValueError as error:
        _say(f"Effects of what was set: not estimated, {error}")
        return
    _say(f"Set in its upper instead of its lower third ({rows.sum()} rows: {of}; 95 % intervals):")
    for effect in found:
        _say(f"  {asked.columns[effect.cause]} changes {asked.columns[effect.variable]} by "
             f"{effect.difference:+.3g} ({effect.low:.3g} to {effect.high:.3g})")  # fmt: skip


def _refuse_texts(asked: _Asked, numbers: pd.DataFrame) -> None:
    problems = [
        Problem(where=asked.name, key=column, message="has no number", expected="numbers")
        for column in numbers.columns[numbers.isna().all()]
    ]
    if problems:
        raise InvalidInput(problems)


def _frame(text: str, name: str) -> pd.DataFrame:
    """A table as spreadsheets write it; cells are numbers, texts, or None where nothing is."""
    import pandas as pd

    table = read_table(text, name)
    head, *rows = table.rows or [TableRow(1, ())]
    twice = [column for column, count in Counter(filter(None, head.cells)).items() if count > 1]
    if twice:
        message = f"several columns are called {twice[0]!r}"
        raise InvalidInput([Problem(where=name, line=head.line, message=message,
                                    expected="a name of its own for each")])  # fmt: skip
    data = []
    for line, row in rows:
        cells = row[: len(head.cells)]
        if any(row[len(head.cells) :]):
            message = f"the row has {len(row)} cells"
            expected = f"at most {len(head.cells)}, as the header has"
            raise InvalidInput([Problem(where=name, line=line, message=message, expected=expected)])
        data.append([_value(table, cell) for cell, _ in zip_longest(cells, head.cells)])
    return pd.DataFrame(data, columns=list(head.cells))


def _value(table: TableText, cell: str | None) -> float | str | None:
    if cell is None or is_missing(cell):
        return None
    number = finite(table, cell.removesuffix("%"))
    return cell if number is None else number


def _labels(columns: pd.DataFrame) -> list[str] | None:
    """One label a row, of all these columns."""
    if columns.shape[1] == 0:
        return None
    return ["/".join(map(str, row)) for row in columns.itertuples(index=False)]


def _say(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _of_campaign(
    campaign_id: str,
    columns: list[str],
    given: list[str],
    blocks: list[str] | None,
    conditions: list[str] | None,
    home: Path | None,
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
        frame[frame["flags"] == ""],
        campaign_id,
        wanted,
        list(dict.fromkeys([*given, *design])),
        ["round", "plate"] if blocks is None else blocks,
        [parameter.name for parameter in state.campaign.parameters]
        if conditions is None
        else conditions,
        frame["round"] == 1,
    )


def _refuse_unknown(asked: _Asked) -> None:
    known, chosen = (", ".join(map(str, names)) for names in (asked.table.columns, asked.columns))
    problems = [
        Problem(
            where=asked.name, message=f"there is no column {name!r}", expected=f"one of {known}"
        )
        for name in dict.fromkeys([*asked.columns, *asked.blocks, *asked.conditions])
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
