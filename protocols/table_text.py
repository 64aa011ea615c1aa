"""Tables as programs and people write them: text -> rows of cells, and cells -> numbers."""

import csv
import io
import math
import re
import unicodedata
from collections import Counter
from typing import NamedTuple

from protocols.errors import InvalidInput, Problem
from protocols.table_formats import from_data_url

_DELIMITERS = ("\t", ";", ",")
"""Where two of them divide the rows alike, the first does: the comma is then in the numbers."""

_SEP_LINE = re.compile(r"\"?sep=(.)\"?[,;\t]*", re.IGNORECASE)
_POINT = re.compile(r"[+-]?\d*\.\d+(?:e[+-]?\d+)?", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?\d+,\d+(?:e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")
_SPACED = re.compile(r"([+-]?[1-9]\d{0,2})((?:[\s'\u2019]\d{3})+)([.,]\d+)?")
_GROUPED = {
    ",": re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"),
    ".": re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?"),
}
"""Numbers whose thousands are separated by the key."""

_NOT_THERE = frozenset(
    {"na", "n/a", "n.a.", "#n/a", "#nv", "<na>", "nan", "null", "none"}
    | {"-", "--", "\u2013", "\u2014"}
)
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
"""Marks without a width, which web pages and chats put between characters."""
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    (0x2212, 0x2013), "-"
)
"""Digits and marks of full width, as they are typed in Japan, and what stands for a minus."""


_LAST = "\x1f"
"""Stands behind the last row, where no quotation mark is left open."""


class TableRow(NamedTuple):
    """A row that is not blank: the line (from 1) on which it ends, and its stripped cells."""

    line: int
    cells: tuple[str, ...]


class TableText(NamedTuple):
    """The rows of a table, and how its numbers are written."""

    rows: tuple[TableRow, ...]
    delimiter: str
    decimal_comma: bool
    thousands: str = ""
    """What separates thousands beside spaces and apostrophes, where a cell leaves no doubt."""

    def number(self, cell: str) -> float:
        """The number in a cell; nan and inf are numbers too.

        Raises:
            ValueError: there is none, or a comma in it may mean either thing.
        """
        cell = _ungrouped(cell)
        if self.thousands and _GROUPED[self.thousands].fullmatch(cell):
            cell = cell.replace(self.thousands, "")
        if self.decimal_comma and _COMMA.fullmatch(cell):
            cell = cell.replace(",", ".")
        if "_" in cell:  # Python's own way to write thousands, and nobody else's
            raise ValueError(f"{cell!r} is not a number")
        return float(cell)


def read_table(text: str, where: str) -> TableText:
    r"""The rows of a table whose cells are separated by commas, semicolons or tabs.

    A byte-order mark, a first line such as `sep=;`, blank rows and spaces around cells are left
    out; letters and their accents are composed (NFC). Names that stand as a comment right above
    numbers (`# dose,signal`, as numpy writes them) are the head. Between semicolons or tabs `0,5`
    is 0.5, unless the table has decimal points too, or every comma may separate thousands (`1,234`
    between tabs). Where a number has both, as `1.234,5` has, the first separates thousands in the
    whole table; spaces and apostrophes between thousands are always understood. A workbook or a
    Parquet file may come as a `data:` URL.

    >>> table = read_table("\ufeffdose ;signal\n10;0,5\n", "past.csv")
    >>> [row.cells for row in table.rows]
    [('dose', 'signal'), ('10', '0,5')]
    >>> table.number("0,5")
    0.5

    Raises:
        InvalidInput: it is no text, or a row cannot be split into cells.
    """
    text = from_data_url(text, where)
    text = unicodedata.normalize("NFC", text).translate(_UNSEEN)
    if "\x00" in text:
        raise InvalidInput([Problem(where=where, message="this is no text", expected="CSV")])
    lines = text.splitlines(keepends=True)
    sep = _SEP_LINE.fullmatch(lines[0].rstrip("\r\n")) if lines else None
    if sep is not None:
        text = "".join(["\n", *lines[1:]])
    found: list[tuple[str, tuple[TableRow, ...], int | None]] = []
    refused: list[Problem] = []
    for delimiter in _DELIMITERS if sep is None else (sep[1],):
        try:
            found.append((delimiter, *_rows(text, delimiter, where)))
        except InvalidInput as error:
            refused += error.problems
    if not found:
        raise InvalidInput(refused[:1])
    delimiter, rows, left_open = max(
        found, key=lambda one: (_alike(one[1]), _closes_quotes(text, one[0]))
    )
    if left_open is not None:
        message = "a quotation mark is opened here and closed nowhere"
        raise InvalidInput([Problem(where=where, line=left_open, message=message, expected="CSV")])
    return _table(rows, delimiter)


def _closes_quotes(text: str, delimiter: str) -> bool:
    """Whether every quotation mark that opens a cell is followed, where it closes, by the sign."""
    lines = io.StringIO(text, newline="")
    try:
        for _ in csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True):
            pass
    except csv.Error:
        return False
    return True


