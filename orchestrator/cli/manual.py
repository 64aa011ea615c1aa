"""Commands for people who do jobs by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from drivers.checklist import Checklist
from orchestrator.cli.context import Home, console, person, settings_for
from protocols.errors import InvalidInput, Problem
from protocols.jobs import JobReport

manual = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Person = Annotated[
    str, typer.Argument(help="The person, by the robot's name in the campaign.", metavar="ROBOT")
]
Key = Annotated[str, typer.Argument(help="The job, as the checklist names it.", metavar="JOB")]
Well = Annotated[str, typer.Argument(help="The well, such as A1.")]


@manual.command("list")
def list_jobs(robot: Person, home: Home = None) -> None:
    """The checklists that wait for a person."""
    with _checklist(robot, home) as checklist:
        jobs = checklist.open_jobs()
        for job, report in jobs:
            console.print(
                f"\n{job.key}: {job}, due {job.due_at:%Y-%m-%d %H:%M}",
                style="bold",
                highlight=False,
                soft_wrap=True,
            )
            for item in checklist.items(job):
                mark = "x" if item.done else " "
                console.print(
                    f"  [{mark}] {item.number:3} {item.words}",
                    highlight=False,
                    soft_wrap=True,
                )
            for well, why in report.failed_wells.items():
                console.print(f"  {well} went wrong: {why}", highlight=False)
        if not jobs:
            console.print(f"Nothing waits for {robot}.")
        else:
            named = jobs[0][0].key if len(jobs) == 1 else "JOB"
            console.print(
                f"\nWhen done: wellwise manual confirm {robot} {named} [ITEM...]",
                highlight=False,
                soft_wrap=True,
            )


@manual.command()
def confirm(
    robot: Person,
    key: Key,
    items: Annotated[
        list[int] | None, typer.Argument(help="Items; all that read nothing if absent.")
    ] = None,
    home: Home = None,
) -> None:
    """Say that items of a checklist were done."""
    with _checklist(robot, home) as checklist:
        _say(checklist.confirm(key, items or [], datetime.now(UTC), person()))


@manual.command()
def image(
    robot: Person,
    key: Key,
    well: Well,
    file: Annotated[Path, typer.Argument(help="The image.")],
    home: Home = None,
) -> None:
    """Give the image that was taken of a well."""
    picture = _content(file)
    with _checklist(robot, home) as checklist:
        _say(checklist.image(key, well, picture, datetime.now(UTC), person()))


@manual.command()
def read(
    robot: Person,
    key: Key,
    item: Annotated[int, typer.Argument(help="The item of the checklist.")],
    value: Annotated[str, typer.Argument(help="A number, or a file.")],
    unit: Annotated[str, typer.Option("--unit", help="Unit of the numbers.")] = "",
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="Keep the file as its vendor wrote it.")
    ] = False,
    block: Annotated[
        str, typer.Option("--block", help="Which block of the file, by its name or number.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of what somebody else gave.")
    ] = False,
    home: Home = None,
) -> None:
    """Give what an item read: a number, or a file with an image, a plate's table or a trace."""
    given: float | bytes
    try:
        given = float(value)
    except ValueError:
        given = _content(Path(value))
    with _checklist(robot, home) as checklist:
        now, name = datetime.now(UTC), Path(value).name
        said = checklist.read(key, item, given, now, unit, name, as_it_is, person(), replace, block)
        _say(said)


@manual.command()
def fail(
    robot: Person,
    key: Key,
    well: Well,
    why: Annotated[str, typer.Option("--why", help="What happened.")],
    home: Home = None,
) -> None:
    """Say that a well went wrong: it is lost, the others go on."""
    with _checklist(robot, home) as checklist:
        _say(checklist.fail(key, well, why, datetime.now(UTC), person()))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(
            [Problem(where=str(file), message=f"cannot be read: {error.strerror}")]
        ) from None


@contextmanager
def _checklist(robot: str, home: Path | None) -> Iterator[Checklist]:
    checklist = Checklist(settings_for(home).home, robot)
    try:
        yield checklist
    finally:
        checklist.close()


def _say(report: JobReport) -> None:
    state = (
        "The job is done."
        if report.state == "done"
        else f"{report.operations_done} items are confirmed."
    )
    console.print(state, highlight=False)
