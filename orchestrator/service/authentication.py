"""Authentication: a bearer token, or a browser session whose changes need a CSRF token."""

import hmac
from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from orchestrator.journal.access_tokens import Denied, Identity, Role, UnknownToken
from orchestrator.service.backend import Backend
from orchestrator.service.permissions import allowed, allowed_somewhere
from orchestrator.service.problems import Refused

COOKIE = "wellwise_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = ("GET", "HEAD", "OPTIONS")

_bearer = HTTPBearer(auto_error=False, description="A personal token.")
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, description="The session of a browser that signed in."
)


def backend_of(request: Request) -> Backend:
    """The backend of the app that serves a request."""
    return cast(Backend, request.app.state.backend)


async def _backend(request: Request) -> Backend:
    # Not to be sent to a thread for so little, as FastAPI does with plain functions.
    return backend_of(request)


TheBackend = Annotated[Backend, Depends(_backend)]


def identity(request: Request) -> Identity:
    """Who sends a request.

    Raises:
        Refused: not signed in, or a change from a browser without the session's CSRF token.
    """
    backend = backend_of(request)
    access = backend.access
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    browser = request.cookies.get(COOKIE)
    try:
        if secret and scheme.lower() == "bearer":
            return _by_token(backend, request, secret.strip())
        if browser is None:
            raise Denied("send a token (Authorization: Bearer TOKEN), or sign in with a browser")
        found = access.by_session(browser)
    except Denied as error:
        raise Refused(401, str(error), {"WWW-Authenticate": "Bearer"}) from None
    if request.method not in _SAFE:
        sent = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode(), found.csrf.encode()):
            raise Refused(
                403,
                f"a change from a browser needs the session's {CSRF_HEADER}: load the page again",
            )
    return found


def _by_token(backend: Backend, request: Request, secret: str) -> Identity:
    try:
        return backend.access.by_token(secret)
    except UnknownToken as error:
        backend.wrong_tokens.note(backend.access, address_of(request), error)
        raise


def address_of(request: Request) -> str:
    """The network address from which a request comes."""
    return request.client.host if request.client else "unknown"


def at_least(role: Role) -> Callable[..., Identity]:
    """A dependency that lets in people with this role, or one that may do more.

    Below the address of a campaign or a job their role in its project counts, elsewhere the
    highest that they have anywhere: a route with no campaign in its address looks itself for what
    is theirs.
    """

    def let_in(
        request: Request,
        _token: Annotated[object, Depends(_bearer)] = None,
        _session: Annotated[object, Depends(_cookie)] = None,
    ) -> Identity:
        found = identity(request)
        at = request.path_params
        campaign = at.get("campaign_id") or at.get("job", "").partition("/")[0]
        if campaign:
            request.state.role = allowed(backend_of(request).journal, found, campaign, role)
        else:
            request.state.role = allowed_somewhere(found, role)
        return found

    return let_in


Viewer = Annotated[Identity, Depends(at_least(Role.VIEWER))]
Operator = Annotated[Identity, Depends(at_least(Role.OPERATOR))]
Admin = Annotated[Identity, Depends(at_least(Role.ADMIN))]
