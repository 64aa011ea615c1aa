"""Traces: a quantity along an axis, such as a spectrum, a chromatogram or a time course."""

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from protocols.errors import InvalidInput, Problem
from protocols.table_text import finite, read_table

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
    for the last of them, which names the columns.

    >>> read_trace_table("time [s],absorbance\n0,0.1\n10,0.2\n", "a.csv").x
    Axis(name='time', unit='s')

    Raises:
        InvalidInput: it is none, or a number cannot be read.
    """
    table = read_table(text, where)
    header: tuple[str, ...] = ()
    columns: list[list[float]] = []
    problems: list[Problem] = []
    for line, cells in table.rows:
        numbers = [finite(table, cell) for cell in cells]
        if not columns and numbers[0] is None:
            header = cells
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


def _named(cell: str) -> tuple[str, str]:
    """A column's name, and the unit in brackets behind it."""
    name, _, rest = cell.replace("(", "[").partition("[")
    return name.strip(), rest.strip(" ])")
