"""The command that rehearses a campaign and writes schedule, calendar and loading list."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import File, LabOption, console, read_campaign_input
from orchestrator.cli.forecast import Target
from orchestrator.settings import Settings
from protocols.errors import InvalidInput, Problem
from protocols.number_words import counted
from protocols.quantities import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.studies.rehearsal import Rehearsal
    from protocols.costs import Cost
    from protocols.working_hours import WorkingHours

rehearsing = typer.Typer()

Folder = Annotated[
    Path, typer.Option("--out", help="Folder for schedule, calendar and loading list.")
]
SurfacesOption = Annotated[
    int,
    typer.Option(
        "--surfaces", min=0, max=1000, help="Plausible surfaces for the forecast; 0: no forecast."
    ),
]
HoursOption = Annotated[
    str | None, typer.Option("--hours", help="When people are in the lab, such as 8:00-18:30.")
]


PricesOption = Annotated[
    Path | None,
    typer.Option(
        "--prices", help="CSV with the columns kind, name, price and per, for the total cost."
    ),
]


@rehearsing.command()
def rehearse(
    file: File,
    lab: LabOption = None,
    hours: HoursOption = None,
    target: Target = None,
    surfaces: SurfacesOption = 8,
    prices: PricesOption = None,
    out: Folder = Path("rehearsal"),
) -> None:
    """Rehearse a campaign on virtual robots: times, conflicts, loading, and what to expect.

    Exits with 1 if a tolerance is broken, a robot is not in the lab file, or something happens when
    nobody is there.
    """
    from orchestrator.cli.forecast import print_forecast
    from orchestrator.intake.table_files import table_of
    from orchestrator.studies.forecast import forecast, scale_is_known, simulators, too_little
    from orchestrator.studies.rehearsal import rehearse as run_rehearsal
    from protocols.costs import costs, needs, read_prices

    present = _hours(hours)
    listed = None if prices is None else read_prices(table_of(prices), str(prices))
    given = read_campaign_input(file, lab)
    campaign = given.campaign
    wanted = campaign.stop.target if target is None else target
    # What values may be is known from their natural range alone before there are any.
    surfaces = surfaces if scale_is_known(campaign, ()) and not campaign.several else 0
    with console.status("rehearsing"), simulators(1) as pool, ThreadPoolExecutor(1) as thread:
        # Another process simulates while this one rehearses the campaign.
        ahead = (
            thread.submit(forecast, campaign, (), 0, wanted, surfaces, pool.map)
            if surfaces
            else None
        )
        found = run_rehearsal(campaign, Settings(), present, given.stand_ins)
    _print(found)
    bill = (
        None
        if listed is None
        else costs(needs(found.loads, {u.robot: u.hours for u in found.utilisation}), listed)
    )
    if bill is not None:
        _print_costs(bill)
    if ahead is not None:
        plans, scale = {"as planned": ahead.result()}, campaign.outcome.scale
        print_forecast(plans, wanted, surfaces, 0, scale, too_little(campaign, ()))
    for path in _write(found, bill, out):
        console.print(str(path), highlight=False, soft_wrap=True)
    if any(conflict.fatal for conflict in found.conflicts):
        raise typer.Exit(1)


def _hours(text: str | None) -> WorkingHours | None:
    from protocols.working_hours import WorkingHours

    if text is None:
        return None
    try:
        begin, end = text.split("-")
        return WorkingHours.model_validate({"from": begin, "to": end})
    except ValueError:
        message = f"{text!r} is no span of a day"
        raise InvalidInput(
            [Problem(where="--hours", message=message, expected="such as 8:00-18:30")]
        ) from None


def _print(found: Rehearsal) -> None:
    from rich.table import Table

    first, last = found.jobs[0], max(found.jobs, key=lambda entry: entry.ended_at)
    console.print(
        f"{found.state.campaign.title or found.state.id}: "
        f"{counted(len(found.state.rounds), 'round')}, "
        f"{counted(len(found.jobs), 'job')}, "
        f"{first.began_at:%Y-%m-%d} to {last.ended_at:%Y-%m-%d}",
        highlight=False,
        soft_wrap=True,
    )
    table = Table(title="Robots")
    for name in ("robot", "jobs", "hours", "busiest day", "hours of that day"):
        table.add_column(name, justify="left" if name in ("robot", "busiest day") else "right")
    for use in found.utilisation:
        table.add_row(
            use.robot,
            str(use.jobs),
            f"{use.hours:.1f}",
            f"{use.busiest:%Y-%m-%d}",
            f"{use.busiest_hours:.1f}",
        )
    console.print(table)
    for conflict in found.conflicts:
        word = "CONFLICT" if conflict.fatal else "note"
        style = "bold red" if conflict.fatal else "yellow"
        text = f"{word}: {conflict.robot}, step {conflict.step}: {conflict.message}"
        text += f". What would mend it: {conflict.remedy}." if conflict.remedy else "."
        console.print(text, style=style, highlight=False, soft_wrap=True)
    if not any(conflict.fatal for conflict in found.conflicts):
        console.print("Every job has its robot and begins within its tolerance.", highlight=False)
    table = Table(title="To be loaded on the first days (all days: loading.csv)")
    for name in ("day", "plates", "liquids, mL", "supplements", "tips"):
        table.add_column(name)
    for load in found.loads[:8]:
        table.add_row(
            f"{load.day}",
            ", ".join(f"{number} {labware}" for labware, number in load.plates.items()) or "-",
            ", ".join(f"{liquid} {volume / 1000:.1f}" for liquid, volume in load.liquids_ul.items())
            or "-",
            ", ".join(f"{s.name} {_in_words(s.amount, s.unit)}" for s in load.substances) or "-",
            ", ".join(f"{number} of {size:g} uL" for size, number in load.tips.items()) or "-",
        )
    console.print(table)


def _in_words(amount: float, unit: str) -> str:
    """An amount as people weigh or measure it, and without a unit a number of pieces."""
    shown, its = readable(amount, unit)
    return f"{shown:,.4g} {its}".rstrip()


def _print_costs(bill: Sequence[Cost]) -> None:
    from rich.table import Table

    table = Table(title="Costs")
    for name in ("", "needed", "cost"):
        table.add_column(name, justify="right" if name else "left")
    for need, cost in bill:
        if cost is not None:
            table.add_row(
                f"{need.kind} {need.name}",
                _in_words(need.amount, need.unit),
                f"{cost:,.2f}",
            )
    total = sum(cost for _, cost in bill if cost is not None)
    table.add_section()
    table.add_row("total", "", f"{total:,.2f}", style="bold")
    console.print(table)
    without = ", ".join(f"{need.kind} {need.name}" for need, cost in bill if cost is None)
    if without:
        console.print(
            f"Without a price, so not in the total: {without}.", highlight=False, soft_wrap=True
        )


def _write(found: Rehearsal, bill: Sequence[Cost] | None, folder: Path) -> list[Path]:
    import pandas as pd

    from orchestrator.results.tables import csv_text
    from protocols.costs import needs_of

    folder.mkdir(parents=True, exist_ok=True)
    schedule = pd.DataFrame(
        {
            "job": entry.job.key,
            "round": entry.job.round,
            "step": entry.job.step,
            "plate": entry.job.plate,
            "robot": entry.job.robot,
            "due": entry.job.due_at.isoformat(),
            "begins": entry.began_at.isoformat(),
            "ends": entry.ended_at.isoformat(),
            "too_late": entry.late,
        }
        for entry in found.jobs
    )
    loading = pd.DataFrame(
        {"day": load.day} | need._asdict() for load in found.loads for need in needs_of(load)
    )
    paths = [folder / "schedule.csv", folder / "loading.csv", folder / "calendar.ics"]
    paths[0].write_text(csv_text(schedule), encoding="utf-8")
    paths[1].write_text(csv_text(loading), encoding="utf-8")
    paths[2].write_bytes(_calendar(found))
    if bill is not None:
        lines = pd.DataFrame(need._asdict() | {"cost": cost} for need, cost in bill)
        paths.append(folder / "costs.csv")
        paths[-1].write_text(csv_text(lines), encoding="utf-8")
    return paths


def _calendar(found: Rehearsal) -> bytes:
    """One entry for each step, robot and day, from its first job's begin to its last one's end."""
    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//wellwise//rehearsal//EN")
    calendar.add("version", "2.0")
    titles = {step.name: step.title for step in found.state.campaign.protocol.steps}
    groups: dict[tuple[int, str, str, object], list[int]] = {}
    for place, entry in enumerate(found.jobs):
        job = entry.job
        groups.setdefault((job.round, job.step, job.robot, job.due_at.date()), []).append(place)
    for (number, step, robot, day), places in groups.items():
        entries = [found.jobs[place] for place in places]
        event = Event()
        event.add("uid", f"{found.state.id}-r{number}-{step}-{robot}-{day}@wellwise")
        event.add("dtstamp", found.jobs[0].began_at)
        event.add("dtstart", min(entry.began_at for entry in entries))
        event.add("dtend", max(entry.ended_at for entry in entries))
        event.add("summary", f"{found.state.id} round {number}: {step} {titles[step]}".strip())
        event.add("location", robot)
        event.add(
            "description",
            f"{counted(len(entries), 'plate')}, due {entries[0].job.due_at:%Y-%m-%d %H:%M}",
        )
        calendar.add_component(event)
    return bytes(calendar.to_ical())
