"""Tables in the files that people have: Excel, Parquet or text in any encoding -> text."""

import base64
import binascii
import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from protocols.errors import InvalidInput, Problem

_DATA = "data:"
_ZIP, _PARQUET, _OLD_EXCEL = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_MOST_CELLS = 5_000_000


def table_text(content: bytes, where: str) -> str:
    """The text of a table: CSV of an Excel workbook's first sheet or of a Parquet file.

    Text is UTF-8, UTF-16 with a byte-order mark, or else Windows-1252. Numbers keep all digits.

    Args:
        content: the file.
        where: what to call it in problems.

    Raises:
        InvalidInput: it is none of these, is damaged, or has formulas whose values are not stored.
    """
    if content.startswith(_ZIP):
        return _csv(_workbook_rows(content, where))
    if content.startswith(_PARQUET):
        return _csv(_parquet_rows(content, where))
    if content.startswith(_OLD_EXCEL):
        raise _refusal(where, "this is a workbook of Excel 97 (.xls)", "save it as .xlsx or CSV")
    if content.startswith(_UTF_16):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def from_data_url(text: str, where: str) -> str:
    """A table that came as a `data:` URL (RFC 2397, base64), as text; other text as it is.

    Raises:
        InvalidInput: as `table_text`, or it is no base64.
    """
    if not text.startswith(_DATA):
        return text
    try:
        return table_text(base64.b64decode(text.partition(",")[2], validate=True), where)
    except binascii.Error:
        raise _refusal(where, "the data URL is not base64", "data:;base64,...") from None


def _workbook_rows(content: bytes, where: str) -> Iterable[Sequence[str]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        values = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        formulas = load_workbook(io.BytesIO(content), read_only=True)
        sheets = zip(values.worksheets, formulas.worksheets, strict=True)
        for sheet, written in sheets:
            found = [list(row) for row in sheet.iter_rows(values_only=True)]
            if any(cell is not None for row in found for cell in row):
                _refuse_large(sum(map(len, found)), where)
                _refuse_unknown(found, list(written.iter_rows(values_only=True)), where)
                return [[_cell(cell) for cell in row] for row in found]
    except (InvalidFileException, KeyError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidInput):
            raise
        message = f"it cannot be read as a workbook: {error}"
        raise _refusal(where, message, "an .xlsx file, Parquet or CSV") from None
    return []


def _refuse_unknown(
    values: Sequence[Sequence[Any]], written: Sequence[Sequence[Any]], where: str
) -> None:
    """Refuse formulas without a stored value, which would be read as empty cells."""
    problems = [
        Problem(
            where=where,
            line=line,
            message=f"{formula} has no stored value",
            expected="a workbook that was calculated and saved by a spreadsheet, or values",
        )
        for line, (row, formulas) in enumerate(zip(values, written, strict=False), 1)
        for value, formula in zip(row, formulas, strict=False)
        if value is None and isinstance(formula, str) and formula.startswith("=")
    ]
    if problems:
        raise InvalidInput(problems)


def _parquet_rows(content: bytes, where: str) -> Iterable[Sequence[str]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        message = f"it cannot be read as Parquet: {str(error).splitlines()[0]}"
        raise _refusal(where, message, "Parquet, an .xlsx file or CSV") from None
    _refuse_large(table.num_rows * table.num_columns, where)
    columns = [column.to_pylist() for column in table.columns]
    rows = [[_cell(cell) for cell in row] for row in zip(*columns, strict=True)]
    return [table.column_names, *rows]


def _cell(value: Any) -> str:
    if value is None or value != value:  # NaN is what pandas writes for nothing
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    # One that is quoted nowhere and has one column would be split at another sign.
    return f"sep=,\n{text.getvalue()}"


def _refuse_large(cells: int, where: str) -> None:
    if cells > _MOST_CELLS:
        raise _refusal(where, f"{cells:,} cells", f"at most {_MOST_CELLS:,}")


def _refusal(where: str, message: str, expected: str) -> InvalidInput:
    return InvalidInput([Problem(where=where, message=message, expected=expected)])
