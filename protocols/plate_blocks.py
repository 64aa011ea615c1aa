"""The blocks of a plate reader's file: one a wavelength, read, time or plate, each with its wells.

Grids as Tecan, BMG LABTECH (MARS, SMART Control), BioTek (Gen5), Molecular Devices (SoftMax Pro)
and Revvity (EnVision, Kaleido) write them, and lists with a column of wells.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from protocols.out_of_range import is_out_of_range
from protocols.surplus_cells import has_surplus, has_surplus_in_grid
from protocols.table_text import TableRow, TableText, finite, is_missing
from protocols.wells import name_of, plate_well, row_letters, well_row_column

_TEMPERATURE = re.compile(r"temp.*", re.IGNORECASE)
_BESIDE = re.compile(  # columns of a list that are no reading
    r"(well|plate|row|col|content|sample|name|group|id|conc|dil|time|temp|index|#|no\.?"
    r"|wavelength|colou?r|standard|std\.?)\b.*",
    re.IGNORECASE,
)
_END = "~end"
_COLUMNS, _ROWS = 48, 32  # of the plate with most wells
_MOST_OF_ONE_CASE = 24  # columns of a plate whose rows are A to P, in capitals or not
_LOOK = 3  # rows below a header in which a well comes first
_PLATES = {8: 12, 16: 24, 32: 48}
_WELL = (
    "well", "wells", "well id", "well name", "well position", "well positions", "plate position",
    "position", "pos", "pos.", "kavität", "puits", "pozo", "ウェル", "ウエル", "웰", "孔", "孔位",
)  # fmt: skip
_VALUE = ("value", "wert", "valeur", "valor", "値", "測定値", "값", "측정값", "值")
_SUMMARY = re.compile(
    r"(mean|average|avg|median|min|max|sum|total|sd|std|s\.d\.|sem|cv|n)\b.*|平均.*|합계|평균",
    re.IGNORECASE,
)
"""Heads of columns behind a grid that sum its rows up."""

Columns = dict[int, int]
"""Cell of a row -> column of the plate."""


class Cell(NamedTuple):
    """What is written for a well, and on which line."""

    line: int
    well: str
    text: str


@dataclass
class Block:
    """One reading of a plate: its name, as far as the file has one, and its cells in order."""

    name: str = ""
    cells: list[Cell] = field(default_factory=list)
    stray: list[TableRow] = field(default_factory=list)
    """Rows of a list without a well."""
    wide: list[TableRow] = field(default_factory=list)
    """Rows with numbers that have no heading."""
    is_coordinate: bool = False
    """Whether the name is a place along an axis: a time, or a wavelength of a spectrum."""


def blocks_of(table: TableText) -> list[Block]:
    """Every block of a file, in its order; none where it has neither a grid nor a list.

    What has no reading, such as the layout of the samples, is none beside one that has.
    """
    blocks = list(_sections(table))
    if not any(block.cells for block in blocks):
        blocks = [*blocks, *_across(table, table.rows)]
    if not any(block.cells for block in blocks):
        blocks = [*blocks, *_bare(table)]
    blocks = [block for block in blocks if block.cells or block.stray]
    read = [
        block
        for block in blocks
        if block.stray or any(_is_read(table, c.text) for c in block.cells)
    ]
    return read or blocks


def _is_read(table: TableText, cell: str) -> bool:
    return finite(table, cell) is not None or is_out_of_range(cell)


def _sections(table: TableText) -> Iterator[Block]:
    """Grids, lists and wells across, each up to where the next one begins."""
    rows = table.rows
    heads = list(_heads(table))
    for place, end in zip(heads, [*heads[1:], len(rows)], strict=False):
        own = rows[place:end]
        over = next((at for at, row in enumerate(own) if row.cells[0].casefold() == _END), end)
        title = title_of(rows[place - 1].cells) if place else ""
        if title.casefold() == _END or _is_of_grid(table, rows[place - 1]):
            title = ""
        if _is_list(rows, place):
            yield from _list_blocks(table, own[:over])
        elif runs := _runs(rows[place].cells):
            yield from _grids(table, own[:over], runs, title)
        else:
            yield from _across(table, own[:over], title)


def _is_of_grid(table: TableText, row: TableRow) -> bool:
    """Whether a row is the last of a grid, and no title of the next one."""
    first, *others = row.cells
    lettered = row_letters(first) is not None
    numbers = any(finite(table, cell) is not None for cell in others)
    return finite(table, first) is not None or (lettered and numbers)


def _heads(table: TableText) -> Iterator[int]:
    """Where grids, lists and rows of wells begin; the row of a list is the head of nothing."""
    listed: tuple[int, ...] = ()
    begun = False
    for place, row in enumerate(table.rows):
        if listed and plate_well(_well_text(row, listed)):
            begun = True
            continue
        if begun:  # the list is over
            listed, begun = (), False
        is_list = _is_list(table.rows, place)
        if is_list or _runs(row.cells) or _is_across(table, place):
            listed = _well_columns(table.rows, place) if is_list else ()
            yield place


def _well_columns(rows: Sequence[TableRow], place: int) -> tuple[int, ...]:
    """Where a list has the well, below its header: one column, or a row and a column.

    () for none. A column `Well` may number the wells (1 to 96), beside `Well Position`.
    """
    names = [cell.casefold().replace("_", " ") for cell in rows[place].cells]
    if len([name for name in names if name]) < 2:
        return ()
    pairs = (("well row", "well col"), ("row", "column"), ("row", "col"))
    known = (*((name,) for name in _WELL), *pairs)
    for columns in (tuple(map(names.index, one)) for one in known if {*one} <= {*names}):
        below = (_well_text(row, columns) for row in rows[place + 1 : place + 1 + _LOOK])
        if any(map(plate_well, below)):
            return columns
    return ()


def _well_text(row: TableRow, columns: Sequence[int]) -> str:
    cells = [row.cells[index] for index in columns if index < len(row.cells)]
    if len(cells) == 2 and all(map(str.isdecimal, cells)) and min(map(int, cells)) > 0:
        return name_of(int(cells[0]) - 1, int(cells[1]) - 1)  # rows by number, as Harmony writes
    return "".join(cells)


def _is_list(rows: Sequence[TableRow], place: int) -> bool:
    """Whether a row is the header of a list: it names a column, and wells stand below."""
    if row_letters(rows[place].cells[0]):  # a row of a layout may end with `Well ID`
        return False
    return bool(_well_columns(rows, place))


def _list_blocks(table: TableText, section: Sequence[TableRow]) -> list[Block]:
    names = section[0].cells
    where = _well_columns(section, 0)
    value = [index for index, name in enumerate(names) if name.casefold() in _VALUE]
    columns = value[:1] or [
        index
        for index, name in enumerate(names)
        if name and index not in where and not _BESIDE.fullmatch(name)
    ]
    rows = section[1:]
    if not value:
        columns = [
            i
            for i in columns
            if any(finite(table, r.cells[i]) is not None for r in rows if i < len(r.cells))
        ]
    blocks = [Block(names[index]) for index in columns]
    texts = [_well_text(row, where) for row in rows]
    behind_z = _lower_case_is_behind_z(texts)
    left: list[TableRow] = []
    begun = False
    for row, text in zip(rows, texts, strict=True):
        well = plate_well(f"A{text}" if behind_z and text[:1].islower() else text)
        found = [row.cells[index] if index < len(row.cells) else "" for index in columns]
        if row.cells[0].startswith("#") and not any(row.cells[1:]):
            continue  # a remark
        if well is None and (left or not any(_is_read(table, cell) for cell in found)):
            # Above the first well it is a second heading, and behind the last one a remark.
            left += [row] if begun else []
            continue
        begun = begun or well is not None
        for block, cell in zip(blocks, found, strict=True):
            if has_surplus(table, row, len(names)):
                block.wide.append(row)
            if well is None:
                block.stray.append(row)
            else:
                block.stray += left
                block.cells.append(Cell(row.line, well, cell))
        left = [] if well else left
    return blocks


def _lower_case_is_behind_z(wells: Sequence[str]) -> bool:
    """Whether a list of wells of a 1536-well plate has rows A to Z and a to f, as BMG writes."""
    places = [well_row_column(name) for text in wells if (name := plate_well(text))]
    wide = any(column >= _MOST_OF_ONE_CASE for _, column in places)
    single = all(row < 26 for row, _ in places)
    cases = {text[:1].islower() for text in wells if plate_well(text)}
    return wide and single and cases == {True, False}


def _grids(
    table: TableText, rows: Sequence[TableRow], runs: Sequence[Columns], title: str
) -> Iterator[Block]:
    """The blocks of a grid, below the row that numbers its columns."""
    blocks: dict[tuple[str, int], Block] = {}
    head, places = rows[0], [place for columns in runs for place in columns]
    lettered = min(places) == 1 or not _TEMPERATURE.fullmatch(head.cells[1])
    wide = max(column for columns in runs for column in columns.values()) > _MOST_OF_ONE_CASE
    summed = max(places) + 1 < len(head.cells) and bool(head.cells[max(places) + 1])
    letter, start, label, capitals = "", head.line, "", False
    for row in rows[1:]:
        first = row.cells[0]
        filled = any(row.cells[place] for place in places if place < len(row.cells))
        if lettered and row_letters(first) is not None:
            # BMG's rows of 1536 wells are A to Z and a to f.
            behind_z = capitals and wide and first.islower() and len(first) == 1
            letter = row_letters(f"A{first}" if behind_z else first) or ""
            capitals = capitals or first.isupper()
        elif not lettered and filled:
            if first:  # the time or the wavelength of the next read of all rows
                start, label = row.line - 1, first
            if row.line - start > _ROWS:
                continue
            letter = name_of(row.line - start - 1, 0)[:-1]
        elif first or not letter or not _labelled(row, places):
            letter = ""
            continue
        if lettered:
            label = "" if summed else _labelled(row, places)
        for number, columns in enumerate(runs):
            name = label or title
            named = f"{name} {number + 1}".strip() if len(runs) > 1 else name
            new = Block(named, is_coordinate=bool(label) and not lettered)
            block = blocks.setdefault((label, number), new)
            if has_surplus_in_grid(table, row, max(len(head.cells), max(places) + 1)):
                block.wide.append(row)
            for place, column in columns.items():
                cell = row.cells[place] if place < len(row.cells) else ""
                block.cells.append(Cell(row.line, f"{letter}{column}", cell))
    yield from blocks.values()


def _named(row: TableRow) -> dict[int, str]:
    return {place: well for place, cell in enumerate(row.cells) if (well := plate_well(cell))}


def _is_across(table: TableText, place: int) -> bool:
    """Whether a row names wells, whose numbers stand below."""
    row = table.rows[place]
    wells = _named(row)
    below = table.rows[place + 1].cells if place + 1 < len(table.rows) else ()
    return (
        len(wells) > 1
        and len(set(wells.values())) == len(wells)
        and any(at < len(below) and finite(table, below[at]) is not None for at in wells)
    )


def _across(table: TableText, rows: Sequence[TableRow], title: str = "") -> Iterator[Block]:
    """Reads as rows below a row of wells, as SoftMax Pro writes them in its column format.

    Those of several times or wavelengths, which have a column, are called by these.
    """
    wells: dict[int, str] = {}
    by_first, width = False, 0
    for row in rows:
        named = _named(row)
        if len(named) > 1:
            wells, by_first, width = named, bool(row.cells[0]), len(row.cells)
            continue
        cells = [(well, row.cells[at]) for at, well in wells.items() if at < len(row.cells)]
        if any(finite(table, cell) is not None for _, cell in cells):
            first = next((cell for cell in row.cells[: min(wells)] if cell), "")
            name = first if by_first else title or first
            found = [Cell(row.line, well, cell) for well, cell in cells]
            wide = [row] if has_surplus(table, row, width) else []
            yield Block(name, found, wide=wide, is_coordinate=bool(first) and name == first)
        elif row.cells[0].casefold() == _END:
            wells, title = {}, ""
        elif not cells:
            title = title_of(row.cells)


def title_of(cells: Sequence[str]) -> str:
    """What a line above a grid calls it: its first words, or a plate's name behind `Plate:`."""
    found = [cell for cell in cells if cell]
    return (found[1] if found[0].casefold() == "plate:" and len(found) > 1 else found[0])[:60]


