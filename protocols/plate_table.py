"""A plate reader's table: CSV -> numbers by well."""

import csv
import io
import re

from protocols.errors import InvalidInput, Problem

_WELL = re.compile(r"([A-Pa-p])0?(\d{1,2})")


def read_plate_table(text: str, where: str) -> dict[str, float]:
    """Numbers by well from a plate reader's CSV: columns well and value, or a grid A to P.

    >>> read_plate_table("well,value\\nA1,0.5\\nB02,0.25\\n", "reader.csv")
    {'A1': 0.5, 'B2': 0.25}
    >>> read_plate_table(",1,2\\nA,0.1,0.2\\nB,0.3,\\n", "reader.csv")
    {'A1': 0.1, 'A2': 0.2, 'B1': 0.3}

    Raises:
        InvalidInput: it is neither, a number cannot be read, or a well comes twice.
    """
    rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text))]
    found: dict[str, float] = {}
    problems: list[Problem] = []

    def take(line: int, well: str, value: str) -> None:
        try:
            number = float(value)
        except ValueError:
            problems.append(
                Problem(where=where, line=line, message=f"{well}: {value!r} is no number")
            )
            return
        if well in found:
            problems.append(Problem(where=where, line=line, message=f"{well} comes a second time"))
        found[well] = number

    header = [cell.lower() for cell in rows[0]] if rows else []
    if {"well", "value"} <= set(header):
        well_at, value_at = header.index("well"), header.index("value")
        for line, row in enumerate(rows[1:], 2):
            name = _WELL.fullmatch(row[well_at]) if len(row) > max(well_at, value_at) else None
            if name is not None:
                take(line, f"{name[1].upper()}{int(name[2])}", row[value_at])
            elif any(row):
                problems.append(
                    Problem(
                        where=where,
                        line=line,
                        message=f"{','.join(row)} has no well",
                        expected="such as A1,0.5",
                    )
                )
    else:
        columns: dict[int, int] = {}
        for line, row in enumerate(rows, 1):
            numbers = {
                place: int(cell) for place, cell in enumerate(row) if place and cell.isdecimal()
            }
            if (
                row
                and not row[0]
                and numbers
                and list(numbers.values()) == list(range(1, len(numbers) + 1))
            ):
                columns = numbers
            elif row and columns and re.fullmatch("[A-Pa-p]", row[0]):
                for place, column in columns.items():
                    if place < len(row) and row[place]:
                        take(line, f"{row[0].upper()}{column}", row[place])
    if not found and not problems:
        expected = (
            "the columns well and value, or a grid with 1, 2, ... above and A, B, ... at the left"
        )
        problems.append(Problem(where=where, message="no well was found in it", expected=expected))
    if problems:
        raise InvalidInput(problems)
    return found
