"""A table of values that people read by hand: one row a well."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from orchestrator.intake.columns import Column, fitting
from protocols.addresses import WellPlace
from protocols.campaign import Campaign
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
    are then converted. Where there are names of outcomes, an empty cell was not read. Cells are
    separated by commas, semicolons or tabs; other columns are left out.

    Raises:
        InvalidInput: with every line that cannot be used.
    """
    table = read_table(text, _WHERE)
    line, header = table.rows[0] if table.rows else (1, ())
    places = [fitting(header, name, "") for name in _PLACE]
    outcomes = _outcome_columns(header, campaign)
    if not all(places) or not outcomes:
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
        rows.take(line, [*cells, *[""] * len(header)], outcomes)
    return rows.found()


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
        self, line: int, cells: Sequence[str], outcomes: Sequence[tuple[Outcome, Column]]
    ) -> None:
        place = self._place(cells)
        shown = [cells[column.index] for column in self._places.values()]
        for outcome, column in outcomes:
            cell = cells[column.index]
            if not cell and len(outcomes) > 1:
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

    def found(self) -> list[HandValue]:
        if not self._values and not self._problems:
            message, expected = "there is no row", "a row for each well"
            self._problems.append(Problem(where=_WHERE, line=2, message=message, expected=expected))
        if self._problems:
            raise InvalidInput(self._problems)
        return list(self._values.values())

    def _place(self, cells: Sequence[str]) -> WellPlace | None:
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
