"""Commands for engineers who write drivers."""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from drivers.base import DriverError
from drivers.registry import add_folder, clock, driver_class, driver_names
from orchestrator.cli.context import Home, console, settings_for
from orchestrator.cli.pairs import values_of
from orchestrator.cli.robots import Yes, described_robot
from protocols.errors import WellwiseError

if TYPE_CHECKING:
    from drivers.conformance.levels import Outcome

drivers = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[
    str, typer.Argument(help="An installed driver, or the folder of one.", metavar="DRIVER")
]


@drivers.command("list")
def list_drivers() -> None:
    """Every installed driver with its first line, or why it cannot be used."""
    for name in driver_names():
        try:
            text = (driver_class(name).__doc__ or "(no description)").strip().splitlines()
        except DriverError as error:
            text = [f"(cannot be used: {error})"]
        _plain(f"{name:16} {text[0]}")


@drivers.command()
def info(driver: Name) -> None:
    """What a driver says of itself: its options, and what such a robot can do."""
    kind = driver_class(_known(driver))
    description = inspect.getdoc(kind) or "(it has no description)"
    console.print(description, highlight=False, soft_wrap=True)
    for name, option in kind.Options.model_fields.items():
        default = "required" if option.is_required() else f"default {option.default}"
        console.print(
            f"  {name}: {option.description} ({default})",
            highlight=False,
            soft_wrap=True,
        )


@drivers.command()
def new(
    name: Annotated[str, typer.Argument(help="Small letters, digits and _, such as acme_pump.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where; a folder of that name if absent.")
    ] = None,
) -> None:
    """Write a package with a driver, its simulated twin and tests that already pass."""
    from drivers.scaffold import new_driver

    target = folder or Path(name)
    for path in new_driver(name, target):
        console.print(str(path), highlight=False, soft_wrap=True)
    console.print(f"Try it: wellwise driver check {target}", highlight=False, soft_wrap=True)


@drivers.command()
def check(
    driver: Name,
    hardware: Annotated[
        bool, typer.Option("--hardware", help="Against real equipment: it MOVES.")
    ] = False,
    address: Annotated[str, typer.Option("--address", help="Where the real equipment is.")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", help="NAME=VALUE of the driver's options.")
    ] = None,
    environment: Annotated[
        str, typer.Option("--environment", help="The environment in which the driver runs.")
    ] = "",
    lab: Annotated[
        Path | None,
        typer.Option("--lab", help="A lab file: DRIVER is then the name of a robot in it."),
    ] = None,
    yes: Yes = False,
    home: Home = None,
) -> None:
    """Run the conformance kit: which level a driver reaches, and what each failure would mean."""
    from drivers.conformance import examine, reached
    from drivers.conformance.candidate import candidate
    from drivers.conformance.levels import Level
    from drivers.twin import Twin

    options: dict[str, Any] = {}
    if lab is not None:
        config = described_robot(driver, lab)
        options, address = dict(config.options), address or config.address
        driver, environment = config.driver, environment or config.environment
    checked = candidate(_known(driver), environment, settings_for(home).home.absolute())
    name, kind, maker = checked.name, checked.kind, checked.twin
    options |= values_of(option)
    if not hardware and maker is None:
        raise WellwiseError(
            f"driver {name} has no simulated twin: announce one in the group wellwise.twins, or "
            "check it with --hardware and --address against real equipment"
        )

    if hardware and not yes:
        _plain(f"{name} at {address or 'its address'} will MOVE all that it can.")
        typer.confirm("Go on?", abort=True)

    async def outcomes(home: Path) -> list[Outcome]:
        found: list[Outcome] = []
        real = Twin(clock=clock("real"), address=address, options=options)
        with nullcontext(real) if hardware or maker is None else maker(home) as twin:
            async for outcome in examine(kind, twin, home, has_twin=maker is not None):
                found.append(outcome)
                style, mark = ("green", "holds") if outcome.passed else ("bold red", "FAILS")
                said = f"  {outcome.level:6}  {outcome.title}"
                console.print(Text.assemble((mark, style), said), highlight=False, soft_wrap=True)
                if not outcome.passed:
                    for text in (f"seen: {outcome.seen}", f"in a lab {outcome.harm}"):
                        _plain(f"       {text}")
        return found

    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(outcomes(Path(folder)))
    level = reached(found)
    failed = sum(not outcome.passed for outcome in found)
    console.print(
        f"Driver {name}: {level or 'no level'} ({len(found) - failed} of {len(found)} checks "
        "hold).",
        highlight=False,
    )
    if level is not Level.GOLD:
        raise typer.Exit(1)


@drivers.command()
def environment(
    name: Annotated[str, typer.Argument(help="Such as opentrons; any name with --package.")],
    package: Annotated[
        list[str] | None, typer.Option("--package", help="What to install, as pip takes it.")
    ] = None,
    home: Home = None,
) -> None:
    """Make the environment that a driver's own packages need, apart from ours."""
    from drivers.environment import make_environment

    folder = make_environment(settings_for(home).home.absolute(), name, package or ())
    console.print(f"Environment {name} is ready in {folder}.", highlight=False, soft_wrap=True)


def _plain(text: str) -> None:
    console.print(text, highlight=False, soft_wrap=True)


def _known(driver: str) -> str:
    return add_folder(Path(driver)) if (Path(driver) / "pyproject.toml").is_file() else driver
