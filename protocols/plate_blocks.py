"""The blocks of a plate reader's file: one a wavelength, read or plate, each with cells by well.

Grids as Tecan, BMG LABTECH (MARS), BioTek (Gen5) and Molecular Devices (SoftMax Pro) write them,
and lists with a column of wells.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from protocols.table_text import TableRow, TableText, finite
from protocols.wells import name_of, row_letters, well_name

_TEMPERATURE = re.compile(r"temp.*", re.IGNORECASE)
_BESIDE = re.compile(  # columns of a list that are no reading
    r"(well|plate|row|col|content|sample|name|group|id|conc|dil|time|temp|index|#|no\.?)\b.*",
    re.IGNORECASE,
)
_END = "~end"
_COLUMNS = 48  # of the plate with most wells


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


def blocks_of(table: TableText) -> list[Block]:
    """Every block of a file, in its order; none where it has neither a grid nor a list."""
    found = next((place for place, row in enumerate(table.rows) if _well_columns(row.cells)), None)
    blocks = list(_grids(table.rows)) if found is None else _list_blocks(table, found)
    if not any(block.cells for block in blocks):
        blocks = [*blocks, *_across(table)]
    return [block for block in blocks if block.cells or block.stray]


def _well_columns(cells: Sequence[str]) -> tuple[int, ...]:
    """Where the header of a list has the well: one column, or a row and a column; () for none."""
    names = [cell.casefold() for cell in cells]
    for name in ("well", "well id", "wells", "well position", "position", "pos"):
        if name in names and len([n for n in names if n]) > 1:
            return (names.index(name),)
    if "well row" in names and "well col" in names:
        return names.index("well row"), names.index("well col")
    return ()


def _list_blocks(table: TableText, header: int) -> list[Block]:
    names = table.rows[header].cells
    where = _well_columns(names)
    value = [index for index, name in enumerate(names) if name.casefold() == "value"]
    columns = value[:1] or [
        index
        for index, name in enumerate(names)
        if name and index not in where and not _BESIDE.fullmatch(name)
    ]
    rows = table.rows[header + 1 :]
    if not value:
        columns = [
            i
            for i in columns
            if any(finite(table, r.cells[i]) is not None for r in rows if i < len(r.cells))
        ]
    blocks = [Block(names[index]) for index in columns]
    for row in rows:
        text = "".join(row.cells[index] for index in where if index < len(row.cells))
        well = well_name(text)
        for block, index in zip(blocks, columns, strict=True):
            if well is None:
                block.stray.append(row)
            else:
                cell = row.cells[index] if index < len(row.cells) else ""
                block.cells.append(Cell(row.line, well, cell))
    return blocks


def _grids(rows: Sequence[TableRow]) -> Iterator[Block]:
    columns: dict[int, int] = {}
    open_blocks: dict[str, Block] = {}
    letter, start, lettered, title = "", 0, True, ""
    for row in rows:
        numbered = _numbered(row.cells)
        if numbered:
            yield from open_blocks.values()
            columns, open_blocks, letter, start = numbered, {}, "", row.line
            lettered = min(numbered) == 1 or not _TEMPERATURE.fullmatch(row.cells[1])
            continue
        first = row.cells[0]
        if not columns or first.casefold() == _END:
            columns = {} if first.casefold() == _END else columns
            title = _title(row.cells)
            continue
        if lettered and row_letters(first) is not None:
            letter = row_letters(first) or ""
        elif not lettered and not first and row.line - start <= 32:
            letter = name_of(row.line - start - 1, 0)[:-1]
        elif first or not letter or not _labelled(row, columns):
            title, letter = _title(row.cells), ""
            continue
        label = _labelled(row, columns) if lettered else ""
        block = open_blocks.setdefault(label, Block(label or title))
        for place, column in columns.items():
            cell = row.cells[place] if place < len(row.cells) else ""
            block.cells.append(Cell(row.line, f"{letter}{column}", cell))
    yield from open_blocks.values()


def _across(table: TableText) -> Iterator[Block]:
    """Reads as rows below a row of wells, as SoftMax Pro writes them in its column format."""
    wells: dict[int, str] = {}
    title = ""
    for row in table.rows:
        named = {place: well for place, cell in enumerate(row.cells) if (well := well_name(cell))}
        if len(named) > 1:
            wells = named
            continue
        cells = [(well, row.cells[at]) for at, well in wells.items() if at < len(row.cells)]
        if any(finite(table, cell) is not None for _, cell in cells):
            first = next((cell for cell in row.cells[: min(wells)] if cell), "")
            yield Block(title or first, [Cell(row.line, well, cell) for well, cell in cells])
        elif not cells:
            title = _title(row.cells)


def _title(cells: Sequence[str]) -> str:
    """What a line above a grid calls it: its first words, or a plate's name behind `Plate:`."""
    found = [cell for cell in cells if cell]
    return (found[1] if found[0].casefold() == "plate:" and len(found) > 1 else found[0])[:60]


def _labelled(row: TableRow, columns: dict[int, int]) -> str:
    """The name of the read behind a grid's row, as Gen5 writes it; empty for none."""
    behind = row.cells[max(columns) + 1 :]
    return next((cell for cell in behind if cell), "")


def _numbered(row: Sequence[str]) -> dict[int, int]:
    """Cell -> column of the plate, of a row that numbers the columns 1, 2, ...; otherwise empty.

    Where a part of the plate was read, two or more may begin at another one. The first cell is the
    grid's corner, which may hold anything that is no number; a column of temperatures may follow.
    """
    numbers = {place: int(cell) for place, cell in enumerate(row) if place and cell.isdecimal()}
    first = next(iter(numbers.values()), 1)
    expected = list(range(first, first + len(numbers)))
    partial = first != 1 and (len(numbers) < 2 or expected[-1] > _COLUMNS)
    filled = sum(1 for cell in row[1:] if cell and not _TEMPERATURE.fullmatch(cell))
    sound = list(numbers.values()) == expected and filled == len(numbers) and not partial
    corner = not row or (well_name(row[0]) is None and row_letters(row[0]) is None)
    return numbers if numbers and sound and corner else {}
