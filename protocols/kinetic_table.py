"""A plate reader's kinetic table -> a trace for each well.

Wells across and times down, as Gen5 and SoftMax Pro write them; wells down and times across, as
i-control does; or a list of wells with a time in the name of each column, as MARS does.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from protocols.errors import InvalidInput, Problem
from protocols.out_of_range import is_out_of_range
from protocols.plate_blocks import title_of
from protocols.surplus_cells import has_surplus, surplus_problem
from protocols.table_text import TableRow, TableText, finite, is_missing, read_table
from protocols.traces import Axis, Trace
from protocols.wanted_read import NOT_SAID, WantedRead, chosen
from protocols.wells import plate_well

_TIME = re.compile(
    r"(?:kinetic )?time\b\s*(?:[\[(]\s*(?P<bracketed>[^\])]*?)\s*[\])]|(?P<word>\w*)).*",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?:(?:(\d+)[.:])?(\d+):(\d{2}):(\d{2}(?:[.,]\d+)?)|(\d+):(\d{2}[.,]\d+))")
_SPAN = re.compile(r"(\d+(?:[.,]\d+)?)\s*(s|sec|min|h|hours?)\b\s*", re.IGNORECASE)
_NAMED = re.compile(rf"(.*?)((?:{_SPAN.pattern})+)[^\w]*", re.IGNORECASE)
_CYCLES = re.compile(r"(kinetic )?cycle\b", re.IGNORECASE)
_OF_READ = re.compile(r"T\xb0\s+")
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


class _Named(NamedTuple):
    title: str
    parts: tuple[_Span, ...]


class _Cell(NamedTuple):
    line: int
    time: str
    text: str


class _Read(NamedTuple):
    """One kinetic table of a file: what stands above it, its unit, and its cells by well."""

    title: str
    unit: str
    wells: Mapping[str, Sequence[_Cell]]
    wide: Sequence[TableRow] = ()
    """Rows with numbers that have no heading."""


def read_kinetics(
    text: str, where: str, wanted: WantedRead = NOT_SAID, well: str = ""
) -> dict[str, Trace]:
    r"""The trace of each well, along time, of a kinetic table.

    Cells that are empty were not read and are left out. Times on a clock (0:01:30) are seconds, and
    so are those of columns whose names have several units (1 h 30 min). Tables of different wells
    are parts of one read; where a file has several reads of a well, `wanted` says which. Where it
    has `well`, that alone is read, whatever is in the others.

    >>> read_kinetics("Time [s],A1\n0,0.1\n60,0.3\n", "k.csv")["A1"].x
    Axis(name='time', unit='s')

    Raises:
        InvalidInput: it is none, has several reads of a well and which is meant is open, a time,
            its unit or a number cannot be read, a well comes twice, or the times do not rise.
    """
    table = read_table(text, where)
    tables = [read for read in _reads(table) if read.wells]
    if wide := [row for read in tables for row in read.wide]:
        raise InvalidInput([surplus_problem(where, row.line) for row in wide])
    if not tables:
        raise _refused(where, None, "no kinetics were found in it", _EXPECTED)
    reads = _joined(tables)
    names = [read[0].title for read in reads]
    found: dict[str, Trace] = {}
    read_of = reads[chosen(wanted, names, where, "kinetic reads")]
    alone = any(well in read.wells for read in read_of)
    for read in read_of:
        if read.unit not in _UNITS.values():
            raise _refused(where, None, f"{read.unit!r} is no unit of time", "one of s, min, h, ms")
        found |= {
            name: _trace(table, where, read.unit, name, cells)
            for name, cells in read.wells.items()
            if not alone or name == well
        }
    return found


def _joined(tables: Sequence[_Read]) -> list[list[_Read]]:
    """The tables of each read: all are parts of one if no well comes twice, or those of a title."""
    by_title: dict[str, list[_Read]] = {}
    for read in tables:
        by_title.setdefault(read.title.casefold(), []).append(read)
    if _are_parts(tables):
        return [list(tables)]
    if all(map(_are_parts, by_title.values())):
        return list(by_title.values())
    return [[read] for read in tables]


def _are_parts(tables: Sequence[_Read]) -> bool:
    wells = [well for read in tables for well in read.wells]
    return len(set(wells)) == len(wells)


_EXPECTED = "a column of times and one for each well, or a row of times and one for each well"


def is_kinetic(text: str, where: str) -> bool:
    """Whether a table has kinetics of wells."""
    return any(read.wells for read in _reads(read_table(text, where)))


def _reads(table: TableText) -> Iterator[_Read]:
    """Every kinetic table of a file."""
    rows = list(_with_times_first(table))
    heads = [place for place, row in enumerate(rows) if _is_head(table, row)]
    for place, end in zip(heads, [*heads[1:], len(rows)], strict=False):
        row, below = rows[place], rows[place + 1 : end]
        title = _title(table, rows[:place]) or _title_within(row)
        wide = [
            one
            for one in below
            if plate_well(one.cells[0]) or _seconds(table, one.cells[0]) is not None
        ]
        wide = [one for one in wide if has_surplus(table, one, len(row.cells))]
        unit = _unit(row.cells[0])
        if unit is None:
            yield from _by_name(below, _times(row))
        elif runs := _wells(row):
            for number, wells in enumerate(runs, 1):
                named = f"{title} {number}".strip() if len(runs) > 1 else title
                yield _Read(named, unit, _down(table, below, wells), wide)
        else:
            yield _Read(title, unit, _across(row, below), wide)


def _with_times_first(table: TableText) -> Iterator[TableRow]:
    """The rows, without a column that numbers the cycles before that of the times (i-control)."""
    shifted = False
    for row in table.rows:
        first, *others = row.cells
        if _CYCLES.match(first):
            shifted = bool(others) and _unit(others[0]) is not None and bool(_wells(row))
        else:
            shifted = shifted and finite(table, first) is not None
        yield row._replace(cells=tuple(others)) if shifted else row


def _title(table: TableText, above: Sequence[TableRow]) -> str:
    """What stands above a table, over the numbers of its cycles; empty for another table's row."""
    for row in reversed(above):
        if _CYCLES.match(row.cells[0]):
            continue
        first = next(cell for cell in row.cells if cell)
        of_another = _seconds(table, first) is not None or plate_well(first) is not None
        numbers = sum(finite(table, cell) is not None for cell in row.cells)
        return "" if of_another and numbers > 1 else title_of(row.cells)
    return ""


