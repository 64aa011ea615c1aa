"""Past results, from a table or from an earlier campaign, -> observations."""

import math
import unicodedata
from collections.abc import Mapping, Sequence

from orchestrator.intake.columns import Column, fitting
from orchestrator.intake.listed_rows import doubtful, listed_rows, standing_alone
from protocols.campaign import Campaign
from protocols.computed import bases, with_computed
from protocols.conditions import Condition, Observation, Value
from protocols.covariates import Covariate
from protocols.errors import InvalidInput, Problem
from protocols.number_words import counted
from protocols.outcomes import Outcome
from protocols.scoring import Score
from protocols.table_text import TableRow, TableText, is_missing, read_table

_OWN_EXPORT = {"campaign", "round", "plate", "well", "role", "ratio", "flags"}
"""Headers by which the table of an earlier campaign's wells is known."""

_NO = ("0", "0.0", "false", "no")
"""What programs write for a well without flags, beside nothing."""


def read_history(
    text: str, file: str, campaign: Campaign, columns: Mapping[str, str]
) -> list[Observation]:
    """The observations of a table with one row a well.

    Headers and cells may have a unit behind them (`dose [mM]`, `dose / mM`, `dose_mM`, `10 nM`,
    `40%`): they are then converted. Instead of a level there may be its label. Lines above the
    headers that begin with # or have a single cell are left out, and so are remarks and headers
    between the rows. The tables that wellwise writes are read back: `ratio` is an objective that is
    one, and a value with `flags` is an observation that no model is fitted to.

    Args:
        text: a table with one line of headers, separated by commas, semicolons or tabs.
        file: what to call the table in problems.
        campaign: its parameters and the objective's outcome must each have a column.
        columns: our name -> header; a name that is absent has a column of its own name. `round` is
            optional (1 if it is absent), as are `flags`, `plate` (a number or a name), covariates,
            and further outcomes that are wanted or constrained. A row without a value of the
            objective, or with the flag `lost`, is a lost well and is left out.

    Raises:
        InvalidInput: with all problems, each with its line and column.
    """
    table, found_wrong = listed_rows(read_table(text, file), file)
    (line, header), *rows = table.rows or (TableRow(1, ()),)
    place = _columns(file, line, header, campaign, columns)
    read = {column.index for name, column in place.items() if name != "plate"}
    observations = []
    plates: dict[str, int] = {}
    problems = [*found_wrong, *doubtful(rows, set(range(len(header))) - read, file)]
    for line, row in rows:
        cells = row[: len(header)] if not any(row[len(header) :]) else row
        if not any(header[len(cells) :]):
            cells = (*cells, *header[len(cells) :])
        alone = standing_alone(row, file, line)
        if len(cells) != len(header):
            widths = counted(len(cells), "cell"), counted(len(header), "cell")
            wrong = Problem(where=file, line=line, message=widths[0], expected=widths[1])
            problems.append(alone or wrong)
            continue
        found = _Row(file, line, table, place, cells)
        observation = found.observation(campaign, plates)
        problems += [alone] if alone and found.problems else found.problems
        if observation is not None:
            observations.append(observation)
    if problems:
        raise InvalidInput(sorted(problems, key=lambda one: one.line or 0))
    if not observations:
        raise InvalidInput(
            [Problem(where=file, message="there are no results in it", expected="one row a well")]
        )
    return observations


