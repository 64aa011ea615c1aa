"""What plate readers write instead of a number that they cannot measure."""

import re

_OUT_OF_RANGE = re.compile(
    r"[<>]\s*[\d.,]+|[*#?]{2,}|[<>]{2,}|#?sat(urated)?\.?|#(low|high|range)"
    r"|(over|under|out)([ _-]?(range|flow|of[ _-]?range))?"
    r"|ov(e?r)?fl?w?|unfl?w|o\.?o\.?r\.?|[+-]?inf(inity)?|max|min|missed|undetermined|invalid|masked|err(or)?",
    re.IGNORECASE,
)


def is_out_of_range(cell: str) -> bool:
    """Whether a cell has what readers write instead of a number that they cannot measure."""
    return _OUT_OF_RANGE.fullmatch(cell) is not None
