"""Columns of other people's tables: our names in their headers, and the units behind them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import normalize

from protocols.quantities import conversion, same_dimension
from protocols.table_text import TableText

_WITH_UNIT = re.compile(r"(.+?)\s*[\[(]\s*([^\])]+?)\s*[\])]|(.+?)\s+/\s+(\S.*)")
"""`dose [mM]` and, as the SI brochure has it, `dose / mM`."""
_UNDERLINED = re.compile(r"(.+)_([A-Za-z\u00b5\u03bc][^_]*)")
"""`dose_mM`, where names have no blanks."""
_DEGREES = re.compile(r"(?:deg(?:rees?)?\.?|\u00b0)?\s*([CF])", re.IGNORECASE)
"""How people write degrees of temperature: `C` and `F` alone are coulomb and farad."""
_NUMBER_AND_UNIT = re.compile(r"(.*\d[.,]?)\s*([^\d\s.,].*)")


@dataclass(frozen=True)
class Column:
    """Where a name's cells are, and the unit that its header says they are in."""

    index: int
    header: str
    unit: str = ""

    def number(self, table: TableText, cell: str, unit: str) -> float:
        """A cell's number in our unit, from that of the header or its own (`10 nM`, `40%`).

        Raises:
            ValueError: there is none, or its unit is none of ours.
        """
        try:
            number = table.number(cell)
        except ValueError:
            found = _NUMBER_AND_UNIT.fullmatch(cell)
            if found is None:
                raise
            own = "percent" if found[2] == "%" else _meant(found[2], unit)
            return conversion(table.number(found[1]), own, unit or "dimensionless")
        return conversion(number, _meant(self.unit, unit), unit) if self.unit else number

    def foreign(self, unit: str) -> str:
        """The unit behind the header, where it is one and cannot be expressed in ours."""
        given = [own for _, own in _named(self.header, _WITH_UNIT)]
        if not given or self.unit or not unit:
            return ""
        try:
            return "" if same_dimension(given[0], unit) else given[0]
        except ValueError:  # what stands there is no unit
            return ""


def fitting(header: Sequence[str], title: str, unit: str, name: str = "") -> list[Column]:
    """The columns with exactly this title, or else in other capitals or with a unit behind it.

    Args:
        header: of the table.
        title: what the column is called.
        unit: in which we want its numbers.
        name: our own name of it, in which no unit is looked for; the title if empty.
    """
    named = [
        Column(index, cell, "" if cell == (name or title) else _unit_of(cell, unit))
        for index, cell in enumerate(header)
    ]
    for exact in (True, False):
        found = [
            column
            for column in named
            if (
                column.header == title
                if exact
                else _plain(title) in (_plain(column.header), _plain(_bare(column)))
            )
        ]
        if found:
            return found
    return []


def _plain(text: str) -> str:
    """A title without its capitals, and its signs in their usual width."""
    return normalize("NFKC", text).casefold()


def _bare(column: Column) -> str:
    """The header without the unit that it has."""
    named = [*_named(column.header, _WITH_UNIT), *_named(column.header, _UNDERLINED)]
    return next((bare for bare, unit in named if unit == column.unit), column.header)


def _unit_of(header: str, unit: str) -> str:
    """The unit behind a header, if it can be expressed in ours."""
    if not unit:
        return ""
    named = _named(header, _WITH_UNIT)
    if not same_dimension(unit, "dimensionless"):  # of which `_count` or `_e` would be one
        named += _named(header, _UNDERLINED)
    for _, own in named:
        try:
            conversion(1.0, _meant(own, unit), unit)
        except ValueError:
            continue
        return own
    return ""


def _named(header: str, pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """A name and what stands behind it where units do; nothing if that is not there."""
    found = pattern.fullmatch(header)
    parts = () if found is None else tuple(filter(None, found.groups()))
    return [(parts[0], parts[1])] if parts else []


def _meant(written: str, unit: str) -> str:
    """The unit that somebody means beside ours; another name of it only for degrees."""
    degrees = _DEGREES.fullmatch(normalize("NFKC", written))
    if degrees is None or not same_dimension(unit or "dimensionless", "degC"):
        return written
    return f"deg{degrees[1].upper()}"
