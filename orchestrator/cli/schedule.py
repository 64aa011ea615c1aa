"""The command that schedules a campaign without running it, also without some robot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import (
    File,
    LabOption,
    Out,
    console,
    print_stand_ins,
    read_campaign_input,
)
from orchestrator.settings import Settings
from protocols.errors import InvalidInput, Problem
from protocols.number_words import counted

if TYPE_CHECKING:
    from orchestrator.core.scheduling import Slot, Unavailability
    from protocols.campaign import Campaign

scheduling = typer.Typer()

AwayOption = Annotated[
    list[str] | None,
    typer.Option(
        "--away",
        help="ROBOT=FROM/TO: a span without a robot, such as maholo=2026-12-05/2026-12-06.",
    ),
]


@scheduling.command()
def schedule(file: File, lab: LabOption = None, away: AwayOption = None, out: Out = None) -> None:
    """Schedule all rounds, next to the schedule of robots which take what is due first.

    Exits with 1 if a tolerance cannot be kept.
    """
    from orchestrator.core.lifecycle import first_day
    from orchestrator.core.round_planning import plan_round
    from orchestrator.core.scheduling import closed, cost, earliest_due_first, tasks_of
    from orchestrator.core.scheduling import schedule as solved
    from protocols.compile import compile_jobs

    settings = Settings()
    given = read_campaign_input(file, lab)
    print_stand_ins(given, lab)
    campaign = given.campaign
    spans = [_away(text, campaign, settings) for text in away or []]
    first: list[Slot] = []
    best: list[Slot] = []
    begin = datetime.now(UTC).astimezone(settings.zone)
    with console.status("scheduling"):
        # Its conditions are spread over the space: how long jobs take hardly depends on them.
        layout = plan_round(campaign, 1, ()).layout
        for number in range(1, campaign.stop.rounds + 1):
            layout_of_round = layout.model_copy(update={"round": number})
            tasks = tasks_of(
                compile_jobs(campaign, campaign.name, layout_of_round, first_day(campaign, begin))
            )
            gaps = [*spans, *closed(campaign.robots, tasks, begin)]
            first += earliest_due_first(tasks, gaps)
            best += solved(tasks, gaps)
            begin = max(slot.end for slot in best)
    from rich.table import Table

    days = (begin.date() - min(slot.begin for slot in best).date()).days + 1
    sizes = (len(best), "job"), (campaign.stop.rounds, "round"), (days, "day")
    table = Table(title=", ".join(counted(number, what) for number, what in sizes))
    for name in ("order", "tolerances broken", "total lateness, h", "total wait, h"):
        table.add_column(name, justify="left" if name == "order" else "right")
    for name, slots in (("what is due first", first), ("scheduled", best)):
        broken, by, waits = cost(slots)
        hour = timedelta(hours=1)
        table.add_row(name, str(broken), f"{by / hour:.1f}", f"{waits / hour:.1f}")
    console.print(table)
    late = [slot for slot in best if slot.late]
    for slot in late[:10]:
        text = (
            f"too late by {slot.late / timedelta(hours=1):.1f} h: {slot.task.key} on "
            f"{slot.task.robot}"
        )
        console.print(
            f"{text}, {slot.begin:%Y-%m-%d %H:%M}", style="red", highlight=False, soft_wrap=True
        )
    if len(late) > 10:
        console.print(f"... and {len(late) - 10} more", style="red")
    if out is not None:
        _write(best, out)
    if late:
        raise typer.Exit(1)
    console.print("Every job begins within its tolerance.", highlight=False)


def _away(text: str, campaign: Campaign, settings: Settings) -> Unavailability:
    from orchestrator.core.scheduling import Unavailability

    robot, equals, span = text.partition("=")
    try:
        begin, end = (datetime.fromisoformat(part) for part in span.split("/"))
        begin, end = (m if m.tzinfo else m.replace(tzinfo=settings.zone) for m in (begin, end))
        if equals and robot in campaign.robots and begin < end:
            return Unavailability(robot, begin, end)
    except ValueError:
        pass
    robots = ", ".join(campaign.robots)
    expected = (
        f"ROBOT=FROM/TO with one of {robots} and two times, such as 2026-12-05T08:00/2026-12-06"
    )
    raise InvalidInput(
        [Problem(where="--away", message=f"{text!r} is not understood", expected=expected)]
    )


def _write(slots: list[Slot], out: Path) -> None:
    import pandas as pd

    from orchestrator.results.tables import csv_text

    rows = (
        {
            "job": s.task.key,
            "robot": s.task.robot,
            "due": s.task.due.isoformat(),
            "begins": s.begin.isoformat(),
            "ends": s.end.isoformat(),
            "late_h": round(s.late / timedelta(hours=1), 3),
        }
        for s in slots
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(csv_text(pd.DataFrame(rows)), encoding="utf-8")
    console.print(str(out), highlight=False, soft_wrap=True)
