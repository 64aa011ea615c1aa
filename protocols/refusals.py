"""Refusals of single values in words, in place of those of the library that checks them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

_PATTERNS: Mapping[str, str] = {
    "Za-z]{1,2}[ :_-]*": "a well such as B2",
    "^[a-z0-9][a-z0-9_-]*$": "lower-case letters, digits, - and _",
    "^[a-z][a-z0-9_]*$": "lower-case letters, digits and _",
    "^[A-Za-z0-9][A-Za-z0-9_.-]*$": "letters, digits, -, _ and .",
    "^[A-Za-z0-9][A-Za-z0-9._-]*$": "letters, digits, -, _ and .",
    "^[A-Za-z][A-Za-z0-9_]*$": "letters, digits and _, a letter first",
    "^(viewer|operator|admin)$": "viewer, operator or admin",
    "\\x00-\\x1f": "a single line of text",
    "\\x00-\\x08": "text without control characters",
}
"""Part of a pattern -> what is meant by it."""

_BOUNDS: Mapping[str, tuple[str, str, str]] = {
    "greater_than_equal": ("ge", "is too small", "{} or more"),
    "greater_than": ("gt", "is too small", "more than {}"),
    "less_than_equal": ("le", "is too large", "{} or less"),
    "less_than": ("lt", "is too large", "less than {}"),
}


class Refusal(NamedTuple):
    """What is wrong with a value, and what was expected of it."""

    message: str
    expected: str = ""


def refusal(details: Mapping[str, Any]) -> Refusal:
    """A finding of pydantic (an entry of `ValidationError.errors()`) in words.

    >>> refusal({"type": "int_parsing", "input": "many", "msg": "...", "ctx": {}})
    Refusal(message="'many' is no whole number", expected='a whole number such as 3')
    """
    kind, given, context = details["type"], details.get("input"), details.get("ctx", {})
    shown = _shown(given)
    if kind in _BOUNDS:
        name, message, expected = _BOUNDS[kind]
        return Refusal(f"{shown} {message}", expected.format(_bound(context[name])))
    match kind:
        case "missing":
            return Refusal("this is missing")
        case "string_too_short":
            return Refusal("this may not be empty")
        case "string_too_long":
            return Refusal("this is too long", f"at most {context['max_length']:,} characters")
        case "too_short":
            return Refusal("this may not be empty")
        case "too_long":
            return Refusal("these are too many", f"at most {context['max_length']:,}")
        case "string_pattern_mismatch":
            pattern = str(context.get("pattern", ""))
            found = [words for part, words in _PATTERNS.items() if part in pattern]
            return Refusal(f"{shown} cannot be used here", found[0] if found else "")
        case "string_type":
            return Refusal(f"{shown} is no text")
        case "extra_forbidden":
            return Refusal("this is not known here")
        case "literal_error" | "enum":
            return Refusal(f"{shown} is not known", str(context["expected"]).replace("'", ""))
        case "tuple_type" | "list_type":
            return Refusal(f"{shown} is no list", "a list such as [1, 2]")
        case "dict_type" | "mapping_type":
            return Refusal(f"{shown} is no mapping", "keys with values, such as {dose: 1}")
        case "finite_number":
            return Refusal(f"{shown} is not a finite number", "a number such as 0.5")
        case "json_invalid":
            return Refusal("this cannot be read as JSON")
    if kind.startswith("int_"):
        return Refusal(f"{shown} is no whole number", "a whole number such as 3")
    if kind.startswith("float_"):
        return Refusal(f"{shown} is no number", "a number such as 0.5")
    if kind.startswith("bool_"):
        return Refusal(f"{shown} is neither yes nor no")
    return Refusal(of_library(details))


def wrong(details: Mapping[str, Any]) -> str:
    """A value, and what it is not, for the middle of a sentence.

    >>> wrong({"type": "greater_than", "input": 0.0, "msg": "...", "ctx": {"gt": 0}})
    '0.0, not more than 0'
    """
    message, expected = refusal(details)
    return f"{_shown(details.get('input'))}" + (f", not {expected}" if expected else f": {message}")


def of_library(details: Mapping[str, Any]) -> str:
    """What is wrong with a value in the words of the library, or of whoever wrote the check."""
    return str(details["msg"]).removeprefix("Value error, ").replace("Input s", "s")


def _bound(value: float) -> str:
    """A limit without a digit too few: seeds and counts have many."""
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10**6 else f"{value:g}"


def _shown(given: Any) -> str:
    """What was given, as it is spoken of."""
    if given is None:
        return "nothing"
    text = repr(given) if isinstance(given, str) else str(given)
    return text if len(text) <= 60 else f"{text[:57]}..."
