"""A plate reader's table: CSV -> numbers by well."""

import re
from collections.abc import Sequence

from protocols.errors import InvalidInput, Problem
from protocols.table_text import TableText, finite, read_table
from protocols.wells import row_letters, well_name

_OUT_OF_RANGE = re.compile(
    r"[<>]\s*[\d.,]+|[*#]{2,}|#?sat(urated)?\.?|(over|under|out)([ _-]?(range|flow|of[ _-]?range))?"
    r"|ov(e?r)?fl?w?|unfl?w|o\.?o\.?r\.?|[+-]?inf(inity)?|max|min",
    re.IGNORECASE,
)
"""What readers write instead of a number that they cannot measure."""

_NUMBER = "a number, or nothing for a well that is to be left out"


def read_plate_table(text: str, where: str) -> dict[str, float]:
    """Numbers by well from a plate reader's table: columns well and value, or a grid from A on.

    Cells are separated by commas, semicolons or tabs. A well with an empty cell was not read and
    is left out. The corner of a grid may be empty or hold a mark such as `<>`.

    >>> read_plate_table("well,value\\nA1,0.5\\nB02,0.25\\n", "reader.csv")
    {'A1': 0.5, 'B2': 0.25}
    >>> read_plate_table("<>;1;2\\nA;0,1;0,2\\nB;0,3;\\n", "reader.csv")
    {'A1': 0.1, 'A2': 0.2, 'B1': 0.3}

    Raises:
        InvalidInput: it is neither, a number cannot be read or is the reader's mark of a value out
            of its range, or a well comes twice.
    """
    return _PlateTable(read_table(text, where), where).numbers()


def read_whole_plate(text: str, where: str) -> dict[str, float | None]:
    """The same, with None for a well whose cell is empty.

    Raises:
        InvalidInput: as `read_plate_table`.
    """
    table = _PlateTable(read_table(text, where), where)
    found = table.numbers()
    return {well: found.get(well) for well in table.seen}


class _PlateTable:
    """Collects the numbers and the problems of a table while it is read."""

    def __init__(self, table: TableText, where: str) -> None:
        self._table, self._where = table, where
        self._found: dict[str, float] = {}
        self.seen: dict[str, None] = {}
        self._problems: list[Problem] = []

    def numbers(self) -> dict[str, float]:
        rows = self._table.rows
        header = next(
            (
                place
                for place, row in enumerate(rows)
                if {"well", "value"} <= {cell.lower() for cell in row.cells}
            ),
            None,
        )
        if header is None:
            self._read_grid()
        else:
            self._read_columns(header)
        if not self.seen and not self._problems:
            expected = (
                "the columns well and value, or a grid with 1, 2, ... above and A, B, ... at the "
                "left"
            )
            self._problems.append(
                Problem(where=self._where, message="no well was found in it", expected=expected)
            )
        elif not self._found and not self._problems:
            self._problems.append(
                Problem(where=self._where, message="every well in it is empty", expected=_NUMBER)
            )
        if self._problems:
            raise InvalidInput(self._problems)
        return self._found

    def _read_columns(self, header: int) -> None:
        names = [cell.lower() for cell in self._table.rows[header].cells]
        well_at, value_at = names.index("well"), names.index("value")
        for line, row in self._table.rows[header + 1 :]:
            name = well_name(row[well_at]) if len(row) > well_at else None
            if name is None:
                message = f"{self._table.delimiter.join(row)} has no well"
                self._problem(line, message, "such as A1,0.5")
            else:
                value = row[value_at] if len(row) > value_at else ""
                self._take(line, name, value)

    def _read_grid(self) -> None:
        columns: dict[int, int] = {}
        for line, row in self._table.rows:
            columns = _numbered(row) or columns
            letters = row_letters(row[0])
            if columns and letters is not None:
                for place, column in columns.items():
                    value = row[place] if place < len(row) else ""
                    self._take(line, f"{letters}{column}", value)

    def _take(self, line: int, well: str, value: str) -> None:
        if well in self.seen:
            self._problem(line, f"{well} comes a second time")
        self.seen[well] = None
        if not value:
            return
        number = finite(self._table, value)
        if number is not None:
            self._found[well] = number
        elif _OUT_OF_RANGE.fullmatch(value):
            message = f"{well}: {value!r} is a value that the reader could not measure"
            self._problem(line, message, _NUMBER)
        else:
            self._problem(line, f"{well}: {value!r} is no number")

    def _problem(self, line: int, message: str, expected: str = "") -> None:
        self._problems.append(
            Problem(where=self._where, line=line, message=message, expected=expected)
        )


def _numbered(row: Sequence[str]) -> dict[int, int]:
    """Cell -> column of the plate, of a row that numbers the columns 1, 2, ...; otherwise empty.

    Its first cell is the grid's corner, which may hold anything that is no number.
    """
    numbers = {place: int(cell) for place, cell in enumerate(row) if place and cell.isdecimal()}
    expected = list(range(1, len(numbers) + 1))
    filled = sum(1 for cell in row[1:] if cell)
    sound = list(numbers.values()) == expected and filled == len(numbers)
    named = well_name(row[0]) is not None or row_letters(row[0]) is not None
    return numbers if numbers and sound and not named else {}
