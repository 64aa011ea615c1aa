"""Browser sessions: the page that asks who one is, and the answers that begin a session."""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from orchestrator.journal.access_tokens import SESSION
from orchestrator.service.authentication import COOKIE, backend_of
from orchestrator.service.dashboard.rendering import html, rendered
from orchestrator.service.path_prefix import prefix_of


def login_page(
    request: Request,
    target: str = "/",
    message: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The form for a token, and the way to the identity provider if there is one."""
    provider = backend_of(request).settings.oidc_name
    form = rendered("login.html", message=message, next=inside(target), provider=provider)
    return html(request, form, status, headers)


def inside(path: str) -> str:
    """A path of this service, whatever was asked for."""
    sound = (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
    )
    return path if sound else "/"


def redirected(request: Request, browser: str, target: str) -> Response:
    """Lead somebody who signed in on a page of ours to where they were going."""
    return _with_cookie(request, browser, RedirectResponse(target, 303))


def session_begun(request: Request, browser: str) -> Response:
    """The same for somebody who comes from another site.

    Browsers send a strict cookie only where a page of ours leads on, hence a page and no redirect.
    """
    shown = rendered("signed_in.html", prefix=prefix_of(request))
    return _with_cookie(request, browser, html(request, shown))


def _with_cookie(request: Request, browser: str, answer: Response) -> Response:
    answer.set_cookie(
        COOKIE,
        browser,
        max_age=int(SESSION.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer
