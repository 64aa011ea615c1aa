"""Charts of the dashboard: positions and colours, which the templates render as SVG."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from statistics import fmean, quantiles
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator

from orchestrator.core.state import CampaignState, JobStatus, RoundState, WellState
from orchestrator.journal.queries import StepDay
from orchestrator.results.model_figures import COLOUR_MAP
from orchestrator.service.schema import StepView
from protocols.scale import Scale, share
from protocols.wells import well_row_column

WIDTH, HEIGHT = 1100.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 12.0, 22.0, 34.0


class Dot(NamedTuple):
    """A well on a chart; `shape` goes with the role, so that nothing depends on colour alone."""

    x: float
    y: float
    shape: str
    title: str
    link: str


class Band(NamedTuple):
    """The wells of one round on a chart."""

    x: float
    width: float
    label: str
    low: float
    middle: float
    high: float
    wells: int


class Level(NamedTuple):
    """A line across a chart."""

    y: float
    label: str
    kind: str


class ValueChart(NamedTuple):
    """Every well in the order of rounds and plates, the best so far, and each round's quartiles."""

    dots: tuple[Dot, ...]
    best: str
    bands: tuple[Band, ...]
    levels: tuple[Level, ...]
    ticks: tuple[tuple[float, str], ...]
    text: str


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


_SHAPES = {"standard": "square", "control": "diamond"}


Ends = tuple[float, float]
"""The values at the bottom and the top of an axis, or at the dark and the bright end of colours."""


def ends_of(state: CampaignState) -> Ends:
    """The natural range of a campaign's values, or a little more than they and the target have."""
    found = [well.trusted for batch in state.rounds for well in batch.wells]
    levels = [state.campaign.stop.target, state.campaign.objective.target]
    shown = [value for value in (*found, *levels) if value is not None]
    return state.campaign.outcome.scale.ends(shown)


def _y(value: float, ends: Ends) -> float:
    return round(TOP + (1 - share(value, ends)) * (HEIGHT - TOP - BOTTOM), 1)


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


def value_chart(state: CampaignState) -> ValueChart:
    """Where every well of a campaign lies."""
    objective, scale = state.campaign.objective, state.campaign.outcome.scale
    ends = ends_of(state)
    number = max(sum(len(batch.wells) for batch in state.rounds), 1)
    step = (WIDTH - LEFT - RIGHT) / number
    dots: list[Dot] = []
    bands: list[Band] = []
    line: list[str] = []
    best: float | None = None
    place = 0
    for round_ in state.rounds:
        begin = place
        values = []
        for well in round_.wells:
            x = round(LEFT + (place + 0.5) * step, 1)
            place += 1
            value = well.trusted
            if value is None:
                continue
            values.append(value)
            best = objective.best([value] if best is None else [best, value])
            line.append(f"{x},{_y(value if best is None else best, ends)}")
            where = f"round {round_.number}, plate {well.well.plate}, {well.well.name}"
            title = f"{scale.text(value)}, {well.proposal.role}: {where}"
            dots.append(
                Dot(
                    x,
                    _y(value, ends),
                    _SHAPES.get(well.proposal.role, "circle"),
                    title,
                    _link(state, round_, well),
                )
            )
        low, middle, high = quantiles(values, n=4) if len(values) > 1 else (values or [ends[0]]) * 3
        x, width = round(LEFT + begin * step, 1), round((place - begin) * step, 1)
        bands.append(
            Band(
                x,
                width,
                f"round {round_.number}",
                _y(low, ends),
                _y(middle, ends),
                _y(high, ends),
                len(values),
            )
        )
    return ValueChart(
        dots=tuple(dots),
        best=" ".join(line),
        bands=tuple(bands),
        levels=tuple(_levels(state, ends)),
        ticks=tuple((_y(value, ends), f"{value:g}") for value in _ticks(scale, ends)),
        text=f"{len(dots)} wells with a value in {len(state.rounds)} rounds; "
        + ("no value yet" if best is None else f"best so far {scale.text(best)}"),
    )


def _ticks(scale: Scale, ends: Ends) -> list[float]:
    """Five values over a natural range, or round ones between the ends."""
    low, high = ends
    if scale.natural_range is not None:
        return [low + quarter * (high - low) / 4 for quarter in range(5)]
    return [float(value) for value in MaxNLocator(5).tick_values(low, high) if low <= value <= high]


def _levels(state: CampaignState, ends: Ends) -> Sequence[Level]:
    scale, stop, wanted = (
        state.campaign.outcome.scale,
        state.campaign.stop.target,
        state.campaign.objective.target,
    )
    standards = [
        value
        for round_ in state.rounds
        for well in round_.wells
        if well.proposal.role == "standard" and (value := well.trusted) is not None
    ]
    levels = []
    if standards:
        mean = fmean(standards)
        levels.append(Level(_y(mean, ends), f"standard {scale.rough(mean)}", "standard"))
    if stop is not None:
        levels.append(Level(_y(stop, ends), f"target {stop:g}", "target"))
    if wanted is not None and wanted != stop:
        levels.append(Level(_y(wanted, ends), f"to match {wanted:g}", "target"))
    return levels


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
            summary = (
                ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in words.items())
                or "planned"
            )
            title = f"{_named(step)}, day {day}: {summary}"
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
    at = {job.plate: f"{job.step}: {job.status.value.replace('_', ' ')}" for job in round_.jobs}
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
            status = {"lost": f"lost: {well.lost}", "waits": "no value yet"}.get(word, "")
            status = status or scale.text(value) + (
                f", flagged {', '.join(well.flags)}" if well.flags else ""
            )
            wells.append(
                MapWell(
                    name=well.well.name,
                    row=row + 1,
                    column=column + 1,
                    fill=fill,
                    ink=ink,
                    shown=shown,
                    role=well.proposal.role,
                    label=f"Plate {plate} {well.well.name}, {well.proposal.role}: {status}",
                    link=_link(state, round_, well),
                    state=word,
                )
            )
        found.append(PlateMap(plate, at.get(plate, ""), rows, columns, tuple(wells)))
    return found
