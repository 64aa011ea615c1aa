"""Descriptors of a category's levels from a table next to the campaign file."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from protocols.errors import Finding, InvalidInput
from protocols.table_text import TableText, read_table

Beside = Callable[[str], str]
"""The text of a table by its name, next to the campaign file.

Raises:
    InvalidInput: there is none, or it may not be read.
"""


def put_in(data: dict[str, Any], beside: Beside | None) -> Iterator[Finding]:
    """Put descriptors in place of the names of their tables, in a campaign file's data.

    The first column of a table names the level, by its value. Cells that are numbers become
    numbers. Levels that the parameter does not have are left out.
    """
    parameters = data.get("parameters")
    for index, parameter in enumerate(parameters if isinstance(parameters, list) else ()):
        named = parameter.get("descriptors") if isinstance(parameter, dict) else None
        if not isinstance(named, str):
            continue
        loc = ("parameters", index, "descriptors")
        parameter["descriptors"] = {}
        if beside is None:
            message = "a file that comes over the network may not name another file"
            yield Finding(loc=loc, message=message, expected="level -> property -> value")
            continue
        try:
            table = read_table(beside(named), named)
        except InvalidInput as error:
            for problem in error.problems:
                yield Finding(loc=loc, message=str(problem), expected="a table of levels")
            continue
        levels = parameter.get("levels")
        known = {str(level) for level in levels} if isinstance(levels, list) else set()
        parameter["descriptors"] = {
            level: row for level, row in _rows(table) if level in known or not known
        }


def _rows(table: TableText) -> Iterator[tuple[str, dict[str, float | str]]]:
    header = table.rows[0].cells if table.rows else ()
    for _, (level, *cells) in table.rows[1:]:
        named = zip(header[1:], cells, strict=False)
        yield level, {name: _value(table, cell) for name, cell in named if name and cell}


def _value(table: TableText, cell: str) -> float | str:
    try:
        number = table.number(cell)
    except ValueError:
        return cell
    return number if math.isfinite(number) else cell
