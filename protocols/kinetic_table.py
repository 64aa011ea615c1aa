"""A plate reader's kinetic table -> a trace for each well.

Wells across and times down, as Gen5 and SoftMax Pro write them; wells down and times across, as
i-control does; or a list of wells with a time in the name of each column, as MARS does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from protocols.errors import InvalidInput, Problem
from protocols.plate_table import is_out_of_range
from protocols.table_text import TableRow, TableText, finite, is_missing, read_table
from protocols.traces import Axis, Trace
from protocols.wells import well_name

_TIME = re.compile(
    r"(?:kinetic )?time\b\s*(?:[\[(]\s*(?P<bracketed>[^\])]*?)\s*[\])]|(?P<word>\w*)).*",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?:(\d+)[.:])?(\d+):(\d{2}):(\d{2}(?:[.,]\d+)?)")
_SPAN = re.compile(r"(\d+(?:[.,]\d+)?)\s*(s|sec|min|h|hours?)\b\s*", re.IGNORECASE)
_NAMED = re.compile(rf".*?((?:{_SPAN.pattern})+)[^\w]*", re.IGNORECASE)
_UNITS = {
    "ms": "ms",
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hour"),
}
_SECONDS = {"s": 1, "min": 60, "hour": 3600}


class _Span(NamedTuple):
    number: str
    unit: str


class _Cell(NamedTuple):
    line: int
    time: str
    text: str


def read_kinetics(text: str, where: str) -> dict[str, Trace]:
    r"""The trace of each well, along time, of a kinetic table.

    Cells that are empty were not read and are left out. Times on a clock (0:01:30) are seconds, and
    so are those of columns whose names have several units (1 h 30 min).

    >>> read_kinetics("Time [s],A1\n0,0.1\n60,0.3\n", "k.csv")["A1"].x
    Axis(name='time', unit='s')

    Raises:
        InvalidInput: it is none, a time, its unit or a number cannot be read, a well comes twice,
            or the times do not rise.
    """
    table = read_table(text, where)
    unit, wells = _cells(table)
    if not wells:
        raise _refused(where, None, "no kinetics were found in it", _EXPECTED)
    if unit not in _UNITS.values():
        raise _refused(where, None, f"{unit!r} is no unit of time", "one of s, min, h, ms")
    return {well: _trace(table, where, unit, well, cells) for well, cells in wells.items()}


_EXPECTED = "a column of times and one for each well, or a row of times and one for each well"


def is_kinetic(text: str, where: str) -> bool:
    """Whether a table has kinetics of wells."""
    return bool(_cells(read_table(text, where))[1])


def _cells(table: TableText) -> tuple[str, Mapping[str, Sequence[_Cell]]]:
    """The unit of the times, and what is written for each well."""
    for place, row in enumerate(table.rows):
        unit = _unit(row.cells[0])
        wells = {at: well for at, cell in enumerate(row.cells) if (well := well_name(cell))}
        if unit is not None and wells:
            return unit, _down(table, table.rows[place + 1 :], wells)
        if unit is not None and sum(finite(table, cell) is not None for cell in row.cells) > 1:
            return unit, _across(row, table.rows[place + 1 :])
        named = {at: found for at, cell in enumerate(row.cells) if (found := _named(cell))}
        if row.cells[0].casefold() == "well" and len(named) > 1:
            units = {tuple(part.unit for part in parts) for parts in named.values()}
            if len(units) == 1 and len(only := units.pop()) == 1:
                times = {at: part.number for at, (part,) in named.items()}
                return only[0], _listed(table.rows[place + 1 :], times)
            times = {at: _on_a_clock(parts) for at, parts in named.items()}
            return "s", _listed(table.rows[place + 1 :], times)
    return "", {}


def _unit(cell: str) -> str | None:
    """The unit of a column of times, as it is written if unknown; None if it is no such column."""
    found = _TIME.fullmatch(cell)
    if found is None:
        return None
    if found["bracketed"] is None:
        return _UNITS.get(found["word"].casefold(), "s")
    clock = ":" in found["bracketed"]  # as in hh:mm:ss
    return "s" if clock else _UNITS.get(found["bracketed"].casefold(), found["bracketed"])


def _named(cell: str) -> tuple[_Span, ...]:
    """The time in a column's name; empty if there is none."""
    found = _NAMED.fullmatch(cell)
    parts = () if found is None else _SPAN.findall(found[1])
    return tuple(_Span(number, _UNITS[unit.casefold()]) for number, unit in parts)


