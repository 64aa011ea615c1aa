"""A table of values that people read by hand: one row a well."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from orchestrator.intake.columns import Column, fitting
from orchestrator.intake.listed_rows import listed_rows, standing_alone
from protocols.addresses import WellPlace
from protocols.campaign import Campaign
from protocols.covariates import Covariate
from protocols.errors import InvalidInput, Problem
from protocols.outcomes import Outcome
from protocols.plate_table import read_plate_table
from protocols.surplus_cells import has_surplus, surplus_problem
from protocols.table_text import TableText, is_missing, read_table

_PLACE = ("round", "plate", "well")
_VALUE = "value"
_WHERE = "readings"


class HandValue(NamedTuple):
    """A value that a person read in a well, in the unit of its outcome."""

    place: WellPlace
    outcome: str
    value: float


def read_readings_table(text: str, campaign: Campaign) -> list[HandValue]:
    """The values of a table with the headers round, plate, well, and value or names of outcomes.

    `value` is the objective's. A header may have a unit behind it, such as `value [mg]`: the cells
    are then converted. Titles above the head, remarks and heads that come again are left out.
    Where there are names of outcomes or covariates, an empty cell was not read. Cells are separated
    by commas, semicolons or tabs; other columns are left out.

    Raises:
        InvalidInput: with every line that cannot be used.
    """
    table, problems = listed_rows(read_table(text, _WHERE), _WHERE)
    rows, beside = _rows_of(table, campaign)
    return rows.found(beside, problems)


def _rows_of(table: TableText, campaign: Campaign) -> tuple["_Rows", bool]:
    """The rows of a table with a head, and whether it has other columns beside one of values."""
    line, header = table.rows[0] if table.rows else (1, ())
    places = [fitting(header, name, "") for name in _PLACE]
    outcomes = _outcome_columns(header, campaign)
    beside = bool(_covariate_columns(header, campaign))
    if not all(places) or not (outcomes or beside):
        message = f"the header is {', '.join(header) or 'empty'}"
        raise InvalidInput(
            [
                Problem(
                    where=_WHERE, line=line, message=message, expected=", ".join((*_PLACE, _VALUE))
                )
            ]
        )
    rows = _Rows(table, {name: found[0] for name, found in zip(_PLACE, places, strict=True)})
    for row in table.rows[1:]:
        if has_surplus(table, row, len(header)):
            rows.refuse(surplus_problem(_WHERE, row.line))
        rows.take(row.line, [*row.cells, *[""] * len(header)], outcomes, beside)
    return rows, beside


class RecordedCovariate(NamedTuple):
    """A covariate that a person recorded of a well: a number in its unit, or a label."""

    place: WellPlace
    name: str
    value: float | str


def read_covariates(text: str, campaign: Campaign) -> list[RecordedCovariate]:
    """The covariates in a table of values: its columns that are called like one.

    An empty cell was not recorded.

    Raises:
        InvalidInput: with every line that cannot be used.
    """
    table, _ = listed_rows(read_table(text, _WHERE), _WHERE)
    found, problems = _covariates_of(table, campaign)
    if problems:
        raise InvalidInput(problems)
    return found


class SeenReadings(NamedTuple):
    """What a table of values would enter, and every line of it that cannot be used."""

    values: list[HandValue]
    covariates: list[RecordedCovariate]
    problems: list[Problem]


def see_readings(text: str, campaign: Campaign, round_number: int, plate: int) -> SeenReadings:
    """What a table would enter, whatever else is wrong in it.

    Beside tables with a head, as `read_readings_table` takes them, it may leave out the round and
    the plate, which are then these, or be what comes out of a plate reader: a grid, or a column of
    wells and one of the objective's values.

    Raises:
        InvalidInput: it is no table of wells.
    """
    table, found_wrong = listed_rows(read_table(text, _WHERE), _WHERE)
    header = table.rows[0].cells if table.rows else ()
    named = _outcome_columns(header, campaign) or _covariate_columns(header, campaign)
    if not (fitting(header, "well", "") and named):
        numbers = read_plate_table(text, _WHERE)
        found = {WellPlace(round=round_number, plate=plate, well=w): n for w, n in numbers.items()}
        scale = campaign.outcome.scale
        refused = [
            Problem(
                where=_WHERE,
                message=f"{place.well}: {number:g} {scale.refusal(number)}",
                expected=scale.expected,
            )
            for place, number in found.items()
            if not scale.allows(number)
        ]
        name = campaign.outcome.name
        sound = [HandValue(p, name, n) for p, n in found.items() if scale.allows(n)]
        return SeenReadings(sound, [], refused)
    for name, number in (("plate", plate), ("round", round_number)):
        if not fitting(header, name, ""):
            table = _with_column(table, name, str(number))
    rows, _ = _rows_of(table, campaign)
    covariates, problems = _covariates_of(table, campaign)
    return SeenReadings(rows.values, covariates, [*found_wrong, *rows.problems, *problems])


def _with_column(table: TableText, name: str, cell: str) -> TableText:
    head, *others = table.rows
    rows = [head._replace(cells=(name, *head.cells))]
    rows += [row._replace(cells=(cell, *row.cells)) for row in others]
    return table._replace(rows=tuple(rows))


def _covariates_of(
    table: TableText, campaign: Campaign
) -> tuple[list[RecordedCovariate], list[Problem]]:
    """The covariates of a table, and every line with one that cannot be used."""
    _, header = table.rows[0] if table.rows else (1, ())
    columns = _covariate_columns(header, campaign)
    places = [fitting(header, name, "") for name in _PLACE]
    if not columns or not all(places):
        return [], []
    rows = _Rows(table, {name: found[0] for name, found in zip(_PLACE, places, strict=True)})
    found: list[RecordedCovariate] = []
    problems: list[Problem] = []
    for line, given in table.rows[1:]:
        cells = [*given, *[""] * len(header)]
        place = rows.place(cells)
        for covariate, column in columns:
            cell = cells[column.index]
            if not cell:
                continue
            numeric = covariate.kind == "number"
            number = _number(table, column, cell, covariate.unit) if numeric else None
            value = cell if number is None else number
            if place is None or not covariate.allows(value):
                message = f"{cell[:80]!r} cannot be used as {covariate.name}"
                expected = f"a round, a plate, a well such as B2, and {covariate.expected}"
                problem = Problem(where=_WHERE, line=line, message=message, expected=expected)
                problems.append(problem)
            else:
                found.append(RecordedCovariate(place, covariate.name, value))
    return found, problems


def _number(table: TableText, column: Column, cell: str, unit: str) -> float | None:
    """A cell's number in our unit; None where there is none, or it is not finite."""
    try:
        number = column.number(table, cell, unit)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _covariate_columns(header: Sequence[str], campaign: Campaign) -> list[tuple[Covariate, Column]]:
    named = ((it, fitting(header, it.name, it.unit)) for it in campaign.covariates)
    return [(covariate, found[0]) for covariate, found in named if found]


