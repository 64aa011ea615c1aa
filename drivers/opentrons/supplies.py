"""What is left on an OT-2's deck: tips and liquids, counted across jobs in its job book."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from drivers.job_book import JobBook
from drivers.opentrons.deck import OpentronsOptions, Source
from drivers.supplies import Supply

_Number = TypeVar("_Number", int, float)

_USED = "used"
TIPS_OF_A_RACK = 96


@dataclass(frozen=True)
class Used:
    """Tips by mount, and volumes (uL) by well of a reservoir, as `RESERVOIR WELL`."""

    tips: Mapping[str, int] = field(default_factory=dict)
    volumes_ul: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: "Used") -> "Used":
        return Used(_sum(self.tips, other.tips), _sum(self.volumes_ul, other.volumes_ul))

    def without(self, names: Collection[str]) -> "Used":
        """All but the tips of some mounts and the volumes of some wells."""
        return Used(
            {name: number for name, number in self.tips.items() if name not in names},
            {name: volume for name, volume in self.volumes_ul.items() if name not in names},
        )


def place_of(source: Source, well: str) -> str:
    """How a source's well is called."""
    return f"{source.reservoir} {well}"


def note_used(book: JobBook, key: str, used: Used) -> None:
    """Note what a job takes, before it begins; the same job again takes the same."""
    content = {"tips": dict(used.tips), "volumes_ul": dict(used.volumes_ul)}
    book.note(key, _USED, json.dumps(content))


def used_by_others(book: JobBook, key: str = "") -> Used:
    """What every job but this one has taken since its racks and reservoirs were full."""
    return sum((used for other, used in _noted(book) if other != key), Used())


def refill(book: JobBook, names: Collection[str]) -> None:
    """Note that racks (by mount) and wells of reservoirs are full again."""
    for key, used in _noted(book):
        note_used(book, key, used.without(names))


def supplies(options: OpentronsOptions, used: Used) -> list[Supply]:
    """Everything on the deck that is used up, and what is left of it."""
    found = [
        Supply(
            mount,
            pipette.tips,
            tips_there(options, mount) - used.tips.get(mount, 0),
            tips_there(options, mount),
            "tips",
        )
        for mount, pipette in options.pipettes.items()
    ]
    for name, source in (*options.liquids.items(), *options.stocks.items()):
        for well in source.wells:
            place = place_of(source, well)
            full = source.volume_ul - source.dead_ul
            found.append(Supply(place, name, full - used.volumes_ul.get(place, 0.0), full, "uL"))
    return found


def tips_there(options: OpentronsOptions, mount: str) -> int:
    """How many tips a mount's full racks have."""
    return TIPS_OF_A_RACK * len(options.pipettes[mount].slots)  # type: ignore[index]


def _noted(book: JobBook) -> list[tuple[str, Used]]:
    return [(key, Used(**json.loads(text))) for key, text in book.notes(_USED)]


def _sum(one: Mapping[str, _Number], other: Mapping[str, _Number]) -> dict[str, _Number]:
    found = dict(one)
    for name, amount in other.items():
        found[name] = found[name] + amount if name in found else amount
    return found
