"""Problems: errors of the API by RFC 9457: what, where, what was expected, what to do."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import compile_path

from drivers.item_readings import ItemsRefused
from orchestrator.errors import JournalError, Missing, Unavailable
from orchestrator.journal.access_tokens import Denied
from orchestrator.languages import gettext, problem_in_words, translated
from orchestrator.service.path_prefix import below_prefix
from orchestrator.service.schema import ProblemDetails
from protocols.errors import InvalidInput, Problem, WellwiseError
from protocols.refusals import refusal

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger("wellwise.http")


class Refused(WellwiseError):
    """A request that is refused with a status of HTTP."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.headers = status, headers


TITLES = {
    400: "This request cannot be read",
    401: "Sign in",
    403: "Your role does not allow this",
    404: "There is no such thing",
    405: "This method is not for this address",
    409: "This is not possible in the present state",
    408: "The request did not arrive",
    413: "Too large",
    415: "This kind of content is not taken",
    422: "Something in the request is wrong",
    428: "A key is needed",
    429: "Too many attempts",
    503: "Not now",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route other than its result, for the OpenAPI document."""
    along = {408} if 413 in statuses else set()  # a body may not arrive
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {
        status: {"description": TITLES[status], "content": content}
        for status in (*statuses, *along)
    }


READING = answers(400, 401, 403, 404, 422, 503)
ACTING = READING | answers(409, 413)


def problem(
    status: int,
    detail: str,
    problems: list[Problem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer to a request that is refused."""
    details = ProblemDetails(
        title=_title(status), status=status, detail=detail, problems=problems or []
    )
    return JSONResponse(details.model_dump(), status, headers, MEDIA_TYPE)


def install(app: FastAPI, page_of: Callable[[str, str], str]) -> None:
    """Have the app answer errors with problems; pages that need a sign-in lead to it.

    A browser that asked for a page gets `page_of` title and detail.
    """

    def answer(
        request: Request,
        status: int,
        detail: str,
        problems: list[Problem] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        if _page(request):
            page = below_prefix(request, page_of(_title(status), detail))
            return HTMLResponse(page, status, headers)
        return problem(status, detail, problems, headers)

    @app.exception_handler(WellwiseError)
    def _wellwise(request: Request, error: WellwiseError) -> Response:
        match error:
            case Refused():
                if error.status == 401 and _page(request):
                    return RedirectResponse(f"/login?next={request.url.path}", 303)
                return answer(request, error.status, str(error), headers=error.headers)
            case InvalidInput():
                problems = [translated(found) for found in error.problems]
                return answer(request, 422, "\n".join(map(problem_in_words, problems)), problems)
            case ItemsRefused():
                return answer(request, 409, str(error), error.problems)
            case Denied():
                return answer(request, 401, str(error))
            case Missing():
                return answer(request, 404, str(error))
            case Unavailable():
                _log.error("%s", error)
                return answer(request, 503, error.public)
            case JournalError():
                return answer(request, 409, str(error))
        return answer(request, 409, str(error))

    @app.exception_handler(RequestValidationError)
    def _validation(request: Request, error: RequestValidationError) -> Response:
        problems = []
        for details in error.errors():
            where, *key = map(str, details["loc"])
            message, expected = refusal(details)
            found = Problem(where=where, key=".".join(key), message=message, expected=expected)
            problems.append(translated(found))
        return answer(request, 422, "\n".join(map(problem_in_words, problems)), problems)

    @app.exception_handler(StarletteHTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        detail = (
            error.detail if error.status_code != 404 else f"there is nothing at {request.url.path}"
        )
        headers = error.headers
        if error.status_code == 405:
            allowed = _methods(app, request.url.path)
            detail = f"{request.method} is not for this address (expected {', '.join(allowed)})"
            headers = {"Allow": ", ".join(allowed)}
        return answer(request, error.status_code, str(detail), headers=headers)

    @app.exception_handler(Exception)
    def _fault(request: Request, error: Exception) -> Response:
        _log.error("%s %s", request.method, request.url.path, exc_info=error)
        return answer(request, 500, "a fault of wellwise: its log says more")


def _title(status: int) -> str:
    return gettext(TITLES.get(status, "Refused"))


def _methods(app: FastAPI, path: str) -> list[str]:
    """Every method that an address has; the router looks only at the first route that fits."""
    described = app.openapi()["paths"]
    if path in described:
        return sorted(method.upper() for method in described[path])
    fitting = (
        methods for template, methods in described.items() if compile_path(template)[0].match(path)
    )
    return sorted({method.upper() for methods in fitting for method in methods}) or ["GET"]


def _page(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get(
        "accept", ""
    )
