"""Commands about strategies of proposing."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.context import Home, console, settings_for
from protocols.errors import WellwiseError

strategies = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@strategies.command("list")
def list_strategies(home: Home = None) -> None:
    """Every installed strategy with its first line, and whether it can be used."""
    from optimizer.strategies.peers.packages import PACKAGES, environment_name
    from optimizer.strategy_registry import strategy_class, strategy_names
    from protocols.environments import is_made

    folder = settings_for(home).home.absolute()
    for name in strategy_names():
        try:
            text = (strategy_class(name).__doc__ or "(no description)").strip().splitlines()[0]
        except LookupError as error:
            text = f"(cannot be used: {error})"
        if name in PACKAGES and not is_made(folder, environment_name(name), PACKAGES[name]):
            text += f" Not set up: wellwise strategy setup {name}"
        console.print(f"{name:16} {text}", highlight=False, soft_wrap=True)


@strategies.command()
def setup(
    strategy: Annotated[str, typer.Argument(help="Such as ax.", metavar="STRATEGY")],
    home: Home = None,
) -> None:
    """Make the environment that the packages of a strategy need, apart from ours."""
    from optimizer.strategies.peers.packages import PACKAGES, environment_name
    from protocols.environments import make_environment

    if strategy not in PACKAGES:
        raise WellwiseError(
            f"{strategy!r} needs no environment of its own (expected one of {', '.join(PACKAGES)})"
        )
    packages = PACKAGES[strategy]
    console.print(f"Installing {', '.join(packages)}.", highlight=False, soft_wrap=True)
    folder = make_environment(
        settings_for(home).home.absolute(), environment_name(strategy), packages
    )
    console.print(
        f"Strategy {strategy} is ready; its environment is {folder}.",
        highlight=False,
        soft_wrap=True,
    )
