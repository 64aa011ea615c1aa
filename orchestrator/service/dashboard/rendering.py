"""Rendering: templates and their filters -> a whole page, or the content of one."""

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from orchestrator.control.table import ACTS
from orchestrator.journal.access_tokens import Identity, Role
from orchestrator.languages import (
    LANGUAGES,
    counted_in_markup,
    current,
    gettext,
    in_markup,
    in_words,
    instruction,
    moment,
    recorded,
)
from orchestrator.service.backend import Backend
from orchestrator.service.dashboard.dialogs import dialogs, url_of
from orchestrator.service.dashboard.language import file_of_words
from orchestrator.service.needs import number_of_needs
from orchestrator.service.path_prefix import below_prefix, prefix_of
from orchestrator.service.schema import CampaignSummary, ItemView, OperationView
from protocols.scale import Scale, probability_text

_NONE = "\N{EN DASH}"


def _act_url(name: str, campaign: str, place: tuple[int, int, str] | None = None) -> str:
    """Where a button of the templates sends an act."""
    return url_of(next(act for act in ACTS if act.name == name), campaign, place)


_environment = Environment(
    loader=PackageLoader("orchestrator.service.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _number(value: float | int | str | None, digits: int = 3) -> str:
    """A number as people write it; a dash where there is none."""
    if value is None:
        return _NONE
    if isinstance(value, str):
        return value
    return f"{value:.{digits}f}" if isinstance(value, float) and digits else f"{value:g}"


def _in_scale(
    write: Callable[[Scale, float], str],
) -> Callable[[float | None, CampaignSummary], str]:
    """A filter that writes a value as the scale of a campaign wants it."""
    return lambda value, view: _NONE if value is None else write(view.scale, value)


_environment.globals |= {
    "act_url": _act_url,
    "_": in_markup,
    "_n": counted_in_markup,
    "words_of": file_of_words,
}
_environment.filters["value"] = _in_scale(Scale.number)
_environment.filters["rough"] = _in_scale(Scale.rough)
_environment.filters["end_of"] = lambda value, view: (
    f"{value:g}" if view.natural_range else view.scale.rough(value)
)
_environment.filters["of_outcome"] = lambda value, outcome: (
    _NONE if value is None else Scale("", outcome.unit, outcome.natural_range).number(value)
)
_environment.filters["with_sd"] = lambda mean, sd, outcome: Scale(
    "", outcome.unit, outcome.natural_range
).with_sd(mean, sd)
_environment.filters["with_unit"] = _in_scale(Scale.text)
_environment.filters["number"] = _number
_environment.filters["probability"] = lambda value: gettext(probability_text(value))
_environment.filters["level"] = lambda value: (
    _NONE if value is None else value if isinstance(value, str) else f"{value:g}"
)
# A Korean date has spaces, at which a narrow cell of a table would break it into a line for each.
_environment.filters["when"] = lambda at: (
    moment(at).replace(". ", ".\N{NO-BREAK SPACE}") if at else _NONE
)
_environment.filters["anchor"] = lambda parts: (
    "do-" + re.sub(r"[^a-z0-9]+", "-", " ".join(map(str, parts)).lower()).strip("-")
)
_environment.filters["plainly"] = lambda value: (
    ", ".join(f"{name} {part}" for name, part in value.items())
    if isinstance(value, dict)
    else str(value)
)
_environment.filters["without_place"] = lambda values: {
    name: value for name, value in values.items() if name != "place"
}
_environment.filters["words"] = lambda text: in_words(str(text))
_environment.filters["recorded"] = recorded
_environment.filters["what"] = lambda item: recorded(what_of(item), instruction)
_environment.filters["strong"] = Markup("<strong>{}</strong>").format
_environment.filters["as_code"] = Markup("<code>{}</code>").format


def what_of(item: ItemView | OperationView) -> str:
    """The words of an operation without its well or plate."""
    return item.words.removeprefix(f"{item.well or 'plate'}: ")


def rendered(name: str, **values: Any) -> str:
    """A template with these values, in the current language."""
    return _environment.get_template(name).render(language=current(), **values)


def compile_templates() -> None:
    """Compile every template, so that the first visitor of a page does not wait for it."""
    for name in _environment.list_templates(extensions=["html"]):
        _environment.get_template(name)


def kept(backend: Backend, key: str, version: Hashable, draw: Callable[[], str]) -> str:
    """The content of a page for this version, as it was drawn before in the current language."""
    return backend.cache.of(f"{key} in {current()}", version, draw)


def html(
    request: Request, text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """HTML with the addresses that the browser sees."""
    return HTMLResponse(below_prefix(request, text), status, headers)


def page(
    request: Request,
    who: Identity,
    title: str,
    content: str,
    *,
    live: str = "",
    last: int = 0,
    here: str = "",
) -> Response:
    """A whole page, or only its content for one that is looked at already."""
    needed = number_of_needs(request.app.state.backend, who)
    if request.headers.get("x-part"):
        return html(request, content, headers={"X-Needs": str(needed)})
    whole = rendered(
        "base.html",
        title=title,
        content=content,
        who=who,
        role=request.state.role.word,
        highest=who.highest.word,
        admin=who.role is Role.ADMIN,
        live=live,
        last=last,
        here=here,
        needed=needed,
        languages=LANGUAGES,
        dialogs=dialogs(request.app.state.acts),
        prefix=prefix_of(request),
    )
    return html(request, whole)
