"""Languages: what pages say, in the language of who looks.

What is recorded or given to programs (journal, files, the API's answers to them) is in English: a
text is translated where it is shown, never where it is kept. The catalogues beside this file are
gettext's PO files; `python -m orchestrator.service.dashboard.catalogues` brings them up to
date.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from babel import Locale, negotiate_locale
from babel.dates import format_datetime
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", "ja": "日本語", "ko": "한국어"}
"""Languages of which there is a whole catalogue -> what their speakers call them."""

_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


class Words(NamedTuple):
    """Translations of one language."""

    texts: Mapping[str, str]
    """English -> translation, of each text and each plural that has one."""
    of_browser: Mapping[str, str]
    """Those of them that scripts of pages say."""

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


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """A text for this number of things (`{number}`), in the current language."""
    text = one if number == 1 else many
    return words(current()).texts.get(text, text).format(number=number, **values)


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
    for message in found:
        said = [message.id] if isinstance(message.id, str) else list(message.id)
        shown = [message.string] if isinstance(message.string, str) else list(message.string or ())
        for text, translation in zip(said, shown * len(said), strict=False):
            if text and translation:
                texts[text] = translation
                if any(file.endswith(".js") for file, _ in message.locations):
                    of_browser[text] = translation
    return Words(texts, of_browser)


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
