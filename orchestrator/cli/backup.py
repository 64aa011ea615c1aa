"""Commands that keep and bring back everything: backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.context import Home, console, settings_for

backups = typer.Typer()


@backups.command()
def backup(
    archive: Annotated[Path, typer.Argument(help="The archive to write (.zip).")], home: Home = None
) -> None:
    """Write journal, images and virtual labs into one checked archive."""
    from orchestrator.journal.backup import back_up

    rows = back_up(settings_for(home), archive)
    console.print(
        f"{rows} rows of the journal and their files are in {archive}.",
        highlight=False,
        soft_wrap=True,
    )


@backups.command()
def restore(
    archive: Annotated[Path, typer.Argument(help="An archive that `wellwise backup` wrote.")],
    home: Home = None,
) -> None:
    """Fill an empty home and journal from an archive, after checking every part of it."""
    from orchestrator.journal.backup import restore as restore_archive

    rows = restore_archive(settings_for(home), archive)
    console.print(
        f"{rows} rows and their files were restored from {archive}.",
        highlight=False,
        soft_wrap=True,
    )