def _columns(
    file: str, line: int, header: Sequence[str], campaign: Campaign, columns: Mapping[str, str]
) -> dict[str, Column]:
    """The column of each name that has one.

    Raises:
        InvalidInput: a name that needs a column has none or several.
    """
    own = set(map(str.casefold, header)) >= _OWN_EXPORT
    if own:
        # The campaign's columns are those of the table that it begins with, which is another one.
        columns = {name: title for name, title in columns.items() if title in header}
    units = {parameter.name: parameter.unit for parameter in campaign.parameters}
    outcome = campaign.outcome
    units[outcome.name] = outcome.scale.unit
    objective = outcome.name
    wanted = {name: columns.get(name, name) for name in units}
    if outcome.expression and not fitting(header, wanted[objective], outcome.scale.unit):
        # Without a column of its own it is computed, and its parts have columns.
        wanted.pop(objective)
        wanted |= {
            it.name: columns.get(it.name, it.name) for it in bases(outcome, campaign.outcomes)
        }
    needed = frozenset(wanted)
    units |= {it.name: it.scale.unit for it in _further(campaign)}
    units |= {covariate.name: covariate.unit for covariate in campaign.covariates}
    optional = ("round", "flags", "plate", *(name for name in units if name not in needed))
    wanted |= {name: columns.get(name, name) for name in optional if name not in wanted}
    if wanted.get(objective, objective) not in header and objective not in columns and own:
        wanted[objective] = "ratio"
    problems = []
    place: dict[str, Column] = {}
    for name, title in wanted.items():
        title = unicodedata.normalize("NFC", title).strip()
        found = fitting(header, title, units.get(name, ""), name)
        if len(found) > 1:
            message, expected = "this column is duplicated", "each header once"
        elif not found and name in needed:
            message = f"there is no such column (for {name})"
            expected = (
                f"one of {', '.join(filter(None, header))}, mapped with --column {name}=HEADER"
                if header
                else "a header line"
            )
            if len(header) == 1:
                expected = "cells that commas, semicolons or tabs separate, with headers above"
        elif found and (foreign := found[0].foreign(units.get(name, ""))):
            message = f"its unit {foreign} cannot be expressed in {units[name]} (of {name})"
            expected = f"numbers in {units[name]}, or in a unit of its kind"
        else:
            place.update((name, column) for column in found)
            continue
        problems.append(
            Problem(where=file, line=line, key=title, message=message, expected=expected)
        )
    if problems:
        raise InvalidInput(problems)
    return place


def _further(campaign: Campaign) -> tuple[Outcome, ...]:
    """The outcomes beside the objective's that the optimiser uses, and those they rest on."""
    wanted = (campaign.outcome, *campaign.further)
    rest = (base for outcome in wanted for base in bases(outcome, campaign.outcomes))
    found = {outcome.name: outcome for outcome in (*campaign.further, *rest)}
    found.pop(campaign.outcome.name, None)
    return tuple(found.values())


def as_earlier(*sources: Sequence[Observation]) -> list[Observation]:
    """The same observations in rounds up to 0, each source's before the next one's.

    So none of them is taken for a round that is still to come, or for one of another source.
    """
    found: list[Observation] = []
    end = 0
    for observations in sources:
        by = end - max((observation.round for observation in observations), default=0)
        found += [
            observation.model_copy(update={"round": observation.round + by})
            for observation in observations
        ]
        end = min((observation.round for observation in found), default=1) - 1
    return found


def of_study(observations: Sequence[Observation], name: str) -> list[Observation]:
    """The same as results of a similar experiment; what is one's already keeps its name."""
    return [o if o.study else o.model_copy(update={"study": name}) for o in observations]


def from_campaign(
    earlier: str, observations: Sequence[Observation], campaign: Campaign
) -> list[Observation]:
    """What an earlier campaign observed, as far as this one's parameters allow it.

    A parameter that this campaign does not have any more is left out of the conditions.

    Raises:
        InvalidInput: nothing is left of it; the first condition that does not fit says why.
    """
    fitting, problems = [], []
    for observation in observations:
        given = observation.condition.root
        names = [parameter.name for parameter in campaign.space.active(given)]
        missing = [name for name in names if name not in given]
        values = {name: given[name] for name in names if name not in missing}
        condition = None if missing else campaign.space.observed(values)
        if condition is not None:
            fitting.append(observation.model_copy(update={"condition": condition}))
            continue
        wrong = [
            p
            for p in campaign.parameters
            if p.name in values and p.observed(values[p.name]) is None
        ]
        message = (
            f"it has no parameter {missing[0]!r}"
            if missing
            else f"{wrong[0].name}={values[wrong[0].name]}"
        )
        expected = "the parameters of this campaign" if missing else wrong[0].allowed
        problems.append(Problem(where=f"campaign {earlier}", message=message, expected=expected))
    if not fitting:
        problems = problems or [
            Problem(where=f"campaign {earlier}", message="nothing was observed in it")
        ]
        raise InvalidInput(problems[:1])
    return fitting


def not_tried_again(campaign: Campaign, observations: Sequence[Observation]) -> list[str]:
    """For people: which past results have values that this campaign does not try."""
    found: dict[str, list[Value]] = {}
    for observation in observations:
        for name, value in observation.condition.root.items():
            if campaign.space.by_name[name].snap(value) is None:
                found.setdefault(name, []).append(value)
    notices = []
    for name, values in found.items():
        shown = ", ".join(f"{value:g}" for value in list(dict.fromkeys(values))[:3])
        more = ", ..." if len(set(values)) > 3 else ""
        notices.append(
            f"{len(values)} of {len(observations)} past results have {name} = {shown}{more}, which "
            f"is not allowed here ({campaign.space.by_name[name].allowed}): the model learns from "
            "them, and no such value is proposed."
        )
    return notices


