"""The command that says what a campaign will likely bring, and compares round plans."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.context import Home, console, opened_journal, read_campaign_input
from protocols.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.studies.forecast import RoundForecast, RoundSizes, Spread
    from protocols.campaign import Campaign
    from protocols.conditions import Observation
    from protocols.scale import Scale

forecasting = typer.Typer()

Target = Annotated[
    float | None,
    typer.Option("--target", help="A true value to reach; the file's stop.target if absent."),
]
Surfaces = Annotated[
    int, typer.Option("--surfaces", min=1, max=1000, help="How many plausible surfaces to draw.")
]
_PLAN = re.compile(
    r"(?P<rounds>\d+)x(?P<wells>\d+)(,controls=(?P<controls>\d+))?(,replicates=(?P<replicates>\d+))?"
)


@forecasting.command()
def forecast(
    file: Annotated[
        Path | None, typer.Argument(help="Campaign file (YAML).", metavar="[FILE]")
    ] = None,
    campaign: Annotated[
        str | None,
        typer.Option(
            "--campaign", help="A campaign of the journal instead of a file, with its results."
        ),
    ] = None,
    history: Annotated[
        Path | None, typer.Option("--history", help="CSV with past results, one row a well.")
    ] = None,
    plan: Annotated[
        list[str] | None,
        typer.Option(
            "--plan",
            help="Another round plan to compare, such as 6x24 or 3x48,controls=0,replicates=2.",
        ),
    ] = None,
    target: Target = None,
    surfaces: Surfaces = 16,
    home: Home = None,
) -> None:
    """Forecast the rounds to come by simulating them; compare round plans.

    For a campaign whose rounds are over: what one more round would bring.
    """
    from orchestrator.studies.forecast import forecast as looked_ahead
    from orchestrator.studies.forecast import simulators, too_little

    study, observations, done = _known(file, campaign, history, home)
    stop = study.stop.model_copy(update={"rounds": max(study.stop.rounds, done + 1)})
    plans = {"as planned": study.model_copy(update={"stop": stop})}
    plans |= {text: _sizes(text).of(study) for text in plan or []}
    for text, other in plans.items():
        if other.stop.rounds <= done:
            message = f"{text} is over after {other.stop.rounds} rounds, and {done} are done"
            raise InvalidInput(
                [Problem(where="--plan", message=message, expected=f"more than {done} rounds")]
            )
    wanted = study.stop.target if target is None else target
    with console.status("simulating"), simulators() as pool:
        # Processes take seconds to start: one surface is done before.
        each = pool.map if surfaces > 1 else map
        found = {
            text: looked_ahead(other, observations, done, wanted, surfaces, each)
            for text, other in plans.items()
        }
    unsure = too_little(study, observations)
    print_forecast(found, wanted, surfaces, len(observations), study.outcome.scale, unsure)


def _known(
    file: Path | None, campaign: str | None, history: Path | None, home: Path | None
) -> tuple[Campaign, Sequence[Observation], int]:
    """The campaign, what was observed, and how many rounds are over."""
    from orchestrator.intake.campaign_check import NamedText, past_observations
    from orchestrator.intake.past_results import read_history

    if (file is None) == (campaign is None):
        raise InvalidInput(
            [Problem(where="wellwise forecast", message="give a FILE or a --campaign, one of them")]
        )
    if file is None:
        with opened_journal(home) as (_, journal):
            state = journal.state(str(campaign))
        return (
            state.campaign,
            state.observations,
            sum(1 for batch in state.rounds if batch.observations),
        )
    from orchestrator.intake.table_files import table_of

    study = read_campaign_input(file).campaign
    if history is None and study.past_results.file is not None:
        history = file.parent / study.past_results.file
    if study.past_results.campaign is not None or study.past_results.similar:
        # As a launch would take it: what was known before round 1.
        table = None if history is None else NamedText(table_of(history), str(history))
        with opened_journal(home) as (_, journal):
            return study, past_observations(journal, study, table)[0], 0
    if history is None:
        return study, [], 0
    observations = read_history(table_of(history), str(history), study, study.past_results.columns)
    return study, observations, max((observation.round for observation in observations), default=0)


def _sizes(text: str) -> RoundSizes:
    from orchestrator.studies.forecast import RoundSizes

    found = _PLAN.fullmatch(text)
    if found is None:
        expected = "ROUNDSxWELLS[,controls=N][,replicates=N], such as 6x24 or 3x48,controls=0"
        raise InvalidInput(
            [Problem(where="--plan", message=f"{text!r} is no round plan", expected=expected)]
        )
    controls = None if found["controls"] is None else int(found["controls"])
    return RoundSizes(
        int(found["rounds"]), int(found["wells"]), controls, int(found["replicates"] or 1)
    )


def print_forecast(
    found: Mapping[str, Sequence[RoundForecast]],
    target: float | None,
    surfaces: int,
    observations: int,
    scale: Scale,
    unsure: str = "",
) -> None:
    """A table with a row for each round of each plan, and what it rests on.

    `unsure` says why there is no probability of the target.
    """
    from rich.table import Table

    table = Table(title="Forecast")
    for name in ("plan", "round", "wells", "days"):
        table.add_column(name, justify="left" if name == "plan" else "right")
    table.add_column("best tried")
    table.add_column("recommended")
    if target is not None and not unsure:
        table.add_column(f"reaches {target:g} {scale.unit}".rstrip(), justify="right")
    for text, rounds in found.items():
        for entry in rounds:
            first = entry is rounds[0]
            chance = [] if entry.reached is None else [f"{entry.reached:.0%}"]
            table.add_row(
                text if first else "",
                str(entry.round),
                str(entry.wells),
                str(entry.days),
                _text(entry.best, scale),
                _text(entry.recommended, scale),
                *chance,
                end_section=entry is rounds[-1],
            )
    console.print(table)
    basis = (
        f"sampled given {observations} results, and given what campaigns get to that begin like "
        "this one"
        if observations
        else (
            "sampled from what is assumed of any objective: good for comparing plans, no promise "
            "for these cells"
        )
    )
    of = "" if scale.is_ratio else f" of {scale.label}"
    console.print(
        f"True values{of}: median and quartiles over {surfaces} plausible surfaces, {basis}.",
        highlight=False,
        soft_wrap=True,
    )
    if target is not None and not unsure:
        console.print(
            "Probabilities are of campaigns that begin like this one; up to 60 % they are too low.",
            highlight=False,
            soft_wrap=True,
        )
    elif target is not None:
        console.print(
            f"No probability of {target:g} is given: {unsure}. Values are what such surfaces would "
            "give.",
            highlight=False,
            soft_wrap=True,
        )


def _text(spread: Spread, scale: Scale) -> str:
    return f"{scale.rough(spread.median)} ({scale.rough(spread.low)} to {scale.rough(spread.high)})"
