"""A plate reader's table -> numbers by well."""

from protocols.errors import InvalidInput, Problem
from protocols.out_of_range import is_out_of_range
from protocols.plate_blocks import Block, blocks_of
from protocols.surplus_cells import surplus_problem
from protocols.table_text import TableRow, TableText, finite, is_missing, read_table
from protocols.wanted_read import NOT_SAID, WantedRead, chosen
from protocols.wells import well_name

_NUMBER = "a number, or nothing for a well that is to be left out"


def read_plate_table(
    text: str, where: str, block: str = "", wanted: WantedRead = NOT_SAID
) -> dict[str, float]:
    """Numbers by well from a plate reader's file: columns well and value, or a grid A to P.

    Cells are separated by commas, semicolons or tabs, or it is a workbook (as a `data:` URL). A
    well with an empty cell (or NA, NaN, a dash) was not read and is left out. The heads of the two
    columns may be missing. The corner of a grid may be empty or hold a mark such as `<>`. Where a
    file has several blocks (wavelengths, reads, plates), `block` says which, by its name or its
    number from 1, or else `wanted`.

    >>> read_plate_table("well,value\\nA1,0.5\\nB02,0.25\\n", "reader.csv")
    {'A1': 0.5, 'B2': 0.25}
    >>> read_plate_table("<>;1;2\\nA;0,1;0,2\\nB;0,3;\\n", "reader.csv")
    {'A1': 0.1, 'A2': 0.2, 'B1': 0.3}
    >>> read_plate_table("A1\\t0,5\\nA2\\t0,25\\n", "pasted")
    {'A1': 0.5, 'A2': 0.25}

    Raises:
        InvalidInput: it is neither, has several blocks and none of them is named, a number cannot
            be read or is the reader's mark of a value out of its range, or a well comes twice.
    """
    found = _numbers(text, where, wanted.unless_named(block))
    return {well: number for well, number in found.items() if number is not None}


def read_whole_plate(
    text: str, where: str, wanted: WantedRead = NOT_SAID
) -> dict[str, float | None]:
    """The same, with None for a well whose cell is empty; `wanted` says which of several blocks.

    Raises:
        InvalidInput: as `read_plate_table`.
    """
    return _numbers(text, where, wanted)


def _chosen(blocks: list[Block], wanted: WantedRead, where: str) -> Block:
    if not blocks:
        expected = (
            "the columns well and value, or a grid with 1, 2, ... above and A, B, ... at the left"
        )
        raise InvalidInput(
            [Problem(where=where, message="no well was found in it", expected=expected)]
        )
    names, coordinates = zip(*((block.name, block.is_coordinate) for block in blocks), strict=True)
    return blocks[chosen(wanted, names, where, "blocks", coordinates)]


def _with_head(table: TableText) -> TableText:
    """A table of two columns that were copied out of a spreadsheet without their heads."""
    if not table.rows or any(len(row.cells) != 2 for row in table.rows):
        return table
    line, (first, _) = table.rows[0]
    head = TableRow(line, ("well", "value"))
    return table._replace(rows=(head, *table.rows)) if well_name(first) else table


def _numbers(text: str, where: str, wanted: WantedRead) -> dict[str, float | None]:
    table = _with_head(read_table(text, where))
    block = _chosen(blocks_of(table), wanted, where)
    found: dict[str, float | None] = {}
    problems: list[Problem] = []

    def problem(line: int, message: str, expected: str = "") -> None:
        problems.append(Problem(where=where, line=line, message=message, expected=expected))

    for line, row in block.stray:
        problem(line, f"{table.delimiter.join(row)} has no well", "such as A1,0.5")
    problems += [surplus_problem(where, row.line) for row in block.wide]
    for line, well, cell in block.cells:
        if well in found:
            problem(line, f"{well} comes a second time", "each well once, of one plate and read")
        number = found[well] = None if is_missing(cell) else finite(table, cell)
        if number is not None or is_missing(cell):
            continue
        if is_out_of_range(cell):
            problem(line, f"{well}: {cell!r} is a value that the reader could not measure", _NUMBER)
        else:
            problem(line, f"{well}: {cell!r} is no number", _NUMBER)
    if not problems and all(number is None for number in found.values()):
        problems.append(Problem(where=where, message="every well in it is empty", expected=_NUMBER))
    if problems:
        raise InvalidInput(sorted(problems, key=lambda one: one.line or 0))
    return found
