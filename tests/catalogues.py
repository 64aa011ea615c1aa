"""Catalogues that stand in for a translation, so that what is not translated is seen."""

from collections.abc import Callable, Iterator
from typing import Any

from babel.messages import Catalog

from orchestrator import languages


def of_texts(shown: Callable[[str], str]) -> Callable[[str], Catalog]:
    """What `languages.catalogue` does, with texts made of the English ones instead of Japanese."""
    whole = languages.catalogue("ja")

    def catalogue(language: str) -> Catalog:
        found = Catalog(language)
        for message in whole:
            if message.id:
                one = message.id if isinstance(message.id, str) else message.id[1]
                text = shown(one)
                string = text if isinstance(message.id, str) else (text,)
                found.add(message.id, string, message.locations)
        return found

    return catalogue


def leaves(value: Any) -> Iterator[str]:
    """Every text that is given, not said: names, titles, levels, units."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield str(key)
            yield from leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, str):
        yield value