class _Row:
    """One line of the table: collects its problems while it is read."""

    def __init__(
        self,
        file: str,
        line: int,
        table: TableText,
        columns: Mapping[str, Column],
        cells: Sequence[str],
    ) -> None:
        self.problems: list[Problem] = []
        self._file, self._line, self._table, self._columns = file, line, table, columns
        self._cells = {name: cells[column.index] for name, column in columns.items()}

    def observation(self, campaign: Campaign, plates: dict[str, int]) -> Observation | None:
        """`plates` are those that were seen, by name: a number each."""
        values: dict[str, Value] = {}
        for parameter in campaign.parameters:
            if not parameter.active(values):
                continue
            cell = self._cells[parameter.name]
            value = None
            if parameter.numeric:
                number = self._number(parameter.name, parameter.unit)
                if number is None:
                    continue
                value = parameter.observed(number)
            else:
                value = parameter.from_text(cell)
                if value is None and cell.startswith("'"):
                    # Our export writes it before text that a spreadsheet takes for a formula.
                    value = parameter.from_text(cell[1:])
            if value is None:
                self._problem(parameter.name, f"{cell} is not allowed", parameter.allowed)
            else:
                values[parameter.name] = value
        round_number = 1
        if "round" in self._cells and "round" not in values:
            number = self._number("round")
            if number is not None and (number < 1 or number != int(number)):
                self._problem(
                    "round", f"{self._cells['round']} is not a round", "a whole number from 1"
                )
            round_number = int(number or 1)
        cell = "" if "flags" in values else self._cells.get("flags", "")
        parts = (part.strip() for part in cell.split(";"))
        flags = tuple(flag for flag in parts if not is_missing(flag) and flag.lower() not in _NO)
        own = self._cells.get(campaign.outcome.name)
        if "lost" in flags or (own is not None and is_missing(own)):
            return None
        main = self._value(campaign.outcome)
        measured = {it.name: self._value(it) for it in _further(campaign)}
        score, further = with_computed(
            campaign.computed,
            campaign.outcome.name,
            None if main is None else Score(value=main),
            {name: value for name, value in measured.items() if value is not None},
        )
        if (score is None or score.value is None) and not self.problems:
            return None
        covariates = {
            covariate.name: found
            for covariate in campaign.covariates
            if (found := self._covariate(covariate)) is not None
        }
        plate = "" if "plate" in values else self._cells.get("plate", "").strip()
        plate = "" if is_missing(plate) else plate
        if self.problems:
            return None
        return Observation(
            condition=Condition(values),
            value=None if score is None else score.value,
            round=round_number,
            flags=flags if score is None else (*flags, *score.flags),
            outcomes={name: value for name, value in further.items() if value is not None},
            plate=plates.setdefault(plate, len(plates) + 1) if plate else None,
            covariates=covariates,
        )

    def _covariate(self, covariate: Covariate) -> float | str | None:
        """What was recorded, a number in its unit; None for nothing, or what cannot be."""
        name = covariate.name
        cell = self._cells.get(name, "").strip()
        if is_missing(cell):
            return None
        found: float | str | None = cell
        if covariate.kind == "number":
            found = self._number(name, covariate.unit)
        if found is not None and not covariate.allows(found):
            self._problem(name, f"{cell} is not allowed", covariate.expected)
        return found

    def _value(self, outcome: Outcome) -> float | None:
        """The value of an outcome, in its unit; None where there is none, or it cannot be."""
        name, scale = outcome.name, outcome.scale
        if is_missing(self._cells.get(name, "")):
            return None
        result = self._number(name, scale.unit, "a number, or nothing for a lost well")
        if result is not None and not scale.allows(result):
            self._problem(name, f"{self._cells[name]} {scale.refusal(result)}", scale.expected)
        return result

    def _number(self, name: str, unit: str = "", expected: str = "a number") -> float | None:
        """The number of a cell, in our unit; None where there is none, which is a problem."""
        try:
            number = self._columns[name].number(self._table, self._cells[name], unit)
        except ValueError:
            self._problem(name, f"{self._cells[name]!r} is not a number", expected)
            return None
        if not math.isfinite(number):
            self._problem(name, f"{self._cells[name]} is not a finite number", "a finite number")
            return None
        return number

    def _problem(self, name: str, message: str, expected: str) -> None:
        self.problems.append(
            Problem(
                where=self._file,
                line=self._line,
                key=self._columns[name].header,
                message=message,
                expected=expected,
            )
        )