def _outcome_columns(header: Sequence[str], campaign: Campaign) -> list[tuple[Outcome, Column]]:
    """The columns with values: `value`, or one that is called like an outcome."""
    main = campaign.outcome
    value = fitting(header, _VALUE, main.scale.unit)
    if value:
        return [(main, value[0])]
    named = (
        (outcome, fitting(header, outcome.name, outcome.scale.unit))
        for outcome in campaign.outcomes
    )
    return [(outcome, found[0]) for outcome, found in named if found]


class _Rows:
    """Collects values and problems while a table is read."""

    def __init__(self, table: TableText, places: Mapping[str, Column]) -> None:
        self._table, self._places = table, places
        self._values: dict[tuple[WellPlace, str], HandValue] = {}
        self._problems: list[Problem] = []

    def take(
        self,
        line: int,
        cells: Sequence[str],
        outcomes: Sequence[tuple[Outcome, Column]],
        beside: bool,
    ) -> None:
        place = self.place(cells)
        shown = [cells[column.index] for column in self._places.values()]
        for outcome, column in outcomes:
            cell = cells[column.index]
            if is_missing(cell) and (beside or len(outcomes) > 1):
                continue
            value = _number(self._table, column, cell, outcome.scale.unit)
            if place is None and (alone := standing_alone(cells, _WHERE, line)):
                self._problems.append(alone)
            elif place is None:
                message = f"{','.join(shown)[:80]!r} is no well"
                self._problem(line, message, "a round, a plate and a well, such as 1,3,B2")
            elif value is None:
                message = f"{cell[:80]!r} is no number" if cell else "there is no number"
                self._problem(line, f"{place.well}: {message}", outcome.scale.expected)
            elif not outcome.scale.allows(value):
                message = f"{place.well}: {value:g} {outcome.scale.refusal(value)}"
                self._problem(line, message, outcome.scale.expected)
            elif (place, outcome.name) in self._values:
                self._problem(line, f"{place.well} comes a second time", "each well once")
            else:
                self._values[place, outcome.name] = HandValue(place, outcome.name, value)

    def refuse(self, problem: Problem) -> None:
        """Note what is wrong with a line."""
        self._problems.append(problem)

    @property
    def values(self) -> list[HandValue]:
        """What can be used."""
        return list(self._values.values())

    @property
    def problems(self) -> list[Problem]:
        """Every line that cannot be used."""
        return list(self._problems)

    def found(self, beside: bool, further: Sequence[Problem]) -> list[HandValue]:
        self._problems += further
        if not self._values and not self._problems and not beside:
            message, expected = "there is no row", "a row for each well"
            self._problems.append(Problem(where=_WHERE, line=2, message=message, expected=expected))
        if self._problems:
            raise InvalidInput(sorted(self._problems, key=lambda one: one.line or 0))
        return list(self._values.values())

    def place(self, cells: Sequence[str]) -> WellPlace | None:
        given = {name: cells[column.index] for name, column in self._places.items()}
        try:
            # What has gaps comes with points out of pandas: 1.0.
            places = {name: given[name].removesuffix(".0") for name in ("round", "plate")}
            return WellPlace(
                round=int(places["round"]), plate=int(places["plate"]), well=given["well"]
            )
        except (ValueError, ValidationError):
            return None

    def _problem(self, line: int, message: str, expected: str) -> None:
        self._problems.append(Problem(where=_WHERE, line=line, message=message, expected=expected))
