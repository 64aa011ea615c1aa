"""The rows of a table with a head: without titles, remarks and heads that come again."""

from collections.abc import Collection, Iterator, Sequence

from protocols.errors import Problem
from protocols.table_text import TableRow, TableText

_SUMMARIES = frozenset(
    {"mean", "average", "avg", "median", "sd", "std", "stdev", "std dev", "std. dev.", "sem", "se"}
    | {"cv", "%cv", "cv%", "var", "variance", "min", "max", "sum", "total", "count"}
)
"""What programs call the rows below a group that are no sample."""


def listed_rows(table: TableText, file: str) -> tuple[TableText, list[Problem]]:
    """The table with its head first, which is the first row that is no title and no remark.

    A row that begins with # and has nothing else is a remark, and the head may come again, as it
    does where exports were put one below the other: both are left out. Where the head comes again
    in another order the rows end, and that is a problem.

    Args:
        table: as `read_table` gives it.
        file: what to call it in problems.
    """
    above = _from_head(table.rows)
    if not above:
        return table, []
    head, *below = above
    line, header = head
    names = sorted(filter(None, header))
    rows = [head]
    problems: list[Problem] = []

    def problem(at: int, message: str, expected: str) -> None:
        problems.append(Problem(where=file, line=at, message=message, expected=expected))

    for row in below:
        filled = sorted(filter(None, row.cells))
        if len(names) > 1 and filled == names:
            if row.cells[: len(header)] != header[: len(row.cells)]:
                message = f"the headers come again, in another order than on line {line}"
                problem(row.line, message, "the same columns in the same order")
                break
        elif len(filled) > 1 or not row.cells[0].startswith("#"):
            rows.append(row)
    return table._replace(rows=tuple(rows)), problems


def standing_alone(cells: Sequence[str], file: str, line: int) -> Problem | None:
    """What is wrong with a row that is no sample and has a text in its first cell only."""
    if not cells or not cells[0] or any(cells[1:]):
        return None
    message = f"{cells[0][:80]!r} stands alone in its row"
    expected = "a row for each well: delete it, or put # before it"
    return Problem(where=file, line=line, message=message, expected=expected)


def doubtful(rows: Sequence[TableRow], places: Collection[int], file: str) -> Iterator[Problem]:
    """Rows that may be no samples: called `mean` or `SD`, or begun with #, where others are not.

    Args:
        rows: below the head.
        places: the columns that nothing is read from.
        file: what to call the table in problems.
    """
    for place in sorted(places):
        cells = [row.cells[place] if place < len(row.cells) else "" for row in rows]
        marked = [
            cell.casefold() in _SUMMARIES or (place == 0 and cell.startswith("#")) for cell in cells
        ]
        if all(marked):
            continue
        for row, cell, is_marked in zip(rows, cells, marked, strict=True):
            if is_marked:
                message = f"this row is called {cell[:80]!r}, and others are not"
                expected = "rows of wells: delete it if it is none, or else what it is called"
                yield Problem(where=file, line=row.line, message=message, expected=expected)


def _from_head(rows: Sequence[TableRow]) -> Sequence[TableRow]:
    """The rows from the first one that is no title and no comment."""
    for place, (_, cells) in enumerate(rows):
        if sum(map(bool, cells)) > 1 and not cells[0].startswith("# "):
            return rows[place:]
    return rows
