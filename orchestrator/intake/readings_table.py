"""A table of values that people read by hand: one row a well."""

import csv
import io
from collections.abc import Mapping

from pydantic import ValidationError

from protocols.addresses import WellPlace
from protocols.errors import InvalidInput, Problem

_COLUMNS = ("round", "plate", "well", "value")


def read_readings_table(text: str) -> Mapping[WellPlace, float]:
    """The wells and values (0..1) of a CSV with the headers round, plate, well, value.

    Raises:
        InvalidInput: with every line that cannot be used.
    """
    if "\x00" in text:
        raise InvalidInput([Problem(where="readings", message="this is no text", expected="CSV")])
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames is None or set(_COLUMNS) - set(rows.fieldnames):
        message = f"the header is {', '.join(rows.fieldnames or []) or 'empty'}"
        raise InvalidInput(
            [Problem(where="readings", line=1, message=message, expected=", ".join(_COLUMNS))]
        )
    values: dict[WellPlace, float] = {}
    problems: list[Problem] = []
    try:
        for row in rows:
            found = _place_and_value(row)
            if found is None or found[0] in values:
                shown = ",".join(str(row[name] or "") for name in _COLUMNS)[:80]
                message = (
                    f"{shown!r} cannot be used"
                    if found is None
                    else f"{shown!r} names a well twice"
                )
                expected = "a round, a plate, a well such as B2, and a value from 0 to 1"
                problems.append(
                    Problem(
                        where="readings", line=rows.line_num, message=message, expected=expected
                    )
                )
            else:
                values[found[0]] = found[1]
    except csv.Error as error:
        problems.append(
            Problem(where="readings", line=rows.line_num, message=str(error), expected="CSV")
        )
    if not values and not problems:
        problems.append(
            Problem(
                where="readings", line=2, message="there is no row", expected="a row for each well"
            )
        )
    if problems:
        raise InvalidInput(problems)
    return values


def _place_and_value(row: Mapping[str, str | None]) -> tuple[WellPlace, float] | None:
    try:
        place = WellPlace(
            round=int(row["round"] or ""),
            plate=int(row["plate"] or ""),
            well=(row["well"] or "").strip(),
        )
        value = float(row["value"] or "")
    except (ValueError, ValidationError):
        return None
    return (place, value) if 0 <= value <= 1 else None
