"""Commands to begin with: an example that runs, and a first campaign file of one's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Home, Out, console, read_campaign_input
from protocols.errors import WellwiseError

if TYPE_CHECKING:
    from orchestrator.intake.first_file import Wish

beginning = typer.Typer()

_EXAMPLES = "wellwise.examples"


@beginning.command()
def demo(
    example: Annotated[str, typer.Argument(help="Which example.", metavar="EXAMPLE")] = "rpe",
    home: Home = None,
    out: Out = None,
) -> None:
    """Run an example: the published cell culture on a simulated robot, three rounds of 48 wells."""
    from orchestrator.cli.campaign import launch_and_run

    known = sorted(f.name for f in files(_EXAMPLES).iterdir() if (f / "campaign.yaml").is_file())
    if example not in known:
        raise WellwiseError(f"there is no example {example!r} (expected one of {', '.join(known)})")
    launch_and_run(
        Path(str(files(_EXAMPLES) / example / "campaign.yaml")), home, again=True, out=out
    )


@beginning.command()
def new(
    file: Annotated[Path, typer.Argument(help="Where to write it.", metavar="FILE")] = Path(
        "campaign.yaml"
    ),
) -> None:
    """Write a campaign file of one's own from a few questions."""
    from orchestrator.intake.first_file import Study, first_file

    if file.exists():
        raise WellwiseError(f"{file} is there already (expected the name of a new file)")
    title = typer.prompt("What is studied, in a few words")
    outcome = typer.prompt("What is measured in each sample")
    unit = typer.prompt("Its unit (Enter: none)", default="", show_default=False)
    wanted = typer.prompt(
        "Is it to be high, low, or near a target (type the target)", default="high"
    )
    direction, target = _direction(wanted)
    wishes = _wishes()
    samples = typer.prompt("How many samples are prepared at a time", type=int, default=8)
    rounds = typer.prompt("How many times at most", type=int, default=4)
    if samples < 1 or rounds < 1:
        raise WellwiseError("a round needs a sample, and a campaign a round (expected 1 or more)")
    study = Study(title, outcome, unit, direction, target, wishes, samples, rounds)
    file.write_text(first_file(study), encoding="utf-8")
    read_campaign_input(file)
    console.print(f"{file} is written and valid. Go on with:", highlight=False, soft_wrap=True)
    for then in ("rehearse", "run"):
        console.print(f"  wellwise {then} {file}", highlight=False, soft_wrap=True)


def _direction(wanted: str) -> tuple[str, float | None]:
    words = {"high": "maximise", "low": "minimise"}
    if wanted.strip().lower() in words:
        return words[wanted.strip().lower()], None
    try:
        return "match", float(wanted)
    except ValueError:
        raise WellwiseError(
            f"{wanted!r} is not understood (expected high, low or a number)"
        ) from None


def _wishes() -> list[Wish]:
    from orchestrator.intake.first_file import Wish, checked

    console.print("What varies? One after the other; Enter ends.", highlight=False)
    found: list[Wish] = []
    while True:
        title = typer.prompt("  Name", default="", show_default=False)
        if not title:
            if found:
                return found
            console.print("  At least one is needed.", style="yellow")
            continue
        unit = typer.prompt("  Its unit (Enter: none)", default="", show_default=False)
        values = typer.prompt("  Its values (1 to 100; 5 to 60 by 5; 25, 37, 42; DMF, THF)")
        today = typer.prompt("  Today's value (Enter: none)", default="", show_default=False)
        try:
            found.append(checked(Wish(title, unit, values, today), found))
        except WellwiseError as error:
            console.print(f"  {error}", style="yellow", highlight=False, soft_wrap=True)
