"""The calendar and the plate maps: positions and colours, which the templates render as SVG."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.colors import to_hex

from orchestrator.core.state import CampaignState, JobStatus, RoundState, WellState
from orchestrator.journal.queries import StepDay
from orchestrator.languages import gettext, in_words
from orchestrator.results.model_figures import COLOUR_MAP
from orchestrator.service.schema import StepView
from protocols.scale import share
from protocols.wells import well_row_column


class Cell(NamedTuple):
    """The jobs of a step on a day."""

    x: float
    y: float
    state: str
    title: str


class Calendar(NamedTuple):
    """Steps over the days of a round, and where the lab is now."""

    cells: tuple[Cell, ...]
    rows: tuple[tuple[float, str], ...]
    days: tuple[tuple[float, str], ...]
    now: float | None
    size: float
    width: float
    height: float


class MapWell(NamedTuple):
    """A well of a plate map."""

    name: str
    row: int
    column: int
    fill: str
    ink: str
    """`light` or `dark`: the text upon it."""
    shown: str
    role: str
    label: str
    link: str
    state: str


class PlateMap(NamedTuple):
    """A plate with its wells; empty places are those that no round uses."""

    number: int
    now: str
    rows: int
    columns: int
    wells: tuple[MapWell, ...]


Ends = tuple[float, float]
"""The values at the bottom and the top of an axis, or at the dark and the bright end of colours."""


def ends_of(state: CampaignState) -> Ends:
    """The natural range of a campaign's values, or a little more than they and the target have."""
    found = [well.trusted for batch in state.rounds for well in batch.wells]
    levels = [state.campaign.stop.target, state.campaign.objective.target]
    shown = [value for value in (*found, *levels) if value is not None]
    return state.campaign.outcome.scale.ends(shown)


@lru_cache(1024)
def colour(place: float) -> tuple[str, str]:
    """The colour at a place (0..1), the same to colour-blind people, and that of text upon it."""
    red, green, blue, _ = mpl.colormaps[COLOUR_MAP](min(max(place, 0.0), 1.0))
    # Relative luminance decides which text is read best (WCAG 2).
    bright = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    return to_hex((red, green, blue)), "dark" if bright > 0.18 else "light"


def scale() -> list[tuple[float, str]]:
    """The colours at places from 0 to 1, for a legend."""
    return [(step / 20, colour(step / 20)[0]) for step in range(21)]


def _link(state: CampaignState, round_: RoundState, well: WellState) -> str:
    return f"/campaigns/{state.id}/wells/{round_.number}/{well.well.plate}/{well.well.name}"


_CELL, _ROW, _NAMES = 23.0, 30.0, 190.0
_WORST = ("in_doubt", "late", "failed", "working", "planned", "dropped", "done")


def calendar(
    steps: Sequence[StepView],
    counts: Mapping[StepDay, Counter[JobStatus]],
    round_: RoundState,
    last_day: int,
    now: datetime | None,
) -> Calendar:
    """A round's steps by day; `now` is the lab's time, in the zone in which days are meant."""
    cells = []
    for row, step in enumerate(steps):
        for day in step.days:
            found = counts.get(StepDay(step.name, day), Counter())
            words = Counter({_word(status): number for status, number in found.items() if number})
            state = next((word for word in _WORST if words[word]), "planned")
            summary = ", ".join(
                f"{number} {in_words(word)}" for word, number in words.items()
            ) or gettext("planned")
            title = gettext("{step}, day {day}: {jobs}", step=_named(step), day=day, jobs=summary)
            cells.append(Cell(_NAMES + day * _CELL, row * _ROW + 24, state, title))
    first = round_.started_at
    line = None
    if now is not None and not round_.finished:
        zone = now.tzinfo
        midnight = first.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        passed = (now - midnight) / timedelta(days=1)
        if 0 <= passed <= last_day + 1:
            line = round(_NAMES + passed * _CELL, 1)
    every = 7 if last_day > 20 else 1
    return Calendar(
        cells=tuple(cells),
        rows=tuple((row * _ROW + 24, _named(step)) for row, step in enumerate(steps)),
        days=tuple((_NAMES + day * _CELL, str(day)) for day in range(0, last_day + 1, every)),
        now=line,
        size=_CELL - 2,
        width=_NAMES + (last_day + 1) * _CELL + 12,
        height=len(steps) * _ROW + 30,
    )


def _named(step: StepView) -> str:
    return (
        step.title
        if step.title.lower() == step.name.lower()
        else f"{step.name} {step.title}".strip()
    )


def _word(status: JobStatus) -> str:
    return "working" if status.in_flight else status.value


def plate_maps(state: CampaignState, round_: RoundState) -> list[PlateMap]:
    """The plates of a round as maps."""
    labware = state.campaign.plates.definition
    rows, columns = labware.rows, labware.columns
    scale, ends = state.campaign.outcome.scale, ends_of(state)
    found = []
    # The next job of each plate says where the plate is.
    at = {job.plate: f"{job.step}: {in_words(job.status.value)}" for job in round_.jobs}
    for plate in dict.fromkeys(well.well.plate for well in round_.wells):
        wells = []
        for well in (well for well in round_.wells if well.well.plate == plate):
            row, column = well_row_column(well.well.name)
            value = None if well.lost else well.value
            fill, ink = (
                colour(round(share(value, ends), 3)) if value is not None else ("none", "plain")
            )
            word = (
                "lost"
                if well.lost
                else "flagged"
                if well.flags
                else "read"
                if value is not None
                else "waits"
            )
            shown = (
                "\N{MULTIPLICATION SIGN}"
                if well.lost
                else scale.rough(value)
                if value is not None
                else ""
            )
            if word == "lost":
                status = gettext("lost: {lost}", lost=well.lost)
            elif word == "waits":
                status = gettext("no value yet")
            else:
                status = scale.text(value)
                if well.flags:
                    flags = ", ".join(map(in_words, well.flags))
                    status += ", " + gettext("flagged {flags}", flags=flags)
            wells.append(
                MapWell(
                    name=well.well.name,
                    row=row + 1,
                    column=column + 1,
                    fill=fill,
                    ink=ink,
                    shown=shown,
                    role=well.proposal.role,
                    label=gettext(
                        "Plate {plate} {well}, {role}: {status}",
                        plate=plate,
                        well=well.well.name,
                        role=in_words(well.proposal.role),
                        status=status,
                    ),
                    link=_link(state, round_, well),
                    state=word,
                )
            )
        found.append(PlateMap(plate, at.get(plate, ""), rows, columns, tuple(wells)))
    return found
