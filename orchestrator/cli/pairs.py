"""NAME=VALUE on the command line."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML

from protocols.errors import InvalidInput, Problem


def values_of(pairs: list[str] | None) -> dict[str, Any]:
    """Values by name, each as YAML reads it.

    Raises:
        InvalidInput: an entry has no equals sign.
    """
    return {name: YAML(typ="safe", pure=True).load(text) for name, text in map(_pair, pairs or ())}


def _pair(entry: str) -> tuple[str, str]:
    name, equals, text = entry.partition("=")
    if not equals:
        raise InvalidInput(
            [Problem(where=entry, message="is not understood", expected="NAME=VALUE")]
        )
    return name, text
