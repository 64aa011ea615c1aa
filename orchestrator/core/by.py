"""Who does something, and why."""

from typing import Annotated, NamedTuple

from pydantic import StringConstraints

WELLWISE = "wellwise"
"""Who acts where no person does."""

PRINTED = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
"""Text without control characters, but for tabs and new lines."""

Reason = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000, pattern=PRINTED)
]


class By(NamedTuple):
    """A person (or wellwise itself) and the reason that they give; both go into the event log."""

    who: str = WELLWISE
    why: str = ""
