"""Worklists: what a round's jobs add to wells, as the lists of other people's liquid handlers.

Every liquid with its own supplements is a source, with a place in a block of 96: A1, B1, ... down
the columns.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from protocols.jobs import Job
from protocols.operations import Transfer

Format = Literal["csv", "tecan", "hamilton", "opentrons"]
FORMATS: dict[Format, str] = {
    "csv": ".csv",
    "tecan": ".gwl",
    "hamilton": ".csv",
    "opentrons": ".csv",
}
"""Format -> the ending of its files."""

_BLOCK = (8, 12)
_RACK_LABEL = 32  # characters that EVOware takes
_SLOTS = 11


class Place(NamedTuple):
    """A well of a labware, as the list calls it; `rows` and `columns` are the labware's."""

    labware: str
    well: str
    rows: int
    columns: int

    @property
    def position(self) -> int:
        """The number of the well, from 1, down the columns, as EVOware counts."""
        row, column = ord(self.well[0]) - ord("A"), int(self.well[1:]) - 1
        return column * self.rows + row + 1


class Move(NamedTuple):
    """A volume, in uL, of a liquid from one place to another, by a step of a job."""

    job: str
    liquid: str
    source: Place
    target: Place
    volume_ul: float


def moves_of(jobs: Iterable[Job]) -> list[Move]:
    """What jobs dispense and transfer, in their order; sources get places as they come."""
    sources: dict[str, Place] = {}
    found = []
    for job in jobs:
        rows, columns = job.definition.rows, job.definition.columns
        plate = job.plate_id
        for operation in job.operations:
            if isinstance(operation, Transfer):
                old, new = (
                    Place(name, operation.well, rows, columns) for name in (plate, f"{plate}-fresh")
                )
                found.append(Move(job.key, "contents", old, new, operation.volume_ul))
            elif (added := operation.added) is not None and operation.well_name is not None:
                name = " + ".join(
                    [added.name]
                    + [f"{s.substance} {s.concentration:g} {s.unit}" for s in added.supplements]
                )
                source = sources.setdefault(name, _source(len(sources)))
                target = Place(plate, operation.well_name, rows, columns)
                found.append(Move(job.key, name, source, target, added.volume_ul))
    return found


def source_list(moves: Sequence[Move]) -> str:
    """CSV: which liquid is to be in which place, and how much of it is taken, uL."""
    taken: dict[tuple[str, str, str], float] = {}
    for move in moves:
        if move.liquid != "contents":
            key = (move.source.labware, move.source.well, move.liquid)
            taken[key] = taken.get(key, 0.0) + move.volume_ul
    rows = [[*key, f"{volume:.10g}"] for key, volume in taken.items()]
    return _csv(["labware", "well", "liquid", "volume [uL]"], rows)


def worklist(moves: Sequence[Move], form: Format) -> str:
    """The list of some moves in a format.

    Formats: `csv`, one row a move with all that is known of it; `tecan`, the records A, D and W of
    Freedom EVOware and FluentControl, with a break between jobs; `hamilton`, a CSV of labware,
    position and volume, as Venus's worklist steps take it; `opentrons`, the CSV of the
    cherrypicking protocol of Opentrons' library.

    Raises:
        ValueError: more plates and blocks than an Opentrons deck has slots.
    """
    return _WRITERS[form](moves)


def _source(number: int) -> Place:
    rows, columns = _BLOCK
    block, place = divmod(number, rows * columns)
    name = "sources" if not block else f"sources{block + 1}"
    return Place(name, f"{chr(ord('A') + place % rows)}{place // rows + 1}", rows, columns)


def _plain(moves: Sequence[Move]) -> str:
    header = [
        "job", "liquid", "source_labware", "source_well", "target_labware", "target_well",
        "volume [uL]",
    ]  # fmt: skip
    rows = [
        [
            move.job, move.liquid, move.source.labware, move.source.well, move.target.labware,
            move.target.well, f"{move.volume_ul:.10g}",
        ]
        for move in moves
    ]  # fmt: skip
    return _csv(header, rows)


def _tecan(moves: Sequence[Move]) -> str:
    lines: list[str] = []
    job = None
    for move in moves:
        if move.job != job:
            lines += ([] if job is None else ["B;"]) + [f"C;{_label(move.job, 200)}"]
            job = move.job
        for letter, place in (("A", move.source), ("D", move.target)):
            label = _label(place.labware, _RACK_LABEL)
            lines.append(f"{letter};{label};;;{place.position};;{move.volume_ul:.2f};;;;")
        lines.append("W1;")
    return "".join(f"{line}\n" for line in lines)


def _label(text: str, longest: int) -> str:
    """A text without what separates fields, as its last characters tell plates apart."""
    return text.replace(";", ",").replace("\n", " ")[-longest:]


def _hamilton(moves: Sequence[Move]) -> str:
    header = ["SourceLabware", "SourcePosition", "TargetLabware", "TargetPosition", "Volume"]
    rows = [
        [m.source.labware, m.source.well, m.target.labware, m.target.well, f"{m.volume_ul:.10g}"]
        for m in moves
    ]
    return _csv(header, rows)


def _opentrons(moves: Sequence[Move]) -> str:
    header = [
        "Source Labware", "Source Slot", "Source Well",
        "Source Aspiration Height Above Bottom (in mm)",
        "Dest Labware", "Dest Slot", "Dest Well", "Volume (in ul)",
    ]  # fmt: skip
    places = [place for move in moves for place in (move.source, move.target)]
    names = list(dict.fromkeys(place.labware for place in places))
    if len(names) > _SLOTS:
        raise ValueError(
            f"{len(names)} plates and blocks of sources (an Opentrons deck has {_SLOTS} slots): "
            "take fewer plates, or another format"
        )
    slot = {name: number for number, name in enumerate(names, 1)}
    rows = [
        [
            m.source.labware, str(slot[m.source.labware]), m.source.well, "1", m.target.labware,
            str(slot[m.target.labware]), m.target.well, f"{m.volume_ul:.10g}",
        ]
        for m in moves
    ]  # fmt: skip
    return _csv(header, rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


_WRITERS: Mapping[Format, Callable[[Sequence[Move]], str]] = {
    "csv": _plain,
    "tecan": _tecan,
    "hamilton": _hamilton,
    "opentrons": _opentrons,
}
