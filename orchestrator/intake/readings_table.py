"""A table of values that people read by hand: one row a well."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from orchestrator.intake.columns import Column, fitting
from protocols.addresses import WellPlace
from protocols.campaign import Campaign
from protocols.covariates import Covariate
from protocols.errors import InvalidInput, Problem
from protocols.outcomes import Outcome
from protocols.table_text import TableText, finite, read_table

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
    are then converted. Where there are names of outcomes or covariates, an empty cell was not
    read. Cells are separated by commas, semicolons or tabs; other columns are left out.

    Raises:
        InvalidInput: with every line that cannot be used.
    """
    table = read_table(text, _WHERE)
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
    for line, cells in table.rows[1:]:
        rows.take(line, [*cells, *[""] * len(header)], outcomes, beside)
    return rows.found(beside)


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
    table = read_table(text, _WHERE)
    _, header = table.rows[0] if table.rows else (1, ())
    columns = _covariate_columns(header, campaign)
    places = [fitting(header, name, "") for name in _PLACE]
    if not columns or not all(places):
        return []
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
            number = finite(table, cell) if covariate.kind == "number" else None
            value = cell if number is None else column.converted(number, covariate.unit)
            if place is None or not covariate.allows(value):
                message = f"{cell[:80]!r} cannot be used as {covariate.name}"
                expected = f"a round, a plate, a well such as B2, and {covariate.expected}"
                problem = Problem(where=_WHERE, line=line, message=message, expected=expected)
                problems.append(problem)
            else:
                found.append(RecordedCovariate(place, covariate.name, value))
    if problems:
        raise InvalidInput(problems)
    return found


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
            if not cell and (beside or len(outcomes) > 1):
                continue
            number = finite(self._table, cell)
            value = None if number is None else column.converted(number, outcome.scale.unit)
            text = ",".join([*shown, cell])[:80]
            if place is None or value is None or not outcome.scale.allows(value):
                self._problem(line, f"{text!r} cannot be used", outcome)
            elif (place, outcome.name) in self._values:
                self._problem(line, f"{text!r} names a well twice", outcome)
            else:
                self._values[place, outcome.name] = HandValue(place, outcome.name, value)

    def found(self, beside: bool) -> list[HandValue]:
        if not self._values and not self._problems and not beside:
            message, expected = "there is no row", "a row for each well"
            self._problems.append(Problem(where=_WHERE, line=2, message=message, expected=expected))
        if self._problems:
            raise InvalidInput(self._problems)
        return list(self._values.values())

    def place(self, cells: Sequence[str]) -> WellPlace | None:
        given = {name: cells[column.index] for name, column in self._places.items()}
        try:
            return WellPlace(
                round=int(given["round"]), plate=int(given["plate"]), well=given["well"]
            )
        except (ValueError, ValidationError):
            return None

    def _problem(self, line: int, message: str, outcome: Outcome) -> None:
        what = outcome.scale.expected.removeprefix("a number ")
        expected = f"a round, a plate, a well such as B2, and a value {what}"
        if what == "a number":
            expected = "a round, a plate, a well such as B2, and a number"
        self._problems.append(Problem(where=_WHERE, line=line, message=message, expected=expected))
