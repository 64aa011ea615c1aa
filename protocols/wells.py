"""Names of wells, in every form that people and instruments write: A1, A01, a1, A 1, 1A, AF48."""

import re
from typing import Annotated
from unicodedata import normalize

from pydantic import AfterValidator, StringConstraints

_LETTERS, _DIGITS = "[A-Za-z]{1,2}", "0*[1-9][0-9]{0,2}"
WELL_TEXT = rf"(?:{_LETTERS}[ :_-]*{_DIGITS}|{_DIGITS}[ :_-]*{_LETTERS})"
"""The forms in which a well may be named."""

_ROW_FIRST = re.compile(r"([A-Z]{1,2})[\s:_-]*0*([1-9]\d{0,2})")
_COLUMN_FIRST = re.compile(r"0*([1-9]\d{0,2})[\s:_-]*([A-Z]{1,2})")
_ROW = re.compile(r"[A-Z]|A[A-F]")


def well_name(text: str) -> str | None:
    """The name of the well that a text means, as it is written here; None if it means none.

    >>> [well_name(text) for text in ("A1", "a01", "A 1", "1A", "AF48", "A0", "7")]
    ['A1', 'A1', 'A1', 'A1', 'AF48', None, None]
    """
    plain = normalize("NFKC", text).strip().upper()
    if found := _ROW_FIRST.fullmatch(plain):
        return found[1] + found[2]
    if found := _COLUMN_FIRST.fullmatch(plain):
        return found[2] + found[1]
    return None


def row_letters(text: str) -> str | None:
    """The letters of a row (A to Z, AA to AF) that a text means; None if it means none."""
    plain = normalize("NFKC", text).strip().upper()
    return plain if _ROW.fullmatch(plain) else None


def plate_well(text: str) -> str | None:
    """The name of the well of a plate of at most 32 rows and 48 columns that a text means.

    >>> [plate_well(text) for text in ("a01", "AF48", "A280", "485nm")]
    ['A1', 'AF48', None, None]
    """
    name = well_name(text)
    if name is None:
        return None
    row, column = well_row_column(name)
    return name if row < 32 and column < 48 else None


def name_of(row: int, column: int) -> str:
    """The name of the well in a row and column, both from 0; behind row Z comes AA."""
    first, second = divmod(row, 26)
    return (chr(64 + first) if first else "") + chr(65 + second) + str(column + 1)


def well_row_column(name: str) -> tuple[int, int]:
    """Row and column of a well's name, both from 0."""
    letters = name.rstrip("0123456789")
    row = 0
    for letter in letters:
        row = 26 * row + ord(letter) - 64
    return row - 1, int(name[len(letters) :]) - 1


def corners_of(text: str) -> tuple[int, int, int, int] | None:
    """Top, left, bottom and right of a rectangle such as A1:B12, from 0; None if it is none."""
    names = [well_name(part) for part in text.split(":")]
    known = [well_row_column(name) for name in names if name is not None]
    if len(names) != 2 or len(known) != 2:
        return None
    (top, left), (bottom, right) = known
    return (top, left, bottom, right) if top <= bottom and left <= right else None


WellName = Annotated[
    str,
    StringConstraints(pattern=rf"^{WELL_TEXT}$", max_length=20),
    AfterValidator(lambda text: well_name(text) or text),
]
"""A well's name, which may be given in any of the forms and is then as it is written here."""
