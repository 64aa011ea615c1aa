"""The language of a request, and the words that scripts of its page say."""

import json

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.errors import Missing
from orchestrator.languages import LANGUAGES, speaking, wanted, words

CHOSEN = "wellwise_language"
"""The cookie with the language that a person has chosen."""

language_pages = APIRouter(include_in_schema=False)


class InItsLanguage:
    """Answers each request in the language that its person has chosen, or else the browser's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the language, then let the app answer."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope)
        accepted = request.headers.get("accept-language", "")
        with speaking(wanted(request.cookies.get(CHOSEN), accepted)):
            return await self._app(scope, receive, send)


def file_of_words(language: str) -> str:
    """The name of the script with the words of a language; another one whenever they change."""
    return f"{language}-{words(language).version}"


@language_pages.get("/words/{name}.js")
def words_of_scripts(name: str) -> Response:
    """The words that scripts of pages say, as a script."""
    language = name.partition("-")[0]
    if language not in LANGUAGES:
        raise Missing(f"no language {language} (expected one of {', '.join(LANGUAGES)})")
    said = json.dumps(dict(words(language).of_browser), ensure_ascii=False, sort_keys=True)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    fresh = name == file_of_words(language)
    return Response(
        f"globalThis.wellwiseWords = {said};\n", 200, kept if fresh else None, "text/javascript"
    )
