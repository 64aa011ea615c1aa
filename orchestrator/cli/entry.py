"""The way in: every command where the lab's packages are installed, those of drivers and clients where they are not."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from orchestrator.cli.context import Version
from protocols.errors import WellwiseError

_LAB = ("fastapi", "prefect", "sqlmodel", "torch")
_LIGHT = {
    "driver": ("drivers", "drivers", "Drivers: list, describe, check, begin a new one."),
    "robot": ("drivers", "robots", "Robots of a lab file, on the bench."),
    "manual": ("manual", "manual", "Checklists for jobs that a person carries out."),
    "remote": ("remote", "remote", "Campaigns of a service elsewhere."),
}
"""Commands that need no more than wellwise installs by itself: the module below `orchestrator.cli`, its name in it."""


class LabPackagesMissing(WellwiseError):
    """A command needs packages that the extra `lab` installs."""

    def __init__(self) -> None:
        super().__init__('this command needs the lab\'s packages: pip install "wellwise[lab]"')


def main() -> None:
    """Run the command line; what is missing is said without a traceback, with exit code 2."""
    if all(find_spec(package) for package in _LAB):
        from orchestrator.cli.main import main as every_command

        every_command()
        return
    try:
        light_commands()()
    except ModuleNotFoundError:
        _end(LabPackagesMissing())
    except WellwiseError as error:
        _end(error)


def light_commands() -> typer.Typer:
    """The commands of a computer without the lab's packages."""
    commands = typer.Typer(
        cls=_LightGroup,
        help='What drivers and clients need. For everything else: pip install "wellwise[lab]"',
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    commands.callback()(_options)
    for name, (module, attribute, words) in _LIGHT.items():
        with suppress(ModuleNotFoundError):
            commands.add_typer(getattr(import_module(f"orchestrator.cli.{module}"), attribute), name=name, help=words)
    return commands


class _LightGroup(TyperGroup):
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is None:
            raise LabPackagesMissing
        return found


def _options(version: Version = False) -> None:
    pass


def _end(error: WellwiseError) -> None:
    Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(2)
