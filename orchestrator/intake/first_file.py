"""A first campaign file from a few answers: commented, valid, and for a person with a checklist."""

import json
import math
import re
from collections.abc import Sequence
from string import Template
from typing import NamedTuple, NoReturn

from protocols.errors import InvalidInput, Problem
from protocols.quantities import same_dimension

_RANGE = re.compile(r"^(?P<low>\S+)\s+to\s+(?P<high>\S+)(?:\s+by\s+(?P<by>\S+))?$")
_MOST_ACROSS = 12
_VALUES = "such as 1 to 100; 5 to 60 by 5; 25, 37, 42; or DMF, THF, toluene"

_TEMPLATE = Template("""\
# $heading
# wellwise validate checks this file, wellwise rehearse shows what it would do, wellwise run begins.
name: $name
title: $title
seed: 1
# A round begins as soon as its conditions are known.
start: now

# What is measured in each sample. A person enters it; a scorer could derive it from a plate
# reader's table, an image or a trace.
outcomes:
  - $outcome
objectives:
  - $objective

# What varies; `standard` is today's value.
parameters:
$parameters

# What is done to each sample: here a person sets what varies, by a checklist. Put the operations
# of your own protocol in its place (dispense, heat, wait and so on), in as many steps as it has.
protocol:
  name: $name
  steps:
    - name: prepare
      title: Preparation
      robot: person
      days: 0
      tolerance: 1 day
      operations:
$settings

# A place for each sample of a round.
plates:
  count: 1
  labware: {name: samples, rows: $rows, columns: $columns, capacity: 2 mL}

# The first round is spread over what is possible; later ones rest on what was measured.
rounds:
  first: {$first}
  later: {proposed: $samples}

stop: {rounds: $rounds}

robots:
  person: {driver: manual}
""")


class Wish(NamedTuple):
    """What varies: a name as people say it, a unit or none, and its values as they were typed.

    `1 to 100` is a range, `5 to 60 by 5` and `25, 37, 42` are levels, and other words categories.
    `today` is the value of today's practice, if there is one.
    """

    title: str
    unit: str
    values: str
    today: str = ""

    @property
    def name(self) -> str:
        """As campaign files have it."""
        return _name(self.title)


class Study(NamedTuple):
    """What somebody wants to find out. `target` is wanted where the direction is `match`."""

    title: str
    outcome: str
    unit: str
    direction: str
    target: float | None
    wishes: Sequence[Wish]
    samples: int
    rounds: int


def checked(wish: Wish, others: Sequence[Wish] = ()) -> Wish:
    """The wish, if it can be part of a campaign file beside the others.

    Raises:
        InvalidInput: its values cannot be read, its unit is not known, its name is another's.
    """
    if wish.name in {other.name for other in others}:
        _refuse(wish.title, "this name is there already", "another name")
    _parameter(wish, standard=True)
    return wish


def first_file(study: Study) -> str:
    """The text of a campaign file.

    Raises:
        InvalidInput: a unit is not known, or a wish is wrong (see `checked`).
    """
    for index, wish in enumerate(study.wishes):
        checked(wish, study.wishes[:index])
    outcome = _name(study.outcome)
    target = "" if study.target is None else f", target: {study.target:g}"
    standard = all(wish.today.strip() for wish in study.wishes)
    controlled = standard and study.samples > 1
    first = f"initial: {study.samples - controlled}" + (", standard: 1" if controlled else "")
    rows, columns = _places(study.samples)
    unit = _unit(study.outcome, study.unit)
    settings = (
        f"        - {{do: set, setting: {name}, value: {{parameter: {name}}}, each: well}}"
        for name in (wish.name for wish in study.wishes)
    )
    return _TEMPLATE.substitute(
        name=_name(study.title),
        heading=" ".join(study.title.split()),
        title=_text(study.title),
        outcome=f"{{name: {outcome}, title: {_text(study.outcome)}{unit}, by_hand: true}}",
        objective=f"{{outcome: {outcome}, direction: {study.direction}{target}}}",
        parameters="\n".join(_parameter(wish, standard) for wish in study.wishes),
        settings="\n".join(settings),
        rows=rows,
        columns=columns,
        first=first,
        samples=study.samples,
        rounds=study.rounds,
    )


def _parameter(wish: Wish, standard: bool) -> str:
    text, today = wish.values.strip(), wish.today.strip()
    head = f"  - {{name: {wish.name}, title: {_text(wish.title)}, step: prepare, kind: "
    unit = _unit(wish.title, wish.unit)
    end = f", standard: {_value(today)}}}" if standard and today else "}"
    found = _RANGE.match(text)
    if found and all(_is_number(part) for part in found.groups() if part):
        low, high, by = found.groups()
        if by:
            return f"{head}stepped{unit}, levels: {{from: {low}, to: {high}, by: {by}}}{end}"
        return f"{head}continuous{unit}, low: {low}, high: {high}{end}"
    levels = [level.strip() for level in text.split(",") if level.strip()]
    if found or len(levels) < 2:
        _refuse(wish.title, f"{text!r} cannot be read as values", _VALUES)
    if all(_is_number(level) for level in levels):
        return f"{head}stepped{unit}, levels: [{', '.join(sorted(levels, key=float))}]{end}"
    return f"{head}category, levels: [{', '.join(map(_text, levels))}]{end}"


def _unit(where: str, unit: str) -> str:
    unit = unit.strip()
    if not unit:
        return ""
    try:
        same_dimension(unit, unit)
    except ValueError:
        _refuse(where, f"{unit!r} is no unit", "such as uL, mM, degC or percent, or none")
    return f", unit: {_text(unit)}"


def _places(samples: int) -> tuple[int, int]:
    """Rows and columns of labware with just so many places."""
    widths = range(min(samples, _MOST_ACROSS), 1, -1)
    across = next((width for width in widths if samples % width == 0), samples)
    return samples // across, across


def _name(title: str) -> str:
    """A name as campaign files have them: small letters, digits and low lines."""
    found = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
    return found if found[:1].isalpha() else f"x_{found}".rstrip("_")


def _text(text: str) -> str:
    """A text in quotes, as YAML reads it back."""
    return json.dumps(text.strip(), ensure_ascii=False)


def _value(text: str) -> str:
    return text if _is_number(text) else _text(text)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _refuse(where: str, message: str, expected: str) -> NoReturn:
    raise InvalidInput([Problem(where=where, message=message, expected=expected)])