def _rows(text: str, delimiter: str, where: str) -> tuple[tuple[TableRow, ...], int | None]:
    """The rows, and the line of the one whose quotation mark is left open, if there is one."""
    lines = io.StringIO(f"{text}\n{_LAST}", newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    rows: list[TableRow] = []
    begins = 1
    try:
        for row in reader:
            cells = tuple(cell.strip() for cell in row)
            if row == [_LAST]:
                return tuple(rows), None
            if any(cells):
                rows.append(TableRow(reader.line_num, cells))
            if not row or not row[-1].endswith(_LAST):
                begins = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(
            [Problem(where=where, line=reader.line_num, message=str(error), expected="CSV")]
        ) from None
    return tuple(rows), begins


def _alike(rows: tuple[TableRow, ...]) -> int:
    """How many rows have the most frequent number of cells, of those with more than one."""
    widths = Counter(len(row.cells) for row in rows if len(row.cells) > 1)
    return max(widths.values(), default=0)


def _ungrouped(cell: str) -> str:
    """A number in plain digits, without the spaces or apostrophes between its thousands."""
    cell = cell.translate(_PLAIN)
    if (spaced := _SPACED.fullmatch(cell)) is None:
        return cell
    whole, groups, rest = spaced.groups()
    return whole + "".join(filter(str.isdecimal, groups)) + (rest or "")


def _table(rows: tuple[TableRow, ...], delimiter: str) -> TableText:
    table = _with_style(rows, delimiter)
    return table._replace(rows=_with_plain_head(table))


def _with_plain_head(table: TableText) -> tuple[TableRow, ...]:
    """The rows; a line of names that stands as a comment right above numbers is the head.

    So numpy's `savetxt` writes it: `# dose,signal`.
    """
    rows = table.rows
    place = next((at for at, row in enumerate(rows) if not row.cells[0].startswith("#")), 0) - 1
    if place < 0:
        return rows
    (line, cells), below = rows[place], rows[place + 1].cells
    names = (cells[0].lstrip("#").strip(), *cells[1:])
    is_head = (
        len(names) == len(below) > 1
        and all(names)
        and not any(_is_number(table, name) for name in names)
        and any(_is_number(table, cell) for cell in below)
    )
    return (TableRow(line, names), *rows[place + 1 :]) if is_head else rows


def _is_number(table: TableText, cell: str) -> bool:
    try:
        table.number(cell)
    except ValueError:
        return False
    return True


def _with_style(rows: tuple[TableRow, ...], delimiter: str) -> TableText:
    cells = [_ungrouped(cell.removesuffix("%").rstrip()) for row in rows for cell in row.cells]
    commas = [cell for cell in cells if _COMMA.fullmatch(cell)]
    styles = {
        mark
        for mark, other in ((",", "."), (".", ","))
        for cell in cells
        if mark in cell and other in cell and _GROUPED[mark].fullmatch(cell)
    }
    if len(styles) == 1:
        (thousands,) = styles
        return TableText(rows, delimiter, thousands == ".", thousands)
    points = [cell for cell in cells if _POINT.fullmatch(cell)]
    doubtless = any(not _THOUSANDS.fullmatch(cell) for cell in commas)
    if delimiter != "," and doubtless and points and all(map(_GROUPED["."].fullmatch, points)):
        return TableText(rows, delimiter, True, ".")  # 1.000 beside 0,5
    decimal_comma = (
        delimiter != ","
        and bool(commas)
        and not points
        and not (delimiter == "\t" and all(_THOUSANDS.fullmatch(cell) for cell in commas))
    )
    return TableText(rows, delimiter, decimal_comma)


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value: it is empty, or NA, NaN, a dash and the like."""
    return not cell or cell.casefold() in _NOT_THERE


def finite(table: TableText, cell: str) -> float | None:
    """The number in a cell; None where there is none, or it is not finite."""
    try:
        number = table.number(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