def _on_a_clock(parts: Iterable[_Span]) -> str:
    """A time as a clock shows it, h:mm:ss."""
    seconds = sum(float(number.replace(",", ".")) * _SECONDS[unit] for number, unit in parts)
    minutes, seconds = divmod(seconds, 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02d}:{seconds:06.3f}"


def _down(
    table: TableText, rows: Sequence[TableRow], wells: Mapping[int, str]
) -> dict[str, list[_Cell]]:
    found: dict[str, list[_Cell]] = {well: [] for well in wells.values()}
    for row in rows:
        cells = [(well, row.cells[at]) for at, well in wells.items() if at < len(row.cells)]
        if not any(cell for _, cell in cells) or not row.cells[0]:
            break
        for well, cell in cells:
            found[well].append(_Cell(row.line, row.cells[0], cell))
    return found


def _across(times: TableRow, rows: Sequence[TableRow]) -> dict[str, list[_Cell]]:
    return _listed(rows, {at: cell for at, cell in enumerate(times.cells) if at and cell})


def _listed(rows: Sequence[TableRow], times: Mapping[int, str]) -> dict[str, list[_Cell]]:
    found: dict[str, list[_Cell]] = {}
    for row in rows:
        well = well_name(row.cells[0])
        if well is not None:
            cells = (
                _Cell(row.line, time, row.cells[at])
                for at, time in times.items()
                if at < len(row.cells)
            )
            found.setdefault(well, []).extend(cells)
    return found


def _trace(table: TableText, where: str, unit: str, well: str, cells: Sequence[_Cell]) -> Trace:
    points = list(_points(table, where, well, cells))
    times = [time for time, _ in points]
    line = cells[0].line if cells else None
    if len(points) < 2:
        message = f"{well}: {'a single time' if points else 'nothing'} was read"
        raise _refused(where, line, message, "two times or more")
    if any(b <= a for a, b in pairwise(times)):
        message = f"{well}: the times do not rise, or the well comes twice"
        raise _refused(where, line, message, "each time once, the earliest first")
    clocks = [
        _CLOCK.fullmatch(cell.time) is not None for cell in cells if not is_missing(cell.text)
    ]
    if all(clocks):
        unit = "s"
    elif any(clocks) and unit != "s":
        message = f"{well}: some times are on a clock, others in {unit}"
        raise _refused(where, line, message, "one way to write times")
    values = tuple(value for _, value in points)
    x = Axis(name="time", unit=unit, values=tuple(times))
    return Trace(x=x, channels=(Axis(name=well, values=values),))


def _points(
    table: TableText, where: str, well: str, cells: Sequence[_Cell]
) -> Iterator[tuple[float, float]]:
    for line, text, cell in cells:
        if is_missing(cell):
            continue
        time, number = _seconds(table, text), finite(table, cell)
        if time is None:
            raise _refused(where, line, f"{text!r} is no time", "such as 90 or 0:01:30")
        if number is None:
            out = is_out_of_range(cell)
            why = "a value that the reader could not measure" if out else "no number"
            raise _refused(where, line, f"{well}: {cell!r} is {why}", "a number, or nothing")
        yield time, number


def _seconds(table: TableText, text: str) -> float | None:
    """A time as it is written; one of a clock in seconds."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return finite(table, text)
    days, hours, minutes, seconds = (
        float((part or "0").replace(",", ".")) for part in found.groups()
    )
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _refused(where: str, line: int | None, message: str, expected: str) -> InvalidInput:
    return InvalidInput([Problem(where=where, line=line, message=message, expected=expected)])
