"""Tables in the files that people have: Excel, Parquet or text in any encoding -> text."""

import base64
import binascii
import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from protocols.text_encodings import text_of
from protocols.workbooks import SAVED_AS, cell_text, refusal, refuse_large, workbook_rows

_DATA = "data:"
_ZIP, _PARQUET = b"PK\x03\x04", b"PAR1"
_OTHER = {
    b"\xd0\xcf\x11\xe0": "this is a workbook of Excel 97 (.xls), or one with a password",
    b"%PDF": "this is a PDF",
    b"\x1f\x8b": "this is compressed (gzip)",
}
_MARKUP = re.compile(r"\s*<(\?xml|!doctype|html|table|workbook|office:)", re.IGNORECASE)
"""How a page or XML begins that instruments call .xls."""


def table_text(content: bytes, where: str) -> str:
    """The text of a table: CSV of an Excel workbook's first visible sheet, or of a Parquet file.

    Text is as `text_of` reads it. Numbers keep all digits, and lines are rows.

    Args:
        content: the file.
        where: what to call it in problems.

    Raises:
        InvalidInput: it is none of these, is damaged, has formulas whose values are not stored, or
            several sheets with the same headings.
    """
    if content.startswith(_ZIP):
        return _csv(workbook_rows(content, where))
    if content.startswith(_PARQUET):
        return _csv(_parquet_rows(content, where))
    for signature, message in _OTHER.items():
        if content.startswith(signature):
            raise refusal(where, message, SAVED_AS)
    text = text_of(content)
    if _MARKUP.match(text):
        raise refusal(where, "this is a web page or XML, whatever it is called", SAVED_AS)
    return text


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
        raise refusal(where, "the data URL is not base64", "data:;base64,...") from None


def _parquet_rows(content: bytes, where: str) -> Iterable[Sequence[str]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        message = f"it cannot be read as Parquet: {str(error).splitlines()[0]}"
        raise refusal(where, message, "Parquet, an .xlsx file or CSV") from None
    refuse_large(table.num_rows * table.num_columns, where)
    columns = [_cells(column) for column in table.columns]
    return [table.column_names, *zip(*columns, strict=True)]


def _cells(column: Any) -> list[str]:
    values = column.to_pylist()
    if str(column.type) in ("float", "halffloat"):
        # The digits that a number of so many bits has, and no others: 0.1, not 0.10000000149.
        kind = np.float32 if str(column.type) == "float" else np.float16
        values = [None if value is None else float(str(kind(value))) for value in values]
    return [cell_text(value) for value in values]


def _csv(rows: Iterable[Sequence[str]]) -> str:
    # Each row is a line, and quotes leave no doubt of what separates cells.
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([" ".join(cell.split()) for cell in row] for row in rows)
    return text.getvalue()
