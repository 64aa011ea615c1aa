"""Traces: a quantity along an axis, such as a spectrum, a chromatogram or a time course."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.errors import InvalidInput, Problem
from protocols.surplus_cells import surplus_problem
from protocols.table_text import TableText, finite, read_table

_NO_CHANNEL = re.compile(r"(step|rt|ri|retention (time|index))\b.*", re.IGNORECASE)
_SPECTRAL = re.compile(r"wave|\bnm\b|\bcm-1|1/cm|raman", re.IGNORECASE)
"""Axes along which spectrometers scan downwards too."""

_Number = Annotated[float, Field(allow_inf_nan=False)]


class Axis(BaseModel):
    """What is along an axis, in which unit, and its values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    unit: str = ""
    values: tuple[_Number, ...] = Field(min_length=1, repr=False)

    @property
    def array(self) -> NDArray[np.float64]:
        """The values (n)."""
        return np.array(self.values, dtype=np.float64)


class Trace(BaseModel):
    """One or more channels along an axis `x` that rises: each has as many values as `x`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: Axis
    channels: tuple[Axis, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(b <= a for a, b in zip(self.x.values, self.x.values[1:], strict=False)):
            raise ValueError(f"{self.x.name} does not rise")
        for channel in self.channels:
            if len(channel.values) != len(self.x.values):
                raise ValueError(
                    f"{channel.name} has {len(channel.values)} values, and {self.x.name} "
                    f"{len(self.x.values)}"
                )
        return self

    def channel(self, name: str = "") -> Axis | None:
        """The channel with this name, or the first one; None if there is none."""
        if not name:
            return self.channels[0]
        return next((found for found in self.channels if found.name == name), None)


def read_trace_table(text: str, where: str) -> Trace:
    r"""A trace from a table: the axis in the first column, a channel in each other one.

    Units stand behind the names of columns. Lines above the first one of numbers are left out but
    for the last of them, which names the columns, and so are remarks (#) below. Wavelengths and
    wavenumbers that fall are turned round. What stands beside channels (steps, a second retention
    time, an index) is left out.

    >>> read_trace_table("time [s],absorbance\n0,0.1\n10,0.2\n", "a.csv").x
    Axis(name='time', unit='s')

    Raises:
        InvalidInput: it is none, or a number cannot be read.
    """
    table = _without_blank_end(read_table(text, where))
    header: tuple[str, ...] = ()
    columns: list[list[float]] = []
    problems: list[Problem] = []
    beside: set[int] = set()
    for line, given in table.rows:
        cells = tuple(cell for at, cell in enumerate(given) if at not in beside)
        if columns and cells[0].startswith("#") and not any(cells[1:]):
            continue  # a remark
        numbers = [finite(table, cell) for cell in cells]
        if not columns and numbers[0] is None:
            header, beside = given, _beside(given)
            continue
        columns = columns or [[] for _ in cells]
        if len(numbers) != len(columns) or None in numbers:
            message = f"{table.delimiter.join(cells)[:80]!r} cannot be read"
            expected = f"{len(columns)} numbers"
            problems.append(Problem(where=where, line=line, message=message, expected=expected))
        else:
            for column, number in zip(columns, numbers, strict=True):
                column.append(number or 0.0)
    if not problems and len(columns) < 2:
        expected = "a column with the axis, such as time [s], and one for each channel"
        problems.append(Problem(where=where, message="there is no trace in it", expected=expected))
    if problems:
        raise InvalidInput(problems)
    if len(columns) > 2 and len(header) == len(columns) and not header[0] and all(header[1:]):
        header, columns = header[1:], columns[1:]  # the index of a data frame
    header = tuple(cell for at, cell in enumerate(header) if at not in beside)
    if table.delimiter == "," and 1 < len(header) < len(columns):
        raise InvalidInput([surplus_problem(where, table.rows[-1].line)])
    spectral = bool(header) and _SPECTRAL.search(header[0]) is not None
    if spectral and all(b < a for a, b in pairwise(columns[0])):
        columns = [column[::-1] for column in columns]
    names = [_named(cell) for cell in header] if len(header) == len(columns) else []
    names = names or [("x", ""), *((f"channel {n}", "") for n in range(1, len(columns)))]
    axes = [
        Axis(name=name, unit=unit, values=tuple(column))
        for (name, unit), column in zip(names, columns, strict=True)
    ]
    try:
        return Trace(x=axes[0], channels=tuple(axes[1:]))
    except ValueError as error:
        message = str(error).partition("Value error, ")[2].split(" [type")[0] or str(error)
        raise InvalidInput(
            [Problem(where=where, message=message, expected="an axis that rises")]
        ) from None


def _without_blank_end(table: TableText) -> TableText:
    """The table without cells that are empty in all rows at their ends, behind separators there."""
    last = max((at for row in table.rows for at, cell in enumerate(row.cells) if cell), default=0)
    return table._replace(
        rows=tuple(row._replace(cells=row.cells[: last + 1]) for row in table.rows)
    )


def _beside(header: Sequence[str]) -> set[int]:
    """The columns of Chromeleon and OpenChrom that are no channels, where there are others."""
    found = {at for at, cell in enumerate(header) if at and _NO_CHANNEL.fullmatch(cell)}
    return found if len(found) < len(header) - 1 else set()


def _named(cell: str) -> tuple[str, str]:
    """A column's name, and the unit in brackets behind it."""
    name, _, rest = cell.replace("(", "[").partition("[")
    return name.strip(), rest.strip(" ])")
