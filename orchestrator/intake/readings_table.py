"""A table of values that people read by hand: one row a well."""

from collections.abc import Mapping

from pydantic import ValidationError

from protocols.addresses import WellPlace
from protocols.errors import InvalidInput, Problem
from protocols.table_text import TableText, read_table

_COLUMNS = ("round", "plate", "well", "value")
_WHERE = "readings"


def read_readings_table(text: str) -> Mapping[WellPlace, float]:
    """The wells and values (0..1) of a table with the headers round, plate, well, value.

    Cells are separated by commas, semicolons or tabs; other columns are left out.

    Raises:
        InvalidInput: with every line that cannot be used.
    """
    table = read_table(text, _WHERE)
    line, header = table.rows[0] if table.rows else (1, ())
    names = [cell.lower() for cell in header]
    if set(_COLUMNS) - set(names):
        message = f"the header is {', '.join(header) or 'empty'}"
        raise InvalidInput(
            [Problem(where=_WHERE, line=line, message=message, expected=", ".join(_COLUMNS))]
        )
    values: dict[WellPlace, float] = {}
    problems: list[Problem] = []
    for line, cells in table.rows[1:]:
        row = dict(zip(names, [*cells, *[""] * len(names)], strict=False))
        found = _place_and_value(table, row)
        if found is None or found[0] in values:
            shown = ",".join(row[name] for name in _COLUMNS)[:80]
            message = (
                f"{shown!r} cannot be used" if found is None else f"{shown!r} names a well twice"
            )
            expected = "a round, a plate, a well such as B2, and a value from 0 to 1"
            problems.append(Problem(where=_WHERE, line=line, message=message, expected=expected))
        else:
            values[found[0]] = found[1]
    if not values and not problems:
        problems.append(
            Problem(where=_WHERE, line=2, message="there is no row", expected="a row for each well")
        )
    if problems:
        raise InvalidInput(problems)
    return values


def _place_and_value(table: TableText, row: Mapping[str, str]) -> tuple[WellPlace, float] | None:
    try:
        place = WellPlace(round=int(row["round"]), plate=int(row["plate"]), well=row["well"])
        value = table.number(row["value"])
    except (ValueError, ValidationError):
        return None
    return (place, value) if 0 <= value <= 1 else None
