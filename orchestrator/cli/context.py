"""What every command needs: console, journal, campaign and person."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.console import Console

from orchestrator.settings import Settings
from protocols.errors import InvalidInput, Problem, WellwiseError

if TYPE_CHECKING:
    from orchestrator.core.lifecycle import Question
    from orchestrator.errors import Owned
    from orchestrator.journal.journal import Journal
    from protocols.campaign import Campaign

console = Console(markup=False, emoji=False)  # titles and units have brackets, `[mol/L]`


Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder for everything. [env: WELLWISE_HOME; default: .wellwise]"),
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait while another process runs the campaign.")]
Again = Annotated[
    bool, typer.Option("--again", help="Launch it though the same campaign was launched already.")
]
SimulatedPeople = Annotated[
    bool,
    typer.Option(
        "--simulated-people",
        help="For training: people and the values that they enter are simulated.",
    ),
]
File = Annotated[Path, typer.Argument(help="Campaign file (YAML).", metavar="FILE")]
LabOption = Annotated[
    Path | None,
    typer.Option(
        "--lab",
        help="Lab file with the robots (YAML). [env: WELLWISE_LAB]",
        envvar="WELLWISE_LAB",
        show_envvar=False,
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Where to write.", show_default=False)]
CampaignId = Annotated[
    str | None, typer.Argument(help="Campaign; the newest if absent.", metavar="CAMPAIGN")
]


def settings_for(home: Path | None) -> Settings:
    """The settings, with the home that the command line gives.

    What this process starts, and strategies with environments of their own, look there too.
    """
    if home is None:
        return Settings()
    os.environ["WELLWISE_HOME"] = str(home.absolute())
    return Settings(home=home)


def has_journal(home: Path | None) -> bool:
    """Whether there is a journal to look at; a database that is named is asked itself."""
    settings = settings_for(home)
    return bool(settings.database_url) or (settings.home / "journal.sqlite").exists()


@contextmanager
def opened_journal(home: Path | None) -> Iterator[tuple[Settings, Journal]]:
    """Settings and journal for the length of a command."""
    from orchestrator.lab.lab import open_journal

    settings = settings_for(home)
    journal = open_journal(settings)
    try:
        yield settings, journal
    finally:
        journal.close()


def chosen(journal: Journal, campaign: str | None) -> str:
    """The id of the campaign that is meant: the one that is named, or the newest.

    Raises:
        WellwiseError: there is none.
    """
    if campaign is not None:
        return journal.state(campaign).id
    ids = journal.campaign_ids()
    if not ids:
        raise WellwiseError("there is no campaign yet: start one with wellwise run FILE")
    return ids[-1]


def person() -> str:
    """Who acts: the name of the account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def print_waiting(held: Owned) -> None:
    """That another process does the work for now."""
    console.print(f"Waiting: {held}", soft_wrap=True, highlight=False)


def print_questions(questions: Sequence[Question]) -> None:
    """What only a person can say, and with which command."""
    from orchestrator.core.lifecycle import AskApproval, AskValues

    for question in questions:
        if isinstance(question, AskValues):
            text = f"A person is needed: {question.message}"
            console.print(text, style="yellow", highlight=False, soft_wrap=True)
            console.print(
                f"  wellwise enter-values TABLE.csv {question.campaign_id} --why REASON "
                f"({','.join(('round', 'plate', 'well', *question.columns))}), "
                f"then wellwise resume {question.campaign_id}",
                highlight=False,
                soft_wrap=True,
            )
            continue
        if isinstance(question, AskApproval):
            name = question.campaign_id
            text = (
                f"A person is needed: the batch of round {question.round} of {name} waits for "
                "approval"
            )
            console.print(text, style="yellow", highlight=False, soft_wrap=True)
            console.print(
                f"  wellwise show {name}, then wellwise approve {name} --why REASON",
                highlight=False,
            )
            continue
        text = f"A person is needed: {question.key}: {question.message}"
        console.print(text, style="yellow", highlight=False, soft_wrap=True)
        console.print(
            f"  wellwise decide {question.key} done|failed|again|go-on --why REASON",
            highlight=False,
        )


class CampaignInput(NamedTuple):
    """The content of a campaign file and a lab file.

    `stand_ins` are robots that the lab file does not have, with steps.
    """

    text: str
    campaign: Campaign
    stand_ins: dict[str, list[str]]


def read_campaign_input(file: Path, lab_file: Path | None = None) -> CampaignInput:
    """Read a campaign file, with the robots of the lab file where it has them.

    Raises:
        InvalidInput: with everything wrong in them.
    """
    from orchestrator.intake.campaign_check import (
        NamedText,
        checked_campaign,
        checked_lab,
        stand_ins,
    )

    lab = None if lab_file is None else checked_lab(NamedText(text_of(lab_file), str(lab_file)))
    text = text_of(file)
    campaign = checked_campaign(NamedText(text, str(file)), Settings(), lab)
    return CampaignInput(text, campaign, stand_ins(campaign, lab))


def take_lab(settings: Settings, journal: Journal, campaign_id: str, lab_file: Path | None) -> None:
    """Reach the robots of a campaign as the lab file says now, and print what that changed.

    Raises:
        InvalidInput: with everything wrong in the file, or what its robots cannot do.
    """
    if lab_file is None:
        return
    from orchestrator.control.robots import take_lab_file
    from orchestrator.intake.campaign_check import NamedText, checked_lab
    from orchestrator.lab.lab import open_lab

    file = checked_lab(NamedText(text_of(lab_file), str(lab_file)))
    lab = open_lab(settings, journal, journal.state(campaign_id), [])
    for line in take_lab_file(lab, campaign_id, file, str(lab_file), person()):
        console.print(line, style="yellow", highlight=False, soft_wrap=True)


def print_stand_ins(given: CampaignInput, lab_file: Path | None) -> None:
    """Which robots come from the campaign file because the lab file does not have them."""
    for robot, steps in given.stand_ins.items():
        console.print(
            f"{robot} (step {', '.join(steps)}) is not in {lab_file}: the campaign file's own is "
            "used, with the driver "
            f"{given.campaign.robots[robot].driver}.",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )


def text_of(path: Path) -> str:
    """The text of a file that a person named.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput(
            [Problem(where=str(path), message=f"cannot be read: {reason}")]
        ) from None
