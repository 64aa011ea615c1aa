"""Requests and answers about tables of values that people enter."""

from typing import Annotated

from pydantic import Field

from orchestrator.service.schema.base import Body, View
from protocols.errors import Problem


class TableOfValues(Body):
    """A table as it comes out of a spreadsheet; round and plate are of rows that name none."""

    table: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    round_number: Annotated[int, Field(ge=1, le=10_000)]
    plate: Annotated[int, Field(ge=1, le=1_000)] = 1


class SeenValue(View):
    """A value or a covariate that a table has for a well, in the unit of its name."""

    round: int
    plate: int
    well: str
    name: str
    value: float | str


class SeenValues(View):
    """What a table would enter, and every line of it that cannot be used; nothing is kept."""

    values: list[SeenValue]
    problems: list[Problem]
