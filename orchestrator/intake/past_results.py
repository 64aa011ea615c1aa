"""Past results, from a table or from an earlier campaign, -> observations."""

import csv
import io
import math
from collections.abc import Mapping, Sequence

from protocols.campaign import Campaign
from protocols.conditions import Condition, Observation, Value
from protocols.errors import InvalidInput, Problem


def read_history(
    text: str, file: str, campaign: Campaign, columns: Mapping[str, str]
) -> list[Observation]:
    """The observations of a table with one row a well.

    Args:
        text: CSV with one line of headers.
        file: what to call the table in problems.
        campaign: its parameters and its objective must each have a column.
        columns: our name -> header; a name that is absent has a column of its own name. `round` is
            optional (1 if it is absent). A row without a value of the objective is a lost well and
            is left out.

    Raises:
        InvalidInput: with all problems, each with its line and column.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    header = next(reader, [])
    names = [parameter.name for parameter in campaign.parameters] + [campaign.objective.name]
    headers = {name: columns.get(name, name) for name in [*names, "round"]}
    problems = [
        Problem(
            where=file,
            line=1,
            key=headers[name],
            message=f"there is no such column (for {name})",
            expected=f"one of {', '.join(header)}, mapped with --column {name}=HEADER"
            if header
            else "a header line",
        )
        for name in names
        if headers[name] not in header
    ]
    problems += [
        Problem(
            where=file,
            line=1,
            key=name,
            message="this column is duplicated",
            expected="each header once",
        )
        for name in {name for name in headers.values() if header.count(name) > 1}
    ]
    if problems:
        raise InvalidInput(problems)
    place = {name: header.index(column) for name, column in headers.items() if column in header}
    observations = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            message = f"{len(row)} cells"
            problems.append(
                Problem(
                    where=file,
                    line=reader.line_num,
                    message=message,
                    expected=f"{len(header)} cells",
                )
            )
            continue
        cells = {name: row[index].strip() for name, index in place.items()}
        found = _Row(file, reader.line_num, headers, cells)
        observation = found.observation(campaign)
        problems += found.problems
        if observation is not None:
            observations.append(observation)
    if problems:
        raise InvalidInput(problems)
    if not observations:
        raise InvalidInput(
            [Problem(where=file, message="there are no results in it", expected="one row a well")]
        )
    return observations


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


def from_campaign(
    earlier: str, observations: Sequence[Observation], campaign: Campaign
) -> list[Observation]:
    """What an earlier campaign observed, as far as this one's parameters allow it.

    A parameter that this campaign does not have any more is left out of the conditions.

    Raises:
        InvalidInput: nothing is left of it; the first condition that does not fit says why.
    """
    names = [parameter.name for parameter in campaign.parameters]
    fitting, problems = [], []
    for observation in observations:
        missing = [name for name in names if name not in observation.condition.root]
        values = {name: observation.condition.root[name] for name in names if name not in missing}
        condition = None if missing else campaign.space.snap(values)
        if condition is not None:
            fitting.append(observation.model_copy(update={"condition": condition}))
            continue
        wrong = [
            p for p in campaign.parameters if p.name in values and p.snap(values[p.name]) is None
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


class _Row:
    """One line of the table: collects its problems while it is read."""

    def __init__(
        self, file: str, line: int, headers: Mapping[str, str], cells: Mapping[str, str]
    ) -> None:
        self.problems: list[Problem] = []
        self._file, self._line, self._headers, self._cells = file, line, headers, cells

    def observation(self, campaign: Campaign) -> Observation | None:
        values: dict[str, Value] = {}
        for parameter in campaign.parameters:
            cell = self._cells[parameter.name]
            number = self._number(parameter.name) if parameter.numeric else cell
            if number is None:
                continue
            value = parameter.snap(number)
            if value is None:
                self._problem(parameter.name, f"{cell} is not allowed", parameter.allowed)
            else:
                values[parameter.name] = value
        round_number = 1
        if "round" in self._cells:
            number = self._number("round")
            if number is not None and (number < 1 or number != int(number)):
                self._problem(
                    "round", f"{self._cells['round']} is not a round", "a whole number from 1"
                )
            round_number = int(number or 1)
        name = campaign.objective.name
        if not self._cells[name]:
            return None
        ratio = self._number(name)
        if ratio is not None and not 0 <= ratio <= 1:
            self._problem(name, f"{self._cells[name]} is not a ratio", "a number from 0 to 1")
        if self.problems:
            return None
        return Observation(condition=Condition(values), value=ratio, round=round_number)

    def _number(self, name: str) -> float | None:
        try:
            number = float(self._cells[name])
        except ValueError:
            self._problem(name, f"{self._cells[name]!r} is not a number", "a number")
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
                key=self._headers[name],
                message=message,
                expected=expected,
            )
        )