def _title_within(head: TableRow) -> str:
    """What a column of temperatures says was read, as Gen5 writes it (`T\xb0 OD600:600`)."""
    found = next((cell for cell in head.cells[1:2] if _OF_READ.match(cell)), "")
    return _OF_READ.sub("", found, count=1)


def _is_head(table: TableText, row: TableRow) -> bool:
    if _unit(row.cells[0]) is not None:
        across = sum(finite(table, cell) is not None for cell in row.cells) > 1
        return across or bool(_wells(row))
    return row.cells[0].casefold() == "well" and len(_times(row)) > 1


def _wells(row: TableRow) -> list[dict[int, str]]:
    """Cell -> well; one for each time that the wells come again, for another read beside."""
    runs: list[dict[int, str]] = []
    for at, cell in enumerate(row.cells):
        if (well := plate_well(cell)) is None:
            continue
        if not runs or well in runs[-1].values():
            runs.append({})
        runs[-1][at] = well
    return runs


def _times(row: TableRow) -> dict[int, _Named]:
    return {at: found for at, cell in enumerate(row.cells) if (found := _named(cell)).parts}


def _by_name(rows: Sequence[TableRow], heads: Mapping[int, _Named]) -> Iterator[_Read]:
    """Reads whose times stand in the names of columns, beside what was read."""
    titles = Counter(head.title for head in heads.values())
    if min(titles.values(), default=0) == 1:  # they count the times (`Cycle 2 (60 s)`)
        heads = {at: head._replace(title="") for at, head in heads.items()}
    for title in dict.fromkeys(head.title for head in heads.values()):
        own = {at: head.parts for at, head in heads.items() if head.title == title}
        units = {tuple(part.unit for part in parts) for parts in own.values()}
        if len(units) == 1 and len(only := units.pop()) == 1:
            times = {at: part.number for at, (part,) in own.items()}
            yield _Read(title, only[0], _listed(rows, times))
        else:
            times = {at: _on_a_clock(parts) for at, parts in own.items()}
            yield _Read(title, "s", _listed(rows, times))


def _unit(cell: str) -> str | None:
    """The unit of a column of times, as it is written if unknown; None if it is no such column."""
    found = _TIME.fullmatch(cell)
    if found is None:
        return None
    if found["bracketed"] is None:
        return _UNITS.get(found["word"].casefold(), "s")
    clock = ":" in found["bracketed"]  # as in hh:mm:ss
    return "s" if clock else _UNITS.get(found["bracketed"].casefold(), found["bracketed"])


def _named(cell: str) -> _Named:
    """What a column's name says was read, and its time; no parts if there is none."""
    found = _NAMED.fullmatch(cell)
    if found is None:
        return _Named("", ())
    parts = _SPAN.findall(found[2])
    title = found[1].strip(" -([,:")
    return _Named(title, tuple(_Span(n, _UNITS[unit.casefold()]) for n, unit in parts))


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
        well = plate_well(row.cells[0])
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
    days, hours, minutes, seconds, alone, rest = (
        float((part or "0").replace(",", ".")) for part in found.groups()
    )
    return ((days * 24 + hours) * 60 + minutes + alone) * 60 + seconds + rest


def _refused(where: str, line: int | None, message: str, expected: str) -> InvalidInput:
    return InvalidInput([Problem(where=where, line=line, message=message, expected=expected)])
