"""Typefaces: letters of the language in which a report and its figures are written."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from matplotlib import font_manager, rc_context
from matplotlib.ft2font import FT2Font

from orchestrator.languages import ENGLISH, current

_LETTERS = {"ja": "かき漢字", "ko": "가나"}
"""Letters by which a font of a language is known: a font of last resort draws them all alike."""

_SERIF = {
    "ja": ("Hiragino Mincho ProN", "Yu Mincho", "Noto Serif CJK JP", "IPAexMincho"),
    "ko": ("AppleMyungjo", "Batang", "Noto Serif CJK KR", "NanumMyeongjo"),
}
_SANS = {
    "ja": ("Hiragino Sans", "Yu Gothic", "Noto Sans CJK JP", "IPAexGothic"),
    "ko": ("Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans CJK KR", "NanumGothic"),
}
_LATIN_SERIF, _LATIN_SANS = ('Georgia, "DejaVu Serif"', 'system-ui, "DejaVu Sans"')


def families() -> Mapping[str, str]:
    """The fonts of a page in the current language, as CSS has them: `serif` and `sans`."""

    def listed(first: str, further: Mapping[str, tuple[str, ...]], last: str) -> str:
        own = [f'"{name}"' for name in further.get(current(), ())]
        own += [f'"{name}"' for name in found_here(current())]
        return ", ".join([first, *dict.fromkeys(own), last])

    return {
        "serif": listed(_LATIN_SERIF, _SERIF, "serif"),
        "sans": listed(_LATIN_SANS, _SANS, "sans-serif"),
    }


@contextmanager
def lettered() -> Iterator[None]:
    """Figures that are made and written inside have letters of the current language.

    Their texts are drawn as paths where a font of this computer has the letters. Where none has,
    they stay texts, for which whoever looks has a font.
    """
    if current() == ENGLISH:
        yield
        return
    here = found_here(current())
    with rc_context({"font.family": ["DejaVu Sans", *here]}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


@cache
def found_here(language: str) -> tuple[str, ...]:
    """The font of this computer that has letters of a language, if one has: the first by name."""
    letters = _LETTERS.get(language, "")
    preferred = (*_SANS.get(language, ()), *_SERIF.get(language, ()))
    fonts = sorted(
        font_manager.fontManager.ttflist,
        key=lambda font: (font.name not in preferred, font.name, font.weight != 400),
    )
    for font in fonts if letters else ():
        try:
            known = FT2Font(font.fname).get_charmap()
        except (OSError, RuntimeError):
            continue
        drawn = {known[ord(letter)] for letter in letters if ord(letter) in known}
        if len(drawn) == len(letters):
            return (font.name,)
    return ()
