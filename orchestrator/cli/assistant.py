"""The command that lets an assistant see a service, and suggest or do what operators do."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import typer

from orchestrator.cli.remote import Token, Url, at_service
from protocols.errors import WellwiseError

assistants = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@assistants.command()
def mcp(
    url: Url = "",
    token: Token = "",
    changes: Annotated[
        Literal["none", "suggest", "do"],
        typer.Option(
            "--changes",
            help="Acts: not there, suggested to the operators, or done by the token's person.",
        ),
    ] = "none",
) -> None:
    """Give an assistant the tools of a service, by the Model Context Protocol on standard input.

    The token decides what it may do at most. Without --changes it may look and change nothing.
    """
    try:
        from orchestrator.cli.mcp_server import serve
    except ModuleNotFoundError as error:
        raise WellwiseError(
            f"this command needs {error.name}: pip install 'wellwise[mcp]', in an environment of "
            "its own if you like: it needs nothing of the lab's"
        ) from None
    with at_service(url, token) as client:
        asyncio.run(serve(client, changes))
