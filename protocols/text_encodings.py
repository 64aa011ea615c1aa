"""Text files of unknown encoding: bytes -> text, as spreadsheets of many countries write them."""

import re
import unicodedata
from collections.abc import Callable

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_WIDE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff01-\uff5e]")
_STRANGE = ("Co", "Cn", "Cs", "Cc")
_EAST_ASIAN: dict[str, Callable[[bytes], bool]] = {
    "cp932": lambda one: one[0] < 0xA0,
    "cp949": lambda one: one[1] > 0xA0,
}
"""What Excel writes as CSV in Japan and Korea, and which bytes of a character are no accents.

Kana and the usual kanji begin with what is no letter in Windows-1252; the usual syllables of Hangul
are two letters with accents, which hardly follow each other there.
"""


def text_of(content: bytes) -> str:
    """The text of a file: UTF-8, UTF-16, what Japanese or Korean computers write, or Windows-1252.

    What is none of the first two is Japanese (CP932) or Korean (CP949) where it has words in it.
    """
    if content.startswith(_UTF_16):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        # Of UTF-16 half of each sign, digit and end of a line is 0, always the same half.
        first, second = content[::2].count(0), content[1::2].count(0)
        order = "le" if second > first else "be"
        found = _decoded(content, f"utf-16-{order}")
        sparse = 4 * max(first, second) < len(content) or min(first, second) > 0
        return content.decode("latin-1") if found is None or sparse else found
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for encoding in _EAST_ASIAN:
        found = _decoded(content, encoding)
        if found is not None and _is_words(found, encoding):
            return found
    return content.decode("cp1252", errors="replace")


def _decoded(content: bytes, encoding: str) -> str | None:
    """The text in an encoding; None where it is none, or has characters of nobody."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    plain = (c for c in set(text) if c not in "\t\r\n")
    return None if any(unicodedata.category(c) in _STRANGE for c in plain) else text


def _is_words(text: str, encoding: str) -> bool:
    """Whether it has two wide characters side by side, and most of its wide ones are sure."""
    sure = _EAST_ASIAN[encoding]
    wide = _WIDE.findall(text)
    found = sum(sure(c.encode(encoding)) for c in wide)
    return 2 * found > len(wide) and re.search(f"{_WIDE.pattern}{{2}}", text) is not None
