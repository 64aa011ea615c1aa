"""Commands of the service: serve it, and manage access tokens."""

from __future__ import annotations

import signal
import socket
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli.context import Home, console, opened_journal, person, settings_for
from protocols.errors import WellwiseError

if TYPE_CHECKING:
    from orchestrator.journal.access_tokens import Role

serving = typer.Typer()
tokens = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_FIRST_DAYS = 90

RoleName = Literal["viewer", "operator", "admin"]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any that is free.")
]


@serving.command()
def serve(
    home: Home = None,
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; only on this computer if absent.")
    ] = "127.0.0.1",
    port: Port = 8080,
) -> None:
    """Serve the dashboard and the HTTP API, and run every campaign that is not paused.

    Ctrl-C ends it gracefully.
    """
    from orchestrator.engine.prefect_server import embed_prefect
    from orchestrator.journal.access_tokens import Role
    from orchestrator.service.backend import Backend
    from orchestrator.service.server import Server

    settings = settings_for(home)
    log = embed_prefect(settings)
    listening = _listening(host, port)
    address = f"http://{_shown(host)}:{listening.getsockname()[1]}"
    backend = Backend.opened(settings)
    try:
        console.print(f"wellwise serves {address}", highlight=False, soft_wrap=True)
        if not backend.access.has_admin():
            secret, row = backend.access.create(
                person(), Role.ADMIN, timedelta(days=_FIRST_DAYS), "first start"
            )
            console.print(
                f"Open it as admin: {address}/login?token={secret}", highlight=False, soft_wrap=True
            )
            until = f"{row.expires_at.astimezone(settings.zone):%Y-%m-%d}"
            console.print(f"This token is shown once and lives until {until}.", highlight=False)
        else:
            console.print(
                "Sign in with your token, or make one: wellwise token create NAME", highlight=False
            )
        if settings.open_to_others:
            console.print(
                f"Other accounts of this computer can read the home: chmod 700 {settings.home}",
                highlight=False,
                soft_wrap=True,
            )
        console.print(f"log      {log.with_name('service.jsonl')}", soft_wrap=True, highlight=False)
        console.print(
            "Ctrl-C ends it; campaigns go on from the same place when it is started again.",
            highlight=False,
        )
        # What a service manager sends ends it as Ctrl-C does, and Prefect's server with it.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        Server(backend).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        backend.journal.close()
    console.print("Stopped.")


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        # Whoever opens the address as soon as it is printed waits a moment instead of being
        # refused.
        listening.listen()
    except OSError as error:
        raise WellwiseError(
            f"cannot listen on {host}:{port}: {error.strerror or error}. Take another with "
            "--port, or end what has it"
        ) from None
    return listening


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@tokens.command()
def create(
    name: Annotated[
        str, typer.Argument(help="The person or program that the token is for.", metavar="NAME")
    ],
    role: Annotated[
        RoleName | None,
        typer.Option(
            "--role",
            help="viewer: look; operator: also act; admin: also tokens. A viewer if neither this "
            "nor --project is given.",
        ),
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option(
            "--project",
            help="PROJECT=viewer or PROJECT=operator: a role in a project; may be given often.",
            metavar="PROJECT=ROLE",
        ),
    ] = None,
    days: Annotated[float, typer.Option("--days", help="How long it lives.")] = 90,
    home: Home = None,
) -> None:
    """Make a token and print it, this once.

    With --project and without --role it lets its holder see the campaigns of those projects alone.
    """
    from orchestrator.journal.access_tokens import Access, Role

    inside = dict(map(_role_in_project, project or ()))
    everywhere = Role.NONE if role is None and inside else _role(role or "viewer")
    with opened_journal(home) as (settings, journal):
        lifetime = timedelta(days=days)
        secret, row = Access(journal).create(name, everywhere, lifetime, person(), inside)
        until = f"{row.expires_at.astimezone(settings.zone):%Y-%m-%d}"
        console.print(secret, highlight=False, soft_wrap=True)
        console.print(
            f"Token {row.id} ({row.roles}) for {row.person}, until {until}; it is not shown again.",
            highlight=False,
        )


@tokens.command("list")
def list_tokens(home: Home = None) -> None:
    """List the tokens; their secrets are not kept."""
    from rich.table import Table

    from orchestrator.journal.access_tokens import Access

    with opened_journal(home) as (settings, journal):
        table = Table()
        for column in ("token", "person", "role", "until", "revoked"):
            table.add_column(column)
        for row in Access(journal).tokens():
            until, revoked = (
                f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M}" if moment else "-"
                for moment in (row.expires_at, row.revoked_at)
            )
            table.add_row(row.id, row.person, row.roles, until, revoked)
        console.print(
            table if table.row_count else "No token yet: make one with wellwise token create NAME."
        )


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="As `wellwise token list` names it.")],
    home: Home = None,
) -> None:
    """Revoke a token."""
    from orchestrator.journal.access_tokens import Access

    with opened_journal(home) as (_, journal):
        Access(journal).revoke(token, person())
        console.print(f"Token {token} is revoked.", highlight=False)


def _role_in_project(text: str) -> tuple[str, Role]:
    from orchestrator.journal.access_tokens import IN_PROJECTS

    project, _, word = text.rpartition("=")
    roles = {role.word: role for role in IN_PROJECTS}
    if not project.strip() or word not in roles:
        raise WellwiseError(
            f"--project {text} is no role in a project (expected PROJECT="
            f"{' or PROJECT='.join(roles)})"
        )
    return project, roles[word]


def _role(name: RoleName) -> Role:
    from orchestrator.journal.access_tokens import Role

    return Role[name.upper()]
