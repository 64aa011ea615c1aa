"""Excel workbooks: the cells of the sheet that has the table, as text."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from protocols.errors import InvalidInput, Problem

_MOST_CELLS = 5_000_000
_MOST_WITH_MERGED = 10_000_000
"""Bytes of the sheets of a workbook whose merged cells are looked for."""

_OTHER = {
    "content.xml": "this is an OpenDocument spreadsheet (.ods)",
    "xl/workbook.bin": "this is a binary workbook (.xlsb)",
    "Index/Document.iwa": "this is a spreadsheet of Numbers",
}
SAVED_AS = "an .xlsx file or CSV: open it in its program and save it as one of these"

Rows = list[list[str]]


def workbook_rows(content: bytes, where: str) -> Rows:
    """The rows of the first visible sheet that has any; row 1 of the sheet is the first.

    What a merged cell holds is in each row that it covers. A cell that shows a percentage is one
    (`40%`).

    Raises:
        InvalidInput: it is no workbook, has formulas without stored values, or further visible
            sheets with the same headings.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        _refuse_other(content, where)
        values = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        formulas = load_workbook(io.BytesIO(content), read_only=True)
        found: list[tuple[str, Rows]] = []
        for sheet, written in zip(values.worksheets, formulas.worksheets, strict=True):
            if sheet.sheet_state != "visible":
                continue
            rows = _rows(sheet, where)
            if not any(map(any, rows)):
                continue
            if not found:
                _refuse_unknown(rows, written.iter_rows(values_only=True), where)
                _fill_merged(rows, content, sheet.title)
            found.append((sheet.title, rows))
    except (InvalidFileException, KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidInput):
            raise
        message = f"it cannot be read as a workbook: {error}"
        raise refusal(where, message, "an .xlsx file, Parquet or CSV") from None
    if not found:
        return []
    headings = _headings(found[0][1])
    alike = [title for title, rows in found if headings and _headings(rows) == headings]
    if len(alike) > 1:
        listed = ", ".join(repr(title) for title in alike)
        raise refusal(
            where,
            f"the sheets {listed} have the same headings",
            "one of them: hide or delete the others, or save it as CSV",
        )
    return found[0][1]


def _refuse_other(content: bytes, where: str) -> None:
    """Refuse what other programs keep in an archive, and an archive of files."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
    for name, message in _OTHER.items():
        if name in names:
            raise refusal(where, message, SAVED_AS)
    if "[Content_Types].xml" not in names:
        listed = ", ".join(sorted(names)[:3])
        raise refusal(where, f"this is an archive of files ({listed})", "the table that is in it")


def _rows(sheet: Any, where: str) -> Rows:
    rows = []
    cells = 0
    for row in sheet.iter_rows():
        cells += len(row)
        refuse_large(cells, where)
        rows.append(
            [
                "" if cell.value is None else cell_text(cell.value, str(cell.number_format))
                for cell in row
            ]
        )
    width = max(map(len, rows), default=0)
    return [row + [""] * (width - len(row)) for row in rows]


def _headings(rows: Rows) -> list[str]:
    return next((row for row in rows if sum(map(bool, row)) > 1), [])


def _fill_merged(rows: Rows, content: bytes, title: str) -> None:
    """Repeat what a merged cell of one column holds in each row that it covers."""
    from openpyxl import load_workbook

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [one for one in archive.infolist() if one.filename.startswith("xl/worksheets/")]
        if sum(one.file_size for one in sheets) > _MOST_WITH_MERGED:
            return
        if not any(b"<mergeCell " in archive.read(one) for one in sheets):
            return
    try:
        merged = load_workbook(io.BytesIO(content))[title].merged_cells.ranges
    except Exception:  # what it has beside cells, and nobody asked for, may be beyond openpyxl
        return
    for one in merged:
        if one.min_col == one.max_col:
            for row in rows[one.min_row : one.max_row]:
                row[one.min_col - 1] = rows[one.min_row - 1][one.min_col - 1]


def _refuse_unknown(rows: Rows, written: Iterator[Sequence[Any]], where: str) -> None:
    """Refuse formulas without a stored value, which would be read as empty cells."""
    problems = [
        Problem(
            where=where,
            line=line,
            message=f"{formula} has no stored value",
            expected="a workbook that was calculated and saved by a spreadsheet, or values",
        )
        for line, (row, formulas) in enumerate(zip(rows, written, strict=False), 1)
        for cell, formula in zip(row, formulas, strict=False)
        if not cell and isinstance(formula, str) and formula.startswith("=")
    ]
    if problems:
        raise InvalidInput(problems)


def cell_text(value: Any, number_format: str = "") -> str:
    """What a cell holds, as text; all digits of a number."""
    if value is None or value != value:  # NaN is what pandas writes for nothing
        return ""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(value.total_seconds(), 60)
        return f"{int(minutes) // 60}:{int(minutes) % 60:02d}:{seconds:06.3f}"
    if "%" in number_format and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{(Decimal(repr(value)) * 100).normalize():f}%"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def refuse_large(cells: int, where: str) -> None:
    """Refuse a table with more than five million cells."""
    if cells > _MOST_CELLS:
        raise refusal(where, f"{cells:,} cells", f"at most {_MOST_CELLS:,}")


def refusal(where: str, message: str, expected: str) -> InvalidInput:
    """The refusal of a whole file."""
    return InvalidInput([Problem(where=where, message=message, expected=expected)])
