"""The command line: which commands there are, and in which module each of them is."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, ClassVar

import typer

from orchestrator.cli.lazy import (
    LabPackagesMissing,
    Lazy,
    LazyGroup,
    Sections,
    Version,
    is_of_the_lab,
)
from orchestrator.core.acts_table import ACT_SPECS

if TYPE_CHECKING:
    from protocols.errors import WellwiseError


def _of(module: str, attribute: str, **commands: str) -> dict[str, Lazy]:
    """Commands of a module: name (with _ for -) -> help."""
    where = f"orchestrator.cli.{module}"
    return {name.replace("_", "-"): Lazy(text, where, attribute) for name, text in commands.items()}


def _group(name: str, module: str, attribute: str, text: str) -> dict[str, Lazy]:
    return {name: Lazy(text, f"orchestrator.cli.{module}", attribute, group=True)}


class Commands(LazyGroup):
    """Every command, most used first."""

    sections: ClassVar[Sections] = {
        "Begin": _of(
            "begin",
            "beginning",
            demo="Run an example on a simulated robot.",
            new="Write a campaign file of your own from a few questions.",
        ),
        "Campaigns": _of(
            "campaign",
            "campaigns",
            run="Run a campaign from its file to its best condition.",
            resume="Go on with a campaign that was interrupted or paused.",
            status="List the campaigns, their states, and what a person is asked.",
            show="Show the rounds of a campaign, its best condition and its notices.",
            validate="Check a campaign file; every problem with its line and key.",
            propose="Propose and lay out the next round from a table of past results.",
            migrate="Rewrite a campaign file of the earlier form; comments stay.",
            schema="Print the JSON Schema of campaign files, for editors.",
        ),
        "Steering": {
            **{
                spec.command: Lazy(spec.summary, "orchestrator.cli.steering", "operators")
                for spec in ACT_SPECS
                if spec.command
            },
            **_of(
                "steering",
                "operators",
                stop_now="Stop the robots at once, then pause the campaign.",
                advance="Do what is due now and say when to come back.",
            ),
        },
        "Results": {
            **_of(
                "results",
                "results",
                export="Write a tidy table of a campaign, one row a well.",
                report="Write the report of a campaign as HTML and PDF.",
                verify="Check that every part of an RO-Crate is as it was.",
                replay="Propose every batch again and compare.",
            ),
            **_of(
                "worklists",
                "worklists",
                worklist="Write a round's worklists and its plate map to print.",
            ),
            **_of(
                "measurement",
                "measuring",
                agreement="Say how far the scorer lies from what people read by hand.",
            ),
            **_of(
                "calibration",
                "calibrating",
                calibrate="Make a profile of a lab's images for a scorer.",
            ),
            **_of(
                "causes",
                "finding_causes",
                causes="Say which of some columns causes which, and how sure that is.",
            ),
        },
        "Planning": {
            **_of(
                "rehearsal",
                "rehearsing",
                rehearse="Rehearse a campaign on virtual robots: times, conflicts, loading.",
            ),
            **_of(
                "schedule",
                "scheduling",
                schedule="Schedule all rounds next to the lab's other work.",
            ),
            **_of(
                "forecast",
                "forecasting",
                forecast="Forecast the rounds to come by simulating them.",
            ),
            **_of(
                "confirmation",
                "confirming",
                confirm="Plan a comparison of the recommended condition.",
            ),
        },
        "Optimiser": _group(
            "strategy", "strategies", "strategies", "Strategies of proposing: list, set up."
        ),
        "Robots": {
            **_group("robot", "robots", "robots", "Robots of a lab file, on the bench."),
            **_group(
                "driver", "drivers", "drivers", "Drivers: list, describe, check, begin a new one."
            ),
            **_group("manual", "manual", "manual", "Checklists for jobs that a person does."),
        },
        "Lab": {
            **_of(
                "serve",
                "serving",
                serve="Serve the dashboard and the HTTP API, and run every campaign.",
            ),
            **_group("remote", "remote", "remote", "Campaigns of a service elsewhere."),
            **_of(
                "assistant",
                "assistants",
                mcp="Give an assistant the tools of a service (MCP).",
            ),
            **_group("token", "serve", "tokens", "Access tokens of the service."),
            **_of(
                "workers",
                "lab_commands",
                worker="Do the jobs of robots at this computer, until interrupted.",
                serve_flows="Advance the campaigns of a lab with workers, until interrupted.",
            ),
            **_of(
                "backup",
                "backups",
                backup="Write everything into one checked archive.",
                restore="Fill an empty home and journal from an archive.",
            ),
        },
    }


app = typer.Typer(
    cls=Commands,
    help="Closed-loop experiments in the lab: propose, do, measure, learn, again.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _options(version: Version = False) -> None:
    pass


def main() -> None:
    """Run the command line; what a person can mend is printed without a traceback (exit code 2)."""
    from protocols.errors import WellwiseError

    try:
        app()
    except WellwiseError as error:
        _end(_in_words(error))
    except ModuleNotFoundError as error:
        if is_of_the_lab(error):
            _end(str(LabPackagesMissing()))
        raise


def _in_words(error: WellwiseError) -> str:
    """What is wrong, in the language of the terminal where a catalogue has it.

    Who has only what a client needs has no catalogues.
    """
    asked = language_of_terminal()
    if not asked:
        return str(error)
    from protocols.errors import InvalidInput

    try:
        from orchestrator.languages import finding, problem_in_words, speaking, translated, wanted
    except ModuleNotFoundError:
        return str(error)
    with speaking(wanted(None, asked)):
        if isinstance(error, InvalidInput):
            return "\n".join(problem_in_words(translated(one)) for one in error.problems)
        return finding(str(error))


def language_of_terminal() -> str:
    """The language that the environment asks for, as in `ja` or `ja-jp`; empty for none.

    By LC_ALL, LC_MESSAGES or LANG, the first that is set (POSIX, 8.2).
    """
    named = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    found = named.partition(".")[0].partition("@")[0].replace("_", "-")
    return "" if found in ("C", "POSIX") else found


def _end(message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True).print(Text(message, style="red"), soft_wrap=True, highlight=False)
    sys.exit(2)