def _labelled(row: TableRow, places: Sequence[int]) -> str:
    """The name of the read behind a grid's row, as Gen5 writes it; empty for none."""
    behind = max(places) + 1
    return row.cells[behind] if behind < len(row.cells) else ""


def _bare(table: TableText) -> Iterator[Block]:
    """Plates of numbers alone, 8 x 12, 16 x 24 or 32 x 48, as EnVision writes them."""
    below: list[TableRow] = []
    for row in (*table.rows, TableRow(0, ())):
        cells = row.cells[:-1] if row.cells and not row.cells[-1] else row.cells
        alike = bool(below) and row.line == below[-1].line + 1 and len(cells) == len(below[0].cells)
        if not alike:
            if below and len(below[0].cells) == _PLATES.get(len(below)):
                yield Block(
                    "",
                    [
                        Cell(one.line, name_of(number, column), cell)
                        for number, one in enumerate(below)
                        for column, cell in enumerate(one.cells)
                    ],
                )
            below = []
        if cells and all(_is_read(table, cell) or is_missing(cell) for cell in cells):
            below.append(row._replace(cells=cells))
        else:
            below = []


def _runs(row: Sequence[str]) -> list[Columns]:
    """Cell -> column of the plate, of a row that numbers the columns 1, 2, ...; otherwise empty.

    Where a part of the plate was read, two or more may begin at another one. The first cell is the
    grid's corner, which may hold anything that is no number; a column of temperatures may follow.
    Behind a gap the columns may be numbered once more for another read, or a remark may stand.
    """
    if len(row) < 2 or plate_well(row[0]) or row_letters(row[0]) or row[0].isdecimal():
        return []
    runs: list[Columns] = [{}]
    for place, cell in enumerate(row[1:], 1):
        if cell.isdecimal():
            runs[-1][place] = int(cell)
        elif cell and not runs[-1] and not (len(runs) == 1 and _TEMPERATURE.fullmatch(cell)):
            if len(runs) == 1:
                return []
            break  # a remark behind the columns
        elif cell and runs[-1]:
            if _SUMMARY.fullmatch(cell):
                break
            return []
        elif not cell and runs[-1]:
            runs.append({})
    found = [run for run in runs if run]
    return found if found and all(_is_run(list(run.values())) for run in found) else []


def _is_run(numbers: Sequence[int]) -> bool:
    first, last = numbers[0], numbers[-1]
    whole = list(numbers) == list(range(first, last + 1))
    return whole and (first == 1 or (len(numbers) > 1 and last <= _COLUMNS))
