"""Rows wider than their head: `0,5` between commas is two cells, and the second would be lost."""

from protocols.errors import Problem
from protocols.table_text import TableRow, TableText, finite

_LEAST_WAVELENGTH_NM = 100


def has_surplus(table: TableText, row: TableRow, width: int) -> bool:
    """Whether a number stands right of all headings, in a table that commas separate.

    A remark may stand there.
    """
    return table.delimiter == "," and any(
        finite(table, cell) is not None for cell in row.cells[width:]
    )


def has_surplus_in_grid(table: TableText, row: TableRow, width: int) -> bool:
    """The same of a grid, whose rows may end with a wavelength."""
    if not has_surplus(table, row, width):
        return False
    filled = [cell for cell in row.cells[width:] if cell]
    number = finite(table, filled[0])
    return len(filled) > 1 or number is None or number < _LEAST_WAVELENGTH_NM


def surplus_problem(where: str, line: int) -> Problem:
    """What is wrong with such a row."""
    return Problem(
        where=where,
        line=line,
        message="there are more cells than headings",
        expected="a heading for each cell; where numbers have a decimal comma, semicolons or tabs "
        "between cells",
    )
