"""Groups of commands that are imported when they are used: the help is printed from a table."""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, ClassVar, NamedTuple

import typer
from typer.core import TyperGroup

from protocols.errors import WellwiseError

_OURS = frozenset({"protocols", "optimizer", "drivers", "simulators", "orchestrator", "wellwise"})


class LabPackagesMissing(WellwiseError):
    """A command needs packages that the extra `lab` installs."""

    def __init__(self) -> None:
        super().__init__('this command needs the lab\'s packages: pip install "wellwise[lab]"')


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"wellwise {version('wellwise')}\n")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version and end.", is_eager=True, callback=_print_version
    ),
]


class Lazy(NamedTuple):
    """A command before it is imported: its line in the help, and where its Typer app is."""

    help: str
    module: str
    attribute: str
    group: bool = False


Sections = Mapping[str, Mapping[str, Lazy]]
"""Heading -> command -> where it is, in the order of the help."""


class LazyGroup(TyperGroup):
    """A group whose commands are those of `sections`, which a subclass gives."""

    sections: ClassVar[Sections] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, in the order of the help."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command."""
        lazy = next(
            (found[cmd_name] for found in self.sections.values() if cmd_name in found), None
        )
        return None if lazy is None else loaded(cmd_name, lazy)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by heading, without importing them."""
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, lazy.help) for name, lazy in commands.items()])


def is_of_the_lab(error: ModuleNotFoundError) -> bool:
    """Whether a module is missing because a package of the lab is not installed.

    False if it is a module of ours: that is a fault.
    """
    return (error.name or "").split(".")[0] not in _OURS


def loaded(name: str, lazy: Lazy) -> Any:
    """The command itself."""
    application: typer.Typer = getattr(import_module(lazy.module), lazy.attribute)
    group: Any = typer.main.get_group(application)
    if lazy.group:
        group.name = name
        return group
    return group.commands[name]
