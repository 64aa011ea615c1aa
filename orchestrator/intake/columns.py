"""Columns of other people's tables: our names in their headers, and the units behind them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from protocols.quantities import conversion

_WITH_UNIT = re.compile(r"(.+?)\s*[\[(]\s*([^\])]+?)\s*[\])]")


@dataclass(frozen=True)
class Column:
    """Where a name's cells are, and the unit that its header says they are in."""

    index: int
    header: str
    unit: str = ""

    def converted(self, number: float, unit: str) -> float:
        """A cell's number in our unit."""
        return conversion(number, self.unit, unit) if self.unit else number


def fitting(header: Sequence[str], title: str, unit: str) -> list[Column]:
    """The columns with exactly this title, or else in other capitals or with a unit behind it."""
    named = [Column(index, cell, _unit_of(cell, unit) or "") for index, cell in enumerate(header)]
    for exact in (True, False):
        found = [
            column
            for column in named
            if (
                column.header == title
                if exact
                else title.casefold() in (column.header.casefold(), _bare(column).casefold())
            )
        ]
        if found:
            return found
    return []


def _bare(column: Column) -> str:
    """The header without the unit that it has."""
    found = _WITH_UNIT.fullmatch(column.header) if column.unit else None
    return found[1] if found else column.header


def _unit_of(header: str, unit: str) -> str | None:
    """The unit behind a header, if it can be expressed in ours."""
    found = _WITH_UNIT.fullmatch(header)
    if found is None or not unit:
        return None
    try:
        conversion(1.0, found[2], unit)
    except ValueError:
        return None
    return found[2]
