"""Languages: what pages and reports say, in the language of who looks.

What is recorded or given to programs (journal, files, the API's answers to them) is in English: a
text is translated where it is shown, never where it is kept. The catalogues beside this file are
gettext's PO files; `python -m orchestrator.service.dashboard.catalogues` brings them up to
date.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import zip_longest
from typing import NamedTuple

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_datetime
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from markupsafe import Markup

from protocols.errors import Problem

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", "ja": "日本語", "ko": "한국어"}
"""Languages of which there is a whole catalogue -> what their speakers call them."""

FINDINGS = "findings/"
"""Begins the location of a text that checks of campaign files say."""

INSTRUCTIONS = "instructions/"
"""Begins the location of a text that checklists say of operations."""

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""A value in a text of a check; other braces are those of YAML."""

_VALUES: Mapping[str, str] = {"digits": r"\d+"}
"""What a value of this name looks like, where that is known."""

_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


_Wordings = tuple[tuple[re.Pattern[str], str], ...]


class Words(NamedTuple):
    """Translations of one language."""

    texts: Mapping[str, str]
    """English -> translation, of each text and each plural that has one."""
    of_browser: Mapping[str, str]
    """Those of them that scripts of pages say."""
    of_findings: _Wordings = ()
    """What checks say, with any values in it -> translation; the most exact wording first."""
    of_instructions: _Wordings = ()
    """The same of what checklists say of operations."""

    @property
    def version(self) -> str:
        """Another one whenever a translation for the browser changes."""
        return sha256(repr(sorted(self.of_browser.items())).encode()).hexdigest()[:12]


def current() -> str:
    """The language in which texts are said now."""
    return _current.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Texts are said in this language inside the block."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def wanted(chosen: str | None, accepted: str) -> str:
    """The language for somebody.

    Args:
        chosen: a language that the person has chosen, if any.
        accepted: those that the browser asks for, as in HTTP's Accept-Language (RFC 9110, 12.5.4).
    """
    if chosen is not None and chosen in LANGUAGES:
        return chosen
    found = negotiate_locale(_by_preference(accepted), list(LANGUAGES), sep="-")
    return found or ENGLISH


def gettext(text: str, /, **values: object) -> str:
    """A text in the current language, with `{name}` replaced by the value of that name."""
    shown = words(current()).texts.get(text, text)
    return shown.format(**values) if values else shown


def later(text: str) -> str:
    """A text that `gettext` is given where it is shown; marks it for translation, and is it."""
    return text


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """A text for this number of things (`{number}`), in the current language."""
    text = one if number == 1 else many
    return words(current()).texts.get(text, text).format(number=number, **values)


def finding(text: str) -> str:
    """What a check found, in the current language; as it is where no catalogue has its wording.

    Checks know no languages and write values into their texts, so it is found by its wording. A
    value may be such a text itself.
    """
    return _by_wording(words(current()).of_findings, text, finding)


def instruction(text: str) -> str:
    """What is to be done to a well or a plate, in the current language, as `finding`.

    Its values are names of substances and the like, and stay.
    """
    return _by_wording(words(current()).of_instructions, text, str)


def _by_wording(wordings: _Wordings, text: str, of_value: Callable[[str], str]) -> str:
    for wording, translation in wordings:
        if found := wording.fullmatch(text):
            return PLACEHOLDER.sub(lambda name: of_value(found[name[1]]), translation)
    return text


def translated(problem: Problem) -> Problem:
    """A problem in the current language, as far as a catalogue has its wording."""
    said = {"message": finding(problem.message), "expected": finding(problem.expected)}
    return problem.model_copy(update=said)


def problem_in_words(problem: Problem) -> str:
    """A line for a translated problem: where, what, and what was expected."""
    if not problem.expected:
        return str(problem)
    expected = gettext(" (expected {expected})", expected=problem.expected)
    return str(problem.model_copy(update={"expected": ""})) + expected


def in_markup(text: str, /, **values: object) -> Markup:
    """A text of a template in the current language; values are escaped, the text is ours."""
    return Markup(gettext(text)).format(**values)  # noqa: S704


def counted_in_markup(one: str, many: str, number: int, /, **values: object) -> Markup:
    """The same of a number of things."""
    return in_markup(one if number == 1 else many, number=number, **values)


def recorded(text: object, said: Callable[[str], str] = finding) -> Markup | str:
    """What was written into the journal, which is in English whatever the page speaks.

    In the current language where a catalogue has its wording (`said`), else marked as English.
    """
    if current() == ENGLISH or not text:
        return str(text)
    shown = said(str(text))
    return shown if shown != text else Markup('<span lang="en">{}</span>').format(text)


def in_words(name: str) -> str:
    """A name of a vocabulary, such as `in_doubt`, as people say it in the current language."""
    return gettext(name.replace("_", " "))


def moment(at: datetime) -> str:
    """A date with its time, to the minute, as people of the current language write it."""
    if (
        current() == ENGLISH
    ):  # what laboratories write in it is the same in every country (ISO 8601)
        return f"{at:%Y-%m-%d %H:%M}"
    return format_datetime(at, "short", locale=Locale.parse(current()))


def day(at: datetime) -> str:
    """A date, as people of the current language write it."""
    if current() == ENGLISH:
        return f"{at:%Y-%m-%d}"
    return format_date(at, "medium", locale=Locale.parse(current()))


@cache
def words(language: str) -> Words:
    """The translations of a language; none for English."""
    if language == ENGLISH:
        return Words({}, {})
    return words_of(catalogue(language))


def words_of(found: Catalog) -> Words:
    """The translations of a catalogue, of a language that has one or two forms of number."""
    texts: dict[str, str] = {}
    of_browser: dict[str, str] = {}
    of_place: dict[str, dict[str, str]] = {FINDINGS: {}, INSTRUCTIONS: {}}
    for message in found:
        said = [message.id] if isinstance(message.id, str) else list(message.id)
        shown = [message.string] if isinstance(message.string, str) else list(message.string or ())
        for text, translation in zip(said, shown * len(said), strict=False):
            if text and translation:
                texts[text] = translation
                if any(file.endswith(".js") for file, _ in message.locations):
                    of_browser[text] = translation
                for place, found_there in of_place.items():
                    if any(file.startswith(place) for file, _ in message.locations):
                        found_there[text] = translation
    return Words(texts, of_browser, *map(_exact_first, of_place.values()))


def _exact_first(texts: Mapping[str, str]) -> _Wordings:
    exact = sorted(texts, key=lambda text: len(PLACEHOLDER.sub("", text)), reverse=True)
    return tuple((_wording(text), texts[text]) for text in exact)


def _wording(text: str) -> re.Pattern[str]:
    parts = PLACEHOLDER.split(text)  # what is written and names of values, in turn
    written = [re.escape(part) for part in parts[::2]]
    values = [rf"(?P<{name}>{_VALUES.get(name, '.*')})" for name in parts[1::2]]
    return re.compile("".join(map("".join, zip_longest(written, values, fillvalue=""))), re.DOTALL)


def catalogue(language: str) -> Catalog:
    """The catalogue of a language, as its file has it."""
    with (files(__name__) / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def _by_preference(accepted: str) -> list[str]:
    """Languages of an Accept-Language header, the most wanted first, in small letters."""
    found = []
    for place, entry in enumerate(accepted.lower().split(",")):
        name, _, quality = entry.partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if name.strip() and weight > 0:
            found.append((-weight, place, name.strip()))
    return [name for _, _, name in sorted(found)]
